/* SPDX-License-Identifier: MIT */
/*
 * What the files of tfoctl share: the verbs, one per function, and how errors are said.
 * A verb gets the words behind its name, as many as its entry in the table allows, and returns
 * the exit status. One thread.
 */
#ifndef TFO_TOOLS_TFOCTL_H
#define TFO_TOOLS_TFOCTL_H

enum { STATUS_TROUBLE = 1, STATUS_USAGE = 2, STATUS_UNREACHABLE = 3 };

/* What tfo-run ends with: of env(1), and so of a shell. */
enum { STATUS_NOT_STARTED = 125, STATUS_NOT_EXECUTABLE = 126, STATUS_NOT_FOUND = 127 };
int status_of_failure(int error); /* an errno of exec(3) */

/* A line on standard error: "tfoctl: " and the message. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What `tfoctl environment` tells the script of tfo-run: its shell has made the variable PWD, and
 * that is all; or more, and --print says what is to be done. */
enum { STATUS_HAS_PWD = 10, STATUS_CHANGED = 11 };

/* From now on "NAME: " stands before it: verbs that are a part of tfo-run. */
void speak_as(const char *name);

/* The same about a word too many. Returns STATUS_USAGE. */
int refuse_word(const char *word);

/* Finds the memory of destinations as the library does: by the environment. */
void find_memory(void);

int check_verb(int count, char **words);
int policy_check_verb(int count, char **words);
int policy_explain_verb(int count, char **words);
int policy_print_verb(int count, char **words);
int policy_compile_verb(int count, char **words);
int policy_which_verb(int count, char **words);
int status_verb(int count, char **words);
int forget_verb(int count, char **words);
int install_verb(int count, char **words);
int inject_verb(int count, char **words);
int prime_verb(int count, char **words);
int key_new_verb(int count, char **words);
int key_rotate_verb(int count, char **words);
int key_apply_verb(int count, char **words);
int probe_verb(int count, char **words);

/* Parts of tfo-run. */
int environment_verb(int count, char **words);
int start_verb(int count, char **words);
int run_verb(int count, char **words);
int unit_verb(int count, char **words);

/* Says on standard error what is wrong with a policy, and where. */
struct policy_problem;
void print_policy_problem(const struct policy_problem *problem);

#endif
