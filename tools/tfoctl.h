/* SPDX-License-Identifier: MIT */
/*
 * What the files of tfoctl share: the verbs, one per function, and how errors are said.
 * A verb gets the words behind its name, as many as its entry in the table allows, and returns
 * the exit status: 0, or 1 when something is wrong. One thread.
 */
#ifndef TFO_TOOLS_TFOCTL_H
#define TFO_TOOLS_TFOCTL_H

/* A line on standard error: "tfoctl: " and the message. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

int policy_check_verb(int count, char **words);
int policy_print_verb(int count, char **words);
int policy_which_verb(int count, char **words);

#endif
