/* SPDX-License-Identifier: MIT */
/*
 * Which descriptors are tracked, and in which state. One atomic word per descriptor, changed by
 * compare-and-swap; what else is known of a socket belongs to whoever moved the word last.
 *
 * Private memory, mapped as descriptors come into use, so it grows with tracked sockets and not
 * with RLIMIT_NOFILE. No locks, no malloc: every function here may be called by any thread and in
 * any signal handler, and leaves errno alone.
 */
#ifndef TFO_SHIM_SOCKET_TABLE_H
#define TFO_SHIM_SOCKET_TABLE_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "policy/policy.h"
#include "shim/hidden.h"

enum socket_state {
	SOCKET_UNTRACKED,
	SOCKET_WATCHED,	   /* its handshake is over: only its end matters */
	SOCKET_CONNECTING, /* an ordinary handshake with an allowed destination; nothing is changed
			    */
	SOCKET_TIMED,	   /* as watched, and its first byte is being timed (control=) */
	SOCKET_HELD,	   /* the kernel holds the SYN back */
	SOCKET_BUSY,	   /* somebody is emitting or releasing at this moment */
	SOCKET_IN_FLIGHT,  /* the SYN is out, the handshake has not been seen to end */
	SOCKET_KEPT,	   /* our own descriptor of a socket that the program closed in flight */
	SOCKET_STATES,
};

/* Why the SYN left as it did; for the log. */
enum syn_reason {
	SYN_WITH_PAYLOAD,
	SYN_PAYLOAD_UNSAFE,
	SYN_DEADLINE,
	SYN_PROGRAM_WAITS,
	SYN_PROGRAM_READS,
	SYN_PROGRAM_CLOSES,
	SYN_PROGRAM_SHARES,
	SYN_OTHER_CALL,
	SYN_NO_KEEPER,
	SYN_COOKIE_GONE,
	SYN_NOT_HELD,
};

union socket_address {
	struct sockaddr any;
	struct sockaddr_in ip4;
	struct sockaddr_in6 ip6;
};

/* Atomic is what other threads look at, maybe of an entry that is being used again. */
struct tracked {
	union socket_address address; /* the destination, as the program gave it */
	socklen_t address_length;
	_Atomic(uint64_t)
		identity; /* SO_COOKIE: a number reused by another socket has another one */
	_Atomic(const struct policy *) policy; /* that was in force at connect() */
	_Atomic(const struct policy_rule *) rule;
	_Atomic(uint64_t) connected_ns; /* CLOCK_MONOTONIC at connect() */
	_Atomic(uint64_t) deadline_ns;	/* SOCKET_HELD: when the keeper releases it */
	_Atomic(uint64_t) syn_ns;	/* when the SYN left */
	_Atomic(uintptr_t) holder;	/* the thread whose connect() made the hold */
	_Atomic(uintptr_t)
		busy_thread;	      /* SOCKET_BUSY: the thread that is at it; 0 before it said */
	_Atomic(bool) told_connected; /* connect() has returned 0 to the program */
	_Atomic(bool) seen_writable;  /* a call that waits may have said that it is connected */
	_Atomic(uint64_t) awaited_until_ns; /* the program waited for this one alone, and would have
					       until then; 0: no */
	_Atomic(bool) waited_in_vain; /* the program has waited for it, and its time ran out */
	_Atomic(int) epoll_set;	      /* the epoll set that it is in, or one of these: */
#define EPOLL_SET_NONE	  (-1)
#define EPOLL_SET_UNKNOWN (-2)	     /* several, or put there before it was tracked */
	_Atomic(bool) shared;	     /* it may have another number in this process, too */
	_Atomic(bool) wants_to_read; /* a non-blocking read found nothing while held */
	_Atomic(int) failure;	     /* why no SYN could be sent; 0 when the program knows */
	_Atomic(bool) by_name;	     /* held only if the payload names a host that may be */
	_Atomic(bool) blocking;	     /* connect() was a blocking one: 0 means established */
	_Atomic(uint32_t) rtt_us;    /* remembered round trip, 0: none */
	_Atomic(bool) judged;	     /* what it teaches has been remembered */
	_Atomic(bool) inherited;     /* came through fork: the parent sees to its data */
	_Atomic(bool) control;	     /* left plain, to compare (control=) */
	_Atomic(bool) reset;	     /* SYN+data was reset, and a plain connection made instead */
	_Atomic(enum syn_reason) reason;
	_Atomic(uint32_t) syn_bytes;	/* payload that left with the SYN */
	_Atomic(uint32_t) handshake_us; /* the round trip that the handshake took, 0: not known */
};

