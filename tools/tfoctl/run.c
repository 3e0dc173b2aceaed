/* SPDX-License-Identifier: MIT */
/*
 * The last step of tfo-run where becoming the program does not do: tfo-run -s runs it as a
 * child, to say at the end what was saved. To the outside it is as if the program had been
 * executed: signals reach it, its stops are ours, and we end as it ended. How that is counted
 * stands in shim/memory/tally.h.
 */
#include "tfoctl.h"

#include "shim/memory/tally.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef F_ADD_SEALS /* linux/fcntl.h */
#define F_ADD_SEALS   1033
#define F_SEAL_SHRINK 2
#define F_SEAL_GROW   4
#endif

/* linux/memfd.h; memfd_create(3) is missing in older libcs. */
#define MEMFD_CLOEXEC	    1u
#define MEMFD_ALLOW_SEALING 2u

/* Ours must not become the standard streams of a program that was started without them. */
static int move_up(int fd)
{
	int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (moved >= 0)
		close(fd);
	return moved;
}

/* The counters, and their name for the processes of the run in TFO_SUMMARY. NULL: they cannot be
 * had.
 */
static struct tally *make_tally(void)
{
	struct tally *tally;
	char name[64];
	int fd = move_up(
		(int)syscall(SYS_memfd_create, "tfo-run", MEMFD_CLOEXEC | MEMFD_ALLOW_SEALING));

	if (fd < 0 || ftruncate(fd, sizeof(*tally)) != 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0)
		return NULL;
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (tally == MAP_FAILED)
		return NULL;
	memcpy(tally->magic, TALLY_MAGIC, sizeof(tally->magic));
	/* Not below /proc/self: it is for others. */
	snprintf(name, sizeof(name), "/proc/%ld/fd/%d", (long)getpid(), fd);
	/* Without /proc nobody would find them. */
	return access(name, W_OK) == 0 && setenv("TFO_SUMMARY", name, 1) == 0 ? tally : NULL;
}

/* The child. */

int status_of_failure(int error)
{
	return error == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
}

struct inherited {
	sigset_t blocked;
	struct sigaction child; /* SIGCHLD: ignored, perhaps */
};

static _Noreturn void become(char **command, const struct inherited *inherited, int failure)
{
	int error;

	sigaction(SIGCHLD, &inherited->child, NULL);
	sigprocmask(SIG_SETMASK, &inherited->blocked, NULL);
	execvp(command[0], command);
	error = errno;
	if (write(failure, &error, sizeof(error)) < 0)
		error = EIO;
	_exit(status_of_failure(error));
}

/* The parent. */

/* All that may be sent to the program through us. Not what tells of an error of our own, and not
 * what stops those in the background that write to the terminal. */
static void signals_to_pass_on(sigset_t *signals)
{
	static const int ours[] = {SIGSEGV, SIGBUS,  SIGFPE,  SIGILL, SIGTRAP,
				   SIGSYS,  SIGABRT, SIGTTIN, SIGTTOU};

	sigfillset(signals);
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		sigdelset(signals, ours[i]);
}

/* The program has been stopped: so are we, until somebody goes on with us. */
static void stop_too(pid_t child)
{
	raise(SIGSTOP);
	kill(child, SIGCONT);
}

/* Whether it has ended, and how. */
static bool look_after(pid_t child, int *status)
{
	while (waitpid(child, status, WNOHANG | WUNTRACED) == child) {
		if (!WIFSTOPPED(*status))
			return true;
		stop_too(child);
	}
	return false;
}

/* What the kernel sends, as the terminal's keys do, it has sent to the program as well. */
static void pass_on(const siginfo_t *info, pid_t child)
{
	if (info->si_code <= 0)
		kill(child, info->si_signo);
}

static int wait_for(pid_t child, const sigset_t *signals)
{
	siginfo_t info;
	int status;

	while (!look_after(child, &status)) {
		if (sigwaitinfo(signals, &info) > 0 && info.si_signo != SIGCHLD)
			pass_on(&info, child);
	}
	return status;
}

/* As the program ended: by the same signal, so that a shell sees what it would have seen. Returns
 * the exit status for where that cannot be. */
static int end_like(int status)
{
	const struct rlimit none = {0};
	sigset_t signal_set;

	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	setrlimit(RLIMIT_CORE, &none); /* the program has left one, if any */
	signal(WTERMSIG(status), SIG_DFL);
	sigemptyset(&signal_set);
	sigaddset(&signal_set, WTERMSIG(status));
	sigprocmask(SIG_UNBLOCK, &signal_set, NULL);
	raise(WTERMSIG(status));
	return 128 + WTERMSIG(status); /* the first process of a container */
}

