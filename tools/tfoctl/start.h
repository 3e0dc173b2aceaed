/* SPDX-License-Identifier: MIT */
/*
 * tfo-run, behind its script: what its options say, whether and how a program can be started, and
 * the start. All of it may end the process: with an exit status of tfo-run's, or as the program.
 */
#ifndef TFO_TOOLS_TFOCTL_START_H
#define TFO_TOOLS_TFOCTL_START_H

#include "policy.h"
#include "program.h"

#include <stdbool.h>

/* Says why, behind "tfo-run: ", and ends. */
_Noreturn void start_die(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A text that stays. Ends the process where there is no memory for it. */
char *start_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- start_options.c ---- */

struct start_options {
	enum { SHOW_NOTHING, SHOW_HELP, SHOW_VERSION } show;
	const char *policy, *log, *root; /* absolute paths, log perhaps "stderr"; NULL: not given */
	const char *rules;		 /* a line each; NULL: none */
	const char *unit;
	bool dry_run, force, summary, supervise, require;
	bool write, remove, is_users; /* of unit */
};

/* Reads the options before the command, and returns the words behind them. */
char **start_read_options(char **words, struct start_options *options);

/* ---- start_preload.c ---- */

struct start_places {
	const char *bin;     /* where tfo-run is; these are directories */
	const char *libexec; /* where the rest of an installation is */
	const char *library; /* the file; "" if there is none */
	const char *lib32;   /* the directories of the libraries of 32 bits, a space between them,
				as seen from the prefix */
	const char *path;    /* PATH; the shell has one where the environment has none */
};

/* What LD_PRELOAD is to be for a program with this loader: the library, and all that is in it
 * already. */
const char *start_preload(const struct start_places *places, const struct elf *elf);

/* ---- start_help.c ---- */

extern const char start_usage[];
void start_print_help(void);

/* ---- start_judge.c ---- */

/* Instead of success: only a supervisor reaches the program, and that is what is to be. */
enum { STATUS_SUPERVISE = 124 };

struct start_wish {
	bool force;	/* run whatever program it is */
	bool supervise; /* not by LD_PRELOAD */
};

/*
 * Looks at the program of this file and at the policy in force. Returns EXIT_SUCCESS or
 * STATUS_SUPERVISE if it can be started; STATUS_NOT_STARTED or STATUS_NOT_EXECUTABLE if not, with
 * *why, the end of a sentence; STATUS_TROUBLE if the policy is bad, and then that was printed.
 */
int judge_start(const char *file, const struct start_wish *wish, struct program *program,
		const char **why);

/* Whether tfo-run supervises a program by itself: where that is the only way, and this number of
 * rules is made for that. */
bool is_to_be_supervised(const struct program *program, unsigned int rules);

/* The libc that an ELF file wants, by its loader's name; NULL: none. */
const char *libc_of(const struct elf *elf);

/* How many of the rules a supervisor holds under. */
unsigned int count_supervised(const struct policy *policy);

#endif