/* A descriptor that is tracked, and its state when it was looked up. */
struct tracking {
	int fd;
	uint32_t word;
	struct tracked *socket; /* NULL: not tracked */
};

/* 1024 leaves of 1024 descriptors: fs.nr_open as shipped. Larger numbers are left alone. */
#define TABLE_LEAF_BITS 10
#define TABLE_LEAVES	1024u
#define TABLE_LIMIT	(TABLE_LEAVES << TABLE_LEAF_BITS)

/* See table_note_socket(). */
#define TABLE_KINDS 65536u
#define KIND_STREAM 1
#define KIND_OTHER  2
#define KIND_TCP    4
#define KIND_SHARED 8
extern HIDDEN _Atomic(uint8_t) table_kinds[TABLE_KINDS];

/* In the low half the sockets connecting, held, busy, in flight or kept: the one thing that read,
 * write, poll and the rest look at. In the high half those watched and the descriptors marked,
 * which only connect and close look at. Reading it with memory_order_relaxed is enough: a thread
 * that was told of a descriptor by another one synchronised with it. */
extern HIDDEN _Atomic(uint64_t) table_counts;
#define COUNT_LIVE  1ull
#define COUNT_NOTED (1ull << 32)

/* Sockets held: calls that wait need not look for holds while it is 0. */
extern HIDDEN _Atomic(uint32_t) table_held;

static inline bool sockets_are_live(void)
{
	return __builtin_expect(
		(uint32_t)atomic_load_explicit(&table_counts, memory_order_relaxed) != 0, 0);
}

static inline bool sockets_are_held(void)
{
	return atomic_load_explicit(&table_held, memory_order_relaxed) != 0;
}

static inline bool sockets_are_noted(void)
{
	return __builtin_expect(atomic_load_explicit(&table_counts, memory_order_relaxed) != 0, 0);
}

enum socket_state table_state(const struct tracking *tracking);

/* The tracking of fd, if it is tracked and still the same socket; a stale entry (closed behind our
 * back, number reused) is dropped. Always "not tracked" in a process that the table is not of: a
 * vfork child, or a child of a raw clone. SOCKET_KEPT entries are returned as such. */
struct tracking table_find(int fd);

/* The same, but one that is held may be another socket by now. */
struct tracking table_find_unasked(int fd);

/* The same without looking whose the table is and whether it is the same socket: for what has just
 * been added, and to see that there is nothing to do. */
struct tracking table_peek(int fd);

/* Whether a tracking that did not come from table_find() is still of the socket behind its number.
 */
bool table_is_same_socket(const struct tracking *tracking);

/* Claims an entry for fd and gives it to `fill` before others see it in `state`. False when the
 * number is too large, there is no memory, or it is tracked already. */
bool table_add(int fd, enum socket_state state, const struct tracked *facts);

/* A copy of what is known of a socket, while others may be looking at it. */
struct tracked table_facts(const struct tracked *socket);

/* Moves a tracking to another state. False, and nothing done, if somebody else moved it since. */
bool table_move(struct tracking *tracking, enum socket_state state);

