/* SPDX-License-Identifier: MIT */
/*
 * Sockets whose handshake is looked after, each by a descriptor of our own: held until its
 * deadline, then in flight until the handshake ends; then what it teaches is remembered. A socket
 * that its program closes in the meantime lives on through our descriptor.
 */
#ifndef TFO_TOOLS_SUPERVISE_SOCKETS_H
#define TFO_TOOLS_SUPERVISE_SOCKETS_H

#include "policy/policy.h"
#include "shim/memory/place.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What is known of a connection when it is made. */
struct connection {
	union memory_address address;
	socklen_t length;
	const struct policy_rule *rule;
	uint32_t rtt_us; /* remembered; 0: none */
	pid_t thread;	 /* that made it, and the socket's number there */
	int number;
};

enum beginning {
	BEGAN_HELD,	/* the kernel holds the SYN back */
	BEGAN_RELEASED, /* it did, and the SYN went without data at once */
	BEGAN_ASKING,	/* no cookie: an ordinary handshake that asks for one */
};

struct watched;

/* `epoll` is where events come in: those that sockets_event() wants have a watched socket as their
 * data. */
void sockets_open(int epoll);

unsigned int sockets_count(void);

/* Whether one more can be watched. */
bool sockets_have_room(void);

/* Watches a connection from now on. The descriptor is ours. NULL, and nothing is done, if that
 * cannot be. */
struct watched *sockets_watch(int fd, const struct connection *connection,
			      enum beginning beginning);

/* The watched socket that this descriptor is another one of, or NULL. */
struct watched *sockets_find(int fd);

/* The kernel has something to say about it. */
void sockets_event(struct watched *watched);

/* Ends the watching if the handshake has ended; returns whether it has. */
bool sockets_look(struct watched *watched);

/* Ends the watching, and nothing is remembered: the program has dissolved the association. */
void sockets_forget(struct watched *watched);

/* The program wants to shut down what it was told is connected: released if it is held; the call is
 * passed when the handshake has ended, or has lasted for long. One that it was told is connecting
 * is shut down at once. */
void sockets_pass_afterwards(struct watched *watched, uint64_t call);

/* What the program was not told, because a signal took its connect() back: it will ask again. */
void sockets_note_untold(struct watched *watched, int error);
bool sockets_take_untold(struct watched *watched, int *error);

/* Releases what is due; returns in how many milliseconds something will be, -1: nothing. */
int sockets_due(void);

/* Releases all that is held. */
void sockets_release_all(void);

/* An ordinary connection that failed at once: the destination is not known to be good. */
void sockets_refused(const struct connection *connection, int error);

/* Takes TCP_FASTOPEN_CONNECT back, so that no later connect() on the socket is held unseen. False
 * if the kernel refuses: it is connected or connecting, or Fast Open is switched off. */
bool socket_disarm(int fd);

/* Sends the SYN of a held socket, without data. False if it is not held any more. */
bool socket_release(int fd, const struct connection *connection);

/* Whether the kernel holds the socket's SYN back. */
bool socket_is_held(int fd);

/* connect(2) that never waits, whatever becomes of O_NONBLOCK meanwhile: 0 or an errno. */
int socket_connect(int fd, const struct sockaddr *address, socklen_t length);

#endif
