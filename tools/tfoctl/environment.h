/* SPDX-License-Identifier: MIT */
/* Inside `tfoctl check --quiet`: what the shell of tfo-run has done to its environment. */
#ifndef TFO_TOOLS_TFOCTL_ENVIRONMENT_H
#define TFO_TOOLS_TFOCTL_ENVIRONMENT_H

/*
 * Compares our environment, which is what that shell, our parent, passes on, with the one that it
 * was started with, and prints what makes good the difference, as commands for it: it unsets the
 * variables that the shell has made itself, and, where any were lost, sets tfo_lost to "yes" and
 * puts them before its arguments, with "--" behind them. Prints nothing where nothing is to be
 * done.
 */
void print_repairs(void);

#endif
