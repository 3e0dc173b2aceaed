/* SPDX-License-Identifier: MIT */
/*
 * Processes that share a file, killed at any instruction, while the file is written into at random:
 *
 *   storm SECONDS LIBRARY FILE COMMAND [ARG...]
 *
 * Keeps eight of COMMAND running with LIBRARY in LD_PRELOAD; a "%" in an ARG becomes a number from
 * 1 to 99. Two of three are killed by SIGKILL after up to 60 ms; the others must end by themselves
 * within 20 s, with status 0. In between, random bytes go into FILE: anywhere, where something
 * stands, and now and then over its first bytes; or it is removed. Prints what came of it:
 *   seed=1 started=812 killed=540 finished=272 failed=0 crashed=0 hung=0 scribbled=1900
 * and exits with 0 if nothing failed, crashed or hung.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS	       8
#define LIFE_MOST_MS   60
#define PATIENCE_MS    20000
#define SCRIBBLE_BYTES 64

/* What follows the magic in the file's header says of which version it is; a file of another
 * version is left alone, for good. */
#define HEADER_TO 40

struct worker {
	int64_t started_ms, kill_ms; /* 0: is to live */
	pid_t pid;		     /* 0: none */
	bool killed;
};

static struct worker workers[WORKERS];
static struct {
	unsigned int started, killed, finished, failed, crashed, hung, scribbled;
} count;

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static long below(long limit)
{
	return random() % limit;
}

/* In the child. */
static void run(const char *library, char **command)
{
	int null = open("/dev/null", O_RDWR);

	for (char **word = command; *word; word++) {
		char *percent = strchr(*word, '%'), *text;

		if (percent && asprintf(&text, "%.*s%ld%s", (int)(percent - *word), *word,
					1 + below(99), percent + 1) > 0)
			*word = text;
	}
	dup2(null, STDOUT_FILENO);
	setenv("LD_PRELOAD", library, 1);
	if (command[0])
		execvp(command[0], command);
	_exit(127);
}

static void start(struct worker *worker, const char *library, char **command)
{
	pid_t pid = fork();

	if (pid < 0)
		return;
	if (pid == 0) {
		srandom((unsigned int)getpid());
		run(library, command);
	}
	*worker = (struct worker){.pid = pid, .started_ms = now_ms()};
	if (below(3))
		worker->kill_ms = worker->started_ms + below(LIFE_MOST_MS);
	count.started++;
}

static void note_end(const struct worker *worker, int status)
{
	if (worker->killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
		count.killed++;
	} else if (WIFSIGNALED(status)) {
		count.crashed++;
		printf("crashed: signal %d after %lld ms\n", WTERMSIG(status),
		       (long long)(now_ms() - worker->started_ms));
	} else if (WEXITSTATUS(status) != 0) {
		count.failed++;
		printf("failed: status %d\n", WEXITSTATUS(status));
	} else {
		count.finished++;
	}
}

static void look_after(struct worker *worker)
{
	int64_t now = now_ms();
	int status;

	if (waitpid(worker->pid, &status, WNOHANG) == worker->pid) {
		note_end(worker, status);
		worker->pid = 0;
		return;
	}
	if (worker->killed)
		return;
	if (!worker->kill_ms && now - worker->started_ms > PATIENCE_MS) {
		printf("hung: pid %d\n", worker->pid);
		count.hung++;
	} else if (!worker->kill_ms || now < worker->kill_ms) {
		return;
	}
	kill(worker->pid, SIGKILL);
	worker->killed = true;
}

/* A place where something stands, if a few hundred looks find one. */
static off_t find_something(int fd, off_t size)
{
	unsigned char bytes[4096];
	off_t at = below(size / 4096) * 4096;

	/* Holes are most of it. */
	at = lseek(fd, at, SEEK_DATA);
	for (int looks = 0; at >= 0 && looks < 200; looks++, at += 4096) {
		ssize_t got = pread(fd, bytes, sizeof(bytes), at);

		for (ssize_t i = 0; i < got; i++)
			if (bytes[i])
				return at + i;
	}
	return below(size);
}

static void scribble(const char *path)
{
	unsigned char bytes[SCRIBBLE_BYTES];
	size_t length = 1 + (size_t)below(SCRIBBLE_BYTES);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat status;
	off_t at;

	if (fd < 0 || fstat(fd, &status) != 0 || status.st_size < 4096) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (size_t i = 0; i < length; i++)
		bytes[i] = (unsigned char)random();
	at = below(4) ? find_something(fd, status.st_size) : below(status.st_size);
	if (below(100) == 0) {
		at = 0;
		length = 8;
	} else if (at < HEADER_TO) {
		at = HEADER_TO + below(200);
	}
	if (at + (off_t)length > status.st_size)
		at = status.st_size - (off_t)length;
	if (pwrite(fd, bytes, length, at) == (ssize_t)length)
		count.scribbled++;
	close(fd);
	if (below(50) == 0)
		unlink(path);
}

static bool anybody_left(void)
{
	for (int i = 0; i < WORKERS; i++)
		if (workers[i].pid)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	unsigned int seed = (unsigned int)time(NULL) ^ (unsigned int)getpid();
	const char *given = getenv("STORM_SEED");
	int64_t end;

	if (argc < 5) {
		fputs("usage: storm SECONDS LIBRARY FILE COMMAND [ARG...]\n", stderr);
		return 2;
	}
	if (given)
		seed = (unsigned int)strtoul(given, NULL, 10);
	srandom(seed);
	end = now_ms() + strtol(argv[1], NULL, 10) * 1000;
	while (now_ms() < end || anybody_left()) {
		for (int i = 0; i < WORKERS; i++) {
			if (workers[i].pid)
				look_after(&workers[i]);
			else if (now_ms() < end)
				start(&workers[i], argv[2], argv + 4);
		}
		if (now_ms() < end && below(3) == 0)
			scribble(argv[3]);
		nanosleep(&pause, NULL);
	}
	printf("seed=%u started=%u killed=%u finished=%u failed=%u crashed=%u hung=%u "
	       "scribbled=%u\n",
	       seed, count.started, count.killed, count.finished, count.failed, count.crashed,
	       count.hung, count.scribbled);
	return count.failed || count.crashed || count.hung;
}
