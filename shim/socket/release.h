/* SPDX-License-Identifier: MIT */
/*
 * Letting a held SYN go without data, and seeing a handshake to its end. Everything here keeps
 * errno and may be called by any thread and in any signal handler.
 */
#ifndef TFO_SHIM_SOCKET_RELEASE_H
#define TFO_SHIM_SOCKET_RELEASE_H

#include "shim/socket/table.h"

/* How long the end of a handshake is awaited where an ordinary program would have waited in
 * connect(): through the kernel's second retransmission of a SYN (at 1 s and 3 s). */
#define HANDSHAKE_PATIENCE_NS (5 * NS_PER_S)

/* Sends the SYN of a held socket without data: HELD to IN_FLIGHT. Does nothing otherwise. */
void release(struct tracking *tracking, enum syn_reason reason);

/* The same for a socket that could not be tracked. */
void release_untracked(int fd, const struct tracked *facts);

/* fd is about to be read: a blocking reader waits for an answer to a SYN that must go now. A
 * non-blocking one is told EAGAIN by the kernel, and what it waits for next decides. */
void release_for_reading(int fd, bool nonblocking_call);

/* fd is about to be used in a way that this library does not follow: duplicated, given to stdio or
 * another program, sent from inside the kernel. */
void release_for_sharing(int fd);

/* fd is about to be used in a way that needs a real connection, or would reset one in flight: waits
 * for the handshake, as long as HANDSHAKE_PATIENCE_NS. */
void release_and_await(int fd);

/* Releases every hold that this thread made; with `readers_only`, those whose program has tried to
 * read. */
void release_mine(bool readers_only);

/* Releases every hold of this process. */
void release_all(enum syn_reason reason);

/* Looks whether the handshake of a socket that is connecting or in flight has ended. If so its
 * outcome is remembered, the socket is merely watched from then on, and true is returned. */
bool handshake_has_ended(struct tracking *tracking);

/* The same for an outcome that has been seen already, of a socket that is not in the table. */
struct outcome;
void handshake_is_over(const struct tracked *socket, const struct outcome *outcome);

/* An ordinary connect() under a rule has failed at once. */
void handshake_was_refused(const struct tracked *socket, int error);

/* Looks whether the first byte of a SOCKET_TIMED has come, and remembers how long it took. */
void first_byte_looked_for(struct tracking *tracking);

/* The socket is about to go: what came after its handshake is remembered. */
void connection_ends(const struct tracking *tracking);

/* Waits until no handshake is under way on fd, at most until `until_ns`. Signals do not shorten it,
 * and nothing is recorded or consumed: a pending error is left for the program. */
void handshake_await(int fd, uint64_t until_ns);

/* Waits for every handshake whose data would otherwise be lost: before exit and exec, or, with
 * `inheritable_only`, before a new program gets its copies of them. Bounded by
 * HANDSHAKE_PATIENCE_NS; a socket whose program has itself waited in vain is not waited for. */
void handshakes_see_through(bool inheritable_only);

/* Told by the doors of poll and the rest: a wait of the program's has run into its timeout. */
void handshake_waited_in_vain(void);

#endif