/*
 * Takes a held socket for emitting or releasing it: HELD to BUSY. False when it is no longer held.
 * If another thread is at it, waits for that (one non-blocking system call of its); in a signal
 * handler that interrupted the very thread that is at it, returns false at once.
 */
bool table_seize(struct tracking *tracking);

/* Ends what table_seize() began. */
void table_settle(struct tracking *tracking, enum socket_state state);

/* Whether there may be any in `state`. */
bool table_has(enum socket_state state);

/* Calls `visit` for each tracked descriptor in `state`, in ascending order, until it returns
 * false. Identity is not checked. */
void table_each(enum socket_state state, bool (*visit)(struct tracking *tracking, void *context),
		void *context);

/* Things remembered of a descriptor before it is tracked; forgotten when it is closed. */
enum descriptor_mark {
	MARK_EDGE_TRIGGERED = 1, /* it is in an epoll set with EPOLLET */
	MARK_STREAM = 2,	 /* stdio has it: libc will write to it without telling us */
	MARK_IN_EPOLL = 4,	 /* it is in an epoll set; only kept under the user's hold */
	MARK_TWIN = 8,		 /* it was duplicated before it was connected */
	MARK_NO_FASTOPEN = 16,	 /* the program has turned its server's Fast Open off */
};
void table_mark(int fd, enum descriptor_mark mark);
bool table_is_marked(int fd, enum descriptor_mark mark);
bool table_has_marks(int fd);
void table_unmark(int fd);
void table_unmark_range(unsigned int first, unsigned int last);

/* socket(2) gave a number: what is remembered of one whose descriptor was closed behind our back is
 * not of this one. Nothing is noted in a process that the table is not of. */
enum new_socket {
	NEW_TCP,    /* by libc's own socket(2) */
	NEW_STREAM, /* of the internet; or nothing is known of it */
	NEW_OTHER,  /* datagrams, AF_UNIX */
};
void table_note_socket(int fd, enum new_socket kind);

/* Numbers of streams of the internet, never taken back, so that duplicating any other descriptor
 * costs no system call; and all large ones. A duplicate of one is noted as such, too. */
void table_note_stream(int fd);
static inline bool table_may_be_stream(int fd)
{
	return (unsigned int)fd >= TABLE_KINDS ||
	       atomic_load_explicit(&table_kinds[fd], memory_order_relaxed) & KIND_STREAM;
}

/* Numbers of other sockets, until a stream gets the number or it is tracked: so what is tracked is
 * none of these. Whoever got such a number unseen is taken for one, and is not held: no harm. */
static inline bool table_is_other(int fd)
{
	return (unsigned int)fd < TABLE_KINDS &&
	       atomic_load_explicit(&table_kinds[fd], memory_order_relaxed) & KIND_OTHER;
}

/* Numbers of NEW_TCP, until another kind of socket gets the number or the socket is dissolved
 * (AF_UNSPEC), which may leave it with an error to tell. */
void table_doubt_tcp(int fd);
bool table_is_tcp(int fd);

/* A stream that there was when a child was made, or that was passed on, connected or not, may be
 * another process's too, until socket(2) gives its number to another one. Large numbers: not known.
 */
void table_note_shared(int fd);
void table_note_child(void);
bool table_is_shared(int fd);

/* Whether this process, and not a vfork child or an unseen clone, owns the table. Costs a system
 * call until something is tracked, and from the first table_expect_sharer() on. */
bool table_is_ours(void);

/* A child is about to be made that is no thread and may share this process's memory. */
void table_expect_sharer(void);

/* In the child of a fork: the table is this process's now; entries of the parent's keeper go (their
 * descriptors are returned one by one through `orphan`), the rest is marked as inherited. */
void table_after_fork(void (*orphan)(int fd));

/* The kernel's number for the socket behind fd (SO_COOKIE, Linux 4.12; before that its inode), 0 if
 * it is none. */
uint64_t socket_identity(int fd);

#endif
