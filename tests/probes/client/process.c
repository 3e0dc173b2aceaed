/* SPDX-License-Identifier: MIT */
/* Steps with children, threads, signals and the end of the process; and what is said. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"

/* What a thread in the background says is kept until it is joined. */
static struct {
	bool runs;
	pthread_t thread;
	struct step step;
	struct endpoint *at;
	char said[4096];
} background;

static _Thread_local bool in_background;

void say_text(const char *name, const char *text)
{
	char line[256];
	int length = snprintf(line, sizeof(line), "%s: %s\n", name, text);

	if (in_background)
		strncat(background.said, line,
			sizeof(background.said) - strlen(background.said) - 1);
	else if (write(STDOUT_FILENO, line, (size_t)length) < 0)
		_exit(3);
}

void say(const char *name, long result)
{
	char text[32];

	if (result < 0) {
		say_text(name, strerrorname_np(errno));
		return;
	}
	snprintf(text, sizeof(text), "%ld", result);
	say_text(name, text);
}

static void *run_in_background(void *unused)
{
	in_background = true;
	at = background.at;
	run(&background.step);
	return unused;
}

static void begin_background(const struct step *step)
{
	background.step = step_of(step->rest);
	background.at = at;
	background.said[0] = '\0';
	if (pthread_create(&background.thread, NULL, run_in_background, NULL) != 0)
		die("pthread_create");
	background.runs = true;
}

static void join_background(void)
{
	if (!background.runs)
		return;
	pthread_join(background.thread, NULL);
	background.runs = false;
	if (write(STDOUT_FILENO, background.said, strlen(background.said)) < 0)
		_exit(3);
}

static pid_t wait_for(pid_t pid, int *status)
{
	pid_t ended;

	do
		ended = waitpid(pid, status, 0);
	while (interrupted(ended));
	return ended;
}

static int status_of(const char *name, pid_t pid)
{
	int status = -1;

	if (pid < 0 || wait_for(pid, &status) != pid)
		die(name);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void step_fork(const char *name, struct data data)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (data.size)
			_exit(write(at->fd, data.bytes, data.size) == (ssize_t)data.size ? 0 : 1);
		close(at->fd);
		_exit(0);
	}
	say(name, status_of(name, pid));
}

/* The child goes on with the steps; the parent only waits for it. */
static void go_on_in_child(const char *name)
{
	pid_t pid = fork();

	if (pid != 0)
		_exit(status_of(name, pid));
}

static void go_on_as_orphan(const char *name)
{
	pid_t pid = fork();

	if (pid < 0)
		die(name);
	if (pid != 0)
		_exit(0);
}

/* The command sees the socket as descriptor 9. */
static void step_spawn(const char *name, const char *command)
{
	char *arguments[] = {(char *)"sh", (char *)"-c", (char *)command, NULL};
	posix_spawn_file_actions_t actions;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, at->fd, 9);
	if (posix_spawn(&pid, "/bin/sh", &actions, NULL, arguments, environ) != 0)
		die("posix_spawn");
	posix_spawn_file_actions_destroy(&actions);
	say(name, status_of(name, pid));
}

void go_on_in_spawned(const char *name, char **arguments)
{
	pid_t pid;

	if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, arguments, environ) != 0)
		die("posix_spawn");
	_exit(status_of(name, pid));
}

static void step_vfork_exec(const char *name, const char *command)
{
	char *arguments[] = {(char *)"sh", (char *)"-c", (char *)command, NULL};
	pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */

	if (pid == 0) {
		execve("/bin/sh", arguments, environ);
		_exit(127);
	}
	say(name, status_of(name, pid));
}

/* A write of another thread, and then its result. */
struct thread_write {
	int fd;
	struct data data;
	ssize_t result;
	int error;
};

static void *write_in_thread(void *context)
{
	struct thread_write *work = context;

	do
		work->result = write(work->fd, work->data.bytes, work->data.size);
	while (interrupted(work->result));
	work->error = errno;
	return NULL;
}

static void step_thread(const char *name, struct data data)
{
	struct thread_write work = {at->fd, data, -1, 0};
	pthread_t thread;

	if (pthread_create(&thread, NULL, write_in_thread, &work) != 0)
		die("pthread_create");
	pthread_join(thread, NULL);
	errno = work.error;
	say(name, work.result);
}

static void ignore_signal(int number)
{
	(void)number;
}

static void signals_after(int flags, int first_ms, int every_ms)
{
	struct sigaction action = {.sa_handler = ignore_signal, .sa_flags = flags};
	struct itimerval timer = {{every_ms / 1000, every_ms % 1000 * 1000L},
				  {first_ms / 1000, first_ms % 1000 * 1000L}};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static bool run_signal_step(const char *name, int ms)
{
	if (!strcmp(name, "signals"))
		signals_after(0, ms, ms);
	else if (!strcmp(name, "signals-restart"))
		signals_after(SA_RESTART, ms, ms);
	else if (!strcmp(name, "signals-off"))
		signals_after(SA_RESTART, 0, 0);
	else if (!strcmp(name, "alarm"))
		signals_after(0, ms, 0);
	else if (!strcmp(name, "no-sigpipe"))
		signal(SIGPIPE, SIG_IGN);
	else
		return false;
	return true;
}

static bool run_end(const char *name, int status)
{
	if (!strcmp(name, "exit"))
		exit(status);
	else if (!strcmp(name, "_exit"))
		_exit(status);
	else if (!strcmp(name, "quick_exit"))
		quick_exit(status);
	else if (!strcmp(name, "syscall-exit"))
		syscall(SYS_exit_group, status);
	else
		return false;
	return true;
}

bool run_process_step(const struct step *step)
{
	const char *name = step->name;

	if (!strcmp(name, "fork-write"))
		step_fork(name, data_of(step->rest));
	else if (!strcmp(name, "fork-close"))
		step_fork(name, (struct data){0});
	else if (!strcmp(name, "in-child"))
		go_on_in_child(name);
	else if (!strcmp(name, "orphan"))
		go_on_as_orphan(name);
	else if (!strcmp(name, "spawn"))
		step_spawn(name, step->rest);
	else if (!strcmp(name, "system"))
		say(name, system(step->rest)); /* NOLINT(cert-env33-c) */
	else if (!strcmp(name, "vfork-exec"))
		step_vfork_exec(name, step->rest);
	else if (!strcmp(name, "exec"))
		execl("/bin/sh", "sh", "-c", step->rest, (char *)NULL);
	else if (!strcmp(name, "thread-write"))
		step_thread(name, data_of(step->rest));
	else if (!strcmp(name, "background"))
		begin_background(step);
	else if (!strcmp(name, "join"))
		join_background();
	else
		return run_signal_step(name, step->number) || run_end(name, step->number);
	return true;
}
