/* SPDX-License-Identifier: MIT */
/* fork, and what must not be inherited. */
#include "process.h"

#include "say.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of descriptors: two for each socket that is watched would be enough. */
#define DESCRIPTORS_MOST 65536

static char *words_begin, *words_end;

void process_remember_words(int count, char **words)
{
	words_begin = words[0];
	words_end = words[count - 1] + strlen(words[count - 1]);
}

static void change_words(void)
{
	static const char name[] = "tfo-supervise";
	size_t size = (size_t)(words_end - words_begin);

	memset(words_begin, 0, size);
	memcpy(words_begin, name, sizeof(name) - 1 < size ? sizeof(name) - 1 : size);
}

static void wake_up(int number)
{
	(void)number;
}

/* All signals that can be blocked, but SIGALRM, which ends a connect() that waits. */
static void block_signals(void)
{
	const struct sigaction interrupts = {.sa_handler = wake_up};
	const struct sigaction default_action = {.sa_handler = SIG_DFL};
	sigset_t all;

	sigfillset(&all);
	sigdelset(&all, SIGALRM);
	sigaction(SIGALRM, &interrupts, NULL);
	sigaction(SIGCHLD, &default_action, NULL); /* ignored, children could not be waited for */
	sigprocmask(SIG_SETMASK, &all, NULL);
}

int process_leave_behind(void)
{
	pid_t between = fork();

	if (between < 0)
		return -1;
	if (between > 0) {
		while (waitpid(between, NULL, 0) < 0 && errno == EINTR)
			continue;
		return 1;
	}
	setsid();
	if (fork() != 0)
		_exit(EXIT_SUCCESS);
	block_signals();
	change_words();
	/* Nobody's directory is kept from being unmounted. */
	if (chdir("/") != 0)
		_exit(EXIT_FAILURE);
	return 0;
}

/* Out of the way of the standard descriptors, which the program may have been started without. */
static void move_up(int *fd)
{
	int moved = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (moved >= 0)
		*fd = moved;
}

static void close_from_to(unsigned int first, unsigned int last)
{
	if (first <= last)
		syscall(SYS_close_range, first, last, 0);
}

void process_leave_all_but(int *one, int *other)
{
	unsigned int lower, upper;
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	move_up(one);
	move_up(other);
	for (int fd = 0; nothing >= 0 && fd <= STDERR_FILENO; fd++)
		if (fd != STDERR_FILENO || !say_is_on_stderr())
			dup2(nothing, fd);
	lower = (unsigned int)(*one < *other ? *one : *other);
	upper = (unsigned int)(*one < *other ? *other : *one);
	close_from_to(STDERR_FILENO + 1, lower - 1);
	close_from_to(lower + 1, upper - 1);
	close_from_to(upper + 1, ~0u);
}

static void ask_to_be_spared(void)
{
	static const char never[] = "-1000";
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	/* It takes a privilege; without it the supervisor is small, which also counts. */
	if (write(fd, never, sizeof(never) - 1) < 0)
		errno = 0;
	close(fd);
}

void process_hold_on(void)
{
	struct rlimit limit;

	ask_to_be_spared();
	/* What is in use, or will be; not the holes of the memory's file. */
	mlockall(MCL_CURRENT | MCL_ONFAULT);
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MOST ? limit.rlim_max : DESCRIPTORS_MOST;
	setrlimit(RLIMIT_NOFILE, &limit);
}

bool process_is_watched(void)
{
	pid_t supervisor = fork();
	int status = 0;

	if (supervisor == 0)
		return true;
	if (supervisor < 0)
		return false; /* then there is only the guard */
	while (waitpid(supervisor, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS)
		_exit(EXIT_SUCCESS);
	return false;
}
