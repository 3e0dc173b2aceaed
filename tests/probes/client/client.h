/* SPDX-License-Identifier: MIT */
/*
 * What the rooms of the client share: the sockets it acts on, the steps it was told, and the one
 * way to say what a call said. The steps themselves are listed at the head of main.c.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>

/* A socket of the client, and what else a step has made of it. -1, NULL: not there. */
struct endpoint {
	int fd, older_fd, epoll_fd;
	FILE *stream;
};

#define SOCKETS_MOST 8
extern struct endpoint endpoints[SOCKETS_MOST];

/* The one that steps act on: `use:N` changes it. A step in the background keeps its own. */
extern _Thread_local struct endpoint *at;

extern struct sockaddr_storage address;
extern socklen_t address_length;

/* After the step "patient" a call that a signal interrupts is made again, as careful programs do.
 */
extern bool patient;

/* One word of the command line: NAME or NAME:REST. */
struct step {
	char name[32];
	const char *rest;
	int number; /* REST as a number; 0 if it is none */
};

struct step step_of(const char *text);

/* Does a step. What it does not know is taken for a way to send. */
void run(const struct step *step);

/* Prints "NAME: " and the result, the name of errno if it is negative, or a text. At once: the next
 * step may be _exit. Steps in the background say it when they are joined. */
void say(const char *name, long result);
void say_text(const char *name, const char *text);

/* Starts this program with other arguments, waits for it and ends with its status. */
_Noreturn void go_on_in_spawned(const char *name, char **arguments);

_Noreturn void die(const char *what);
void need_socket(void);

/* Whether a call with that result is to be made again. */
bool interrupted(long result);

/* DATA of a step: text, @N for N bytes of a pattern that shows loss and repetition, or =get, =post
 * for an HTTP request. */
struct data {
	char *bytes;
	size_t size;
};
struct data data_of(const char *text);

/* Each takes the step if it is one of its own: true. */
bool run_socket_step(const struct step *step);	/* socket.c: connect, ask, duplicate, close */
bool run_wait_step(const struct step *step);	/* wait.c: poll and its kin */
bool run_receive_step(const struct step *step); /* receive.c */
bool run_process_step(const struct step *step); /* process.c: children, threads, signals, exit */
bool run_send_step(const struct step *step);	/* send.c */

/* old_libc.c has what musl and older glibcs have not. */
#if !defined(__GLIBC__) || defined(CLIENT_FOR_ANY_GLIBC)
#define CLIENT_FOR_OLD_LIBC
#endif
#ifndef __GLIBC__
const char *strerrorname_np(int error);
struct iovec;
struct timespec;
struct epoll_event;
ssize_t preadv2(int fd, const struct iovec *parts, int count, off_t offset, int flags);
ssize_t pwritev2(int fd, const struct iovec *parts, int count, off_t offset, int flags);
int close_range(unsigned int first, unsigned int last, int flags);
void closefrom(int first);
int epoll_pwait2(int epoll, struct epoll_event *events, int most, const struct timespec *timeout,
		 const sigset_t *mask);
#endif

#endif
