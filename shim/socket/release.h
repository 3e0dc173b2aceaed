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

/* Why the SYN of a socket could not be sent at all, for the first call that can tell it: as if the
 * network had said so. 0: it was sent, or the program knows. The socket would have told it at
 * connect(), and to the kernel it was never connected: a write would be a broken pipe. */
int release_failure(const struct tracking *tracking);

/* The same for a socket that could not be tracked. False if it failed. */
bool release_untracked(int fd, const struct tracked *facts);

/* fd is about to be read: a blocking reader waits for an answer to a SYN that must go now. A
 * non-blocking one is told EAGAIN by the kernel, and what it waits for next decides. */
void release_for_reading(int fd, bool nonblocking_call);

/* fd is about to be used in a way that this library does not look into: by stdio, or from inside
 * the kernel. */
void release_unseen(int fd);

/* The same where somebody else may use it from then on: it is about to be duplicated, or given to
 * other threads of libc. */
void release_for_sharing(int fd);

/* fd is about to be passed to another process, which will not know that it may be in flight: if the
 * program counts on the connection it is one first, as far as a handshake usually takes. */
void release_for_passing(int fd);

/* fd is about to be asked or set or waited for in a way that only the kernel's hold bears: under
 * the user's it is released. */
void release_before_look(int fd);

/* fd is about to be used in a way that needs a real connection, or would reset one in flight: waits
 * for the handshake, as long as HANDSHAKE_PATIENCE_NS. */
void release_and_await(int fd);

/* The program is about to sleep: releases every hold that this thread made, and those in epoll
 * sets, whoever waits on them; with `readers_only`, those of this thread whose program has tried to
 * read. */
void release_before_sleep(bool readers_only);

/* The same for a wait on an epoll set: what this thread holds, and what is in that set. Other
 * threads of the program may be about to write to what is in theirs. */
void release_before_epoll_sleep(int epoll);

/* The program is about to sleep for fd. */
void release_waited_for(int fd);

/* The epoll set that a socket is in, or one of EPOLL_SET_. */
void note_epoll_set(struct tracking *tracking, int set);

/* A call that waits has returned something: it may have said that a held socket is writable. */
void holds_were_seen(void);

/* The program has waited for fd alone, for `for_ns` at the most, and was told that it is writable.
 * A plain connection would have had it wait as long as a handshake takes: what it writes may. */
void waited_alone(int fd, uint64_t for_ns);

/* The program's wait for fd has run into its timeout; or its wait on an epoll set. */
void waited_in_vain(int fd);
void epoll_waited_in_vain(int epoll);

/* A child is about to be made: releases every hold, and remembers that others may have what is
 * connected by now. */
void release_for_child(void);

/* Releases every hold of this process. */
void release_all(enum syn_reason reason);

/* Looks whether the handshake of a socket that is connecting or in flight has ended. If so its
 * outcome is remembered, the socket is merely watched from then on, and true is returned. One that
 * failed at once ends when its program has been told. */
bool handshake_has_ended(struct tracking *tracking);

/* The same for an outcome that has been asked for already; and of a socket that is not in the
 * table.
 */
struct outcome;
bool handshake_is_seen(struct tracking *tracking, const struct outcome *outcome);
void handshake_is_over(const struct tracked *socket, const struct outcome *outcome);

/* An ordinary connect() under a rule has failed at once. */
void handshake_was_refused(const struct tracked *socket, int error);

/* Looks whether the first byte of a SOCKET_TIMED has come, and remembers how long it took. */
void first_byte_looked_for(struct tracking *tracking);

/* The program gives a connection up whose handshake is under way. If it has been waiting for longer
 * than a handshake takes, that is remembered as if it had failed. */
void connection_is_given_up(const struct tracking *tracking);

/* Whether the two that follow have anything to do. Asks the kernel at most for what the answer came
 * to; the descriptor may be another socket's by now. */
bool end_matters(const struct tracking *tracking);

/* The socket is about to go: what came after its handshake is remembered. */
void connection_ends(const struct tracking *tracking);

/* A program whose connect() waited takes it that the handshake has ended: waits for that, if it is
 * one. */
void connection_await(struct tracking *tracking);

/* A socket in flight that does not block is about to be sent to, and a plain program would not be
 * told EAGAIN: its connect() has waited, or its own wait for that socket, or it was told that the
 * socket is connected and the hold has ended by itself since. Waits for the handshake, at most as
 * long as the program has waited or as a handshake usually takes. Whose first bytes were not safe
 * to repeat is told EAGAIN: its event loop is not to wait. */
void connection_await_for_sending(struct tracking *tracking);

/* The same for what is about to be waited for: fd, and what is in epoll sets. Not for longer than
 * connect() would have waited. */
void connection_await_of(int fd);
void connections_await_in_epoll(int epoll);

/* The program closes the socket. An answer to data that left with the SYN may be there, unread, a
 * round trip before it could have been without that, or come in this moment; it would turn the
 * close into a reset, which loses what has not left yet. So what was written ends with a FIN before
 * that, and the answer is thrown away. */
void early_answer_avoid(const struct tracking *tracking);

/* The same for a process that ends: other threads, and libc with what is left in a stream, may
 * write until it is gone, and behind a FIN they would die of a broken pipe. So the answer is thrown
 * away, and what has not come yet is kept out. Nobody can read from the socket after that. */
void early_answer_keep_out(const struct tracking *tracking);

/* Waits until no handshake is under way on fd, at most until `until_ns`. Signals do not shorten it,
 * and nothing is recorded or consumed: a pending error is left for the program. */
void handshake_await(int fd, uint64_t until_ns);

/* Waits so for what is in flight of a connect() that blocked, but no longer than a handshake
 * usually takes: signals and the program's own time limits then act as they would have. */
void handshake_await_usual(int fd);

/* Whether the program counts on a connection: connect() waited for it or said 0, a call that waits
 * may have said that it is writable, or it carries data. If not, closing gives the attempt up, as
 * it always has. */
bool counts_on_connection(const struct tracked *socket);

/* Until when a handshake is worth waiting for that the program has itself waited for in vain, or
 * whose end is only a precaution: a few round trips after the SYN. */
uint64_t handshake_patience_ended_ns(const struct tracked *socket);

/* Waits for the handshakes that the program counts on, before it loses its sockets. Bounded by
 * HANDSHAKE_PATIENCE_NS, and by less for a socket that it has waited for in vain. */
void handshakes_see_through_exit(void);
void handshakes_see_through_exec(void);

/* The same before another program gets copies of those that do not close on exec; bounded by a few
 * round trips. */
void handshakes_see_through_spawn(void);

#endif