/* The summary. */

static uint64_t get(const struct tally *tally, enum tally_count which)
{
	return atomic_load(&tally->counts[which]);
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static void print_trouble(const struct tally *tally)
{
	const struct {
		uint64_t count;
		const char *what;
	} troubles[] = {
		{get(tally, TALLY_REPEATED), "SYN lost and sent again"},
		{get(tally, TALLY_RESET), "SYN with data reset and connected plainly"},
		{get(tally, TALLY_FAILED), "not connected"},
		{get(tally, TALLY_SUSPENSIONS), "suspended"},
	};
	const char *before = "tfo-run: ";

	for (size_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++) {
		if (!troubles[i].count)
			continue;
		fprintf(stderr, "%s%" PRIu64 " %s", before, troubles[i].count, troubles[i].what);
		before = ", ";
	}
	if (*before == ',')
		fputc('\n', stderr);
}

static void print_summary(const struct tally *tally)
{
	uint64_t connections = get(tally, TALLY_CONNECTIONS), saved = get(tally, TALLY_ROUND_TRIPS);
	uint64_t accepted = get(tally, TALLY_ACCEPTED), us = get(tally, TALLY_US);

	if (!connections && !accepted) {
		fputs("tfo-run: nothing saved: no connection was held, nor was a cookie asked for; "
		      "-v says why\n",
		      stderr);
		return;
	}
	fprintf(stderr, "tfo-run: %" PRIu64 " round trip%s saved, %" PRIu64 ".%" PRIu64 " ms\n",
		saved, plural(saved), us / 1000, us / 100 % 10);
	fprintf(stderr,
		"tfo-run: %" PRIu64 " connection%s: %" PRIu64 " held, %" PRIu64
		" with data in the SYN, %" PRIu64 " acknowledged\n",
		connections, plural(connections), get(tally, TALLY_HELD), get(tally, TALLY_IN_SYN),
		get(tally, TALLY_ACKNOWLEDGED));
	print_trouble(tally);
	if (accepted)
		fprintf(stderr,
			"tfo-run: %" PRIu64 " connection%s accepted, %" PRIu64
			" with data in the SYN\n",
			accepted, plural(accepted), get(tally, TALLY_ACCEPTED_IN_SYN));
}

/* Returns the child, or -1; *failure is where it says why it could not become the program. */
static pid_t start(char **command, const struct inherited *inherited, int *failure)
{
	int ends[2];
	pid_t child = -1;

	if (pipe2(ends, O_CLOEXEC) == 0)
		child = fork();
	if (child == 0)
		become(command, inherited, ends[1]);
	if (child < 0) {
		complain("%s: %s", command[0], strerror(errno));
		return -1;
	}
	close(ends[1]);
	*failure = move_up(ends[0]);
	return child;
}

static int run_and_tell(char **command)
{
	const struct sigaction to_be_told = {.sa_handler = SIG_DFL};
	struct tally *tally;
	struct inherited inherited;
	sigset_t signals;
	int failure, error, status;
	pid_t child;

	tally_open(getenv("TFO_SUMMARY")); /* of a run that this one is a part of */
	tally = make_tally();
	if (!tally)
		complain("no summary: %s", strerror(errno));
	signals_to_pass_on(&signals);
	sigaction(SIGCHLD, &to_be_told, &inherited.child);
	sigprocmask(SIG_BLOCK, &signals, &inherited.blocked);
	child = start(command, &inherited, &failure);
	if (child < 0)
		return STATUS_NOT_STARTED;
	status = wait_for(child, &signals);
	if (read(failure, &error, sizeof(error)) == (ssize_t)sizeof(error)) {
		complain("%s: %s", command[0], strerror(error));
		return status_of_failure(error);
	}
	signal(SIGPIPE, SIG_IGN); /* its status is worth more than our words */
	if (tally) {
		print_summary(tally);
		tally_add(tally);
	}
	return end_like(status);
}

/* --summary [NAME=VALUE]... -- COMMAND [ARG...] */
int run_verb(int count, char **words)
{
	speak_as("tfo-run");
	if (!count || strcmp(words[0], "--summary") != 0)
		return refuse_word(count ? words[0] : "");
	for (count--, words++; count && strcmp(words[0], "--") != 0; count--, words++) {
		if (!strchr(words[0], '=') || putenv(words[0]) != 0)
			return refuse_word(words[0]);
	}
	if (count < 2) {
		complain("run: no command");
		return STATUS_NOT_STARTED;
	}
	return run_and_tell(words + 1);
}
