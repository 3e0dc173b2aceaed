/* SPDX-License-Identifier: MIT */
#ifndef TFO_TOOLS_TFOCTL_QUOTE_H
#define TFO_TOOLS_TFOCTL_QUOTE_H

/* Prints a word as a shell reads it back, whatever is in it. */
void print_quoted(const char *word);

#endif
