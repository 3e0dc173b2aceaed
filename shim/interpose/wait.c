/* SPDX-License-Identifier: MIT */
/*
 * Calls that wait. What is ready at once is returned at once: a held socket is writable, and its
 * program may be about to write. Only when the program would sleep do its SYNs go, without data.
 */
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "shim/clock.h"
#include "shim/next.h"
#include "shim/readable.h"
#include "shim/socket/holds.h"
#include "shim/socket/release.h"

static const struct timespec no_time;

/* Whether the answer of the first pass, made with no timeout, is already the program's. */
static bool is_answer(int ready)
{
	if (ready > 0)
		holds_were_seen();
	return ready != 0;
}

/* Whether a first pass is needed: the call may sleep, and there are holds that it would keep. A
 * hold whose program has already tried to read goes at once. */
static bool may_sleep(bool has_time)
{
	if (!sockets_are_held())
		return false;
	release_before_sleep(true);
	if (!has_time)
		holds_were_seen();
	return has_time;
}

/* How long a call waits that has not waited yet; no longer than a blocking connect() is waited for.
 */

static uint64_t time_of_ms(int timeout)
{
	uint64_t time = (uint64_t)timeout * NS_PER_MS;

	return timeout < 0 || time > HANDSHAKE_PATIENCE_NS ? HANDSHAKE_PATIENCE_NS : time;
}

static uint64_t time_of_timespec(const struct timespec *timeout)
{
	if (!timeout || timeout->tv_sec >= (time_t)(HANDSHAKE_PATIENCE_NS / NS_PER_S))
		return HANDSHAKE_PATIENCE_NS;
	return (uint64_t)timeout->tv_sec * NS_PER_S + (uint64_t)timeout->tv_nsec;
}

static void each_polled(const struct pollfd *fds, nfds_t count, void (*visit)(int fd))
{
	for (nfds_t i = 0; i < count; i++)
		if (fds[i].fd >= 0)
			visit(fds[i].fd);
}

/* An array that cannot be read is the kernel's to refuse. */
static bool is_sound(const struct pollfd *fds, nfds_t count)
{
	return count <= SIZE_MAX / sizeof(*fds) && is_readable(fds, count * sizeof(*fds));
}

static void before_looking(const struct pollfd *fds, nfds_t count)
{
	if (!hold_in_use()->bears_looking && is_sound(fds, count))
		each_polled(fds, count, release_before_look);
}

/* One that waits for its connection and nothing else is no event loop: it is as one that blocks. */
static void note_waiter(const struct pollfd *fds, nfds_t count, uint64_t for_ns)
{
	if (count == 1 && (fds[0].revents & (POLLOUT | POLLWRNORM)))
		waited_alone(fds[0].fd, for_ns);
}

static void before_poll_sleeps(const struct pollfd *fds, nfds_t count)
{
	release_before_sleep(false);
	each_polled(fds, count, release_waited_for);
}

/* A blocking connect() has waited: its socket is writable from then on. */
static void await_connections(const struct pollfd *fds, nfds_t count)
{
	if (!table_has(SOCKET_IN_FLIGHT) || !is_sound(fds, count))
		return;
	for (nfds_t i = 0; i < count; i++)
		if (fds[i].fd >= 0 && (fds[i].events & (POLLOUT | POLLWRNORM)))
			connection_await_of(fds[i].fd);
}

static SLOW_PATH int poll_live(struct pollfd *fds, nfds_t count, int timeout)
{
	int ready;

	before_looking(fds, count);
	if (may_sleep(timeout != 0)) {
		ready = next.poll(fds, count, 0);
		if (ready == 1)
			note_waiter(fds, count, time_of_ms(timeout));
		if (is_answer(ready))
			return ready;
		before_poll_sleeps(fds, count);
	}
	if (timeout >= 0)
		await_connections(fds, count);
	ready = next.poll(fds, count, timeout);
	if (ready == 0 && timeout != 0)
		each_polled(fds, count, waited_in_vain);
	return ready;
}

INTERPOSER int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	if (sockets_are_live())
		return poll_live(fds, count, timeout);
	return next.poll(fds, count, timeout);
}

INTERPOSER int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room)
{
	if (sockets_are_live() && count <= room / sizeof(*fds))
		return poll_live(fds, count, timeout);
	return next.__poll_chk(fds, count, timeout, room);
}

static bool is_zero(const struct timespec *timeout)
{
	return timeout && timeout->tv_sec == 0 && timeout->tv_nsec == 0;
}

static SLOW_PATH int ppoll_live(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
				const sigset_t *mask)
{
	int ready;

	before_looking(fds, count);
	if (may_sleep(!is_zero(timeout))) {
		ready = next.ppoll(fds, count, &no_time, mask);
		if (ready == 1)
			note_waiter(fds, count, time_of_timespec(timeout));
		if (is_answer(ready))
			return ready;
		before_poll_sleeps(fds, count);
	}
	if (timeout)
		await_connections(fds, count);
	ready = next.ppoll(fds, count, timeout, mask);
	if (ready == 0 && !is_zero(timeout))
		each_polled(fds, count, waited_in_vain);
	return ready;
}

INTERPOSER int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		     const sigset_t *mask)
{
	if (sockets_are_live())
		return ppoll_live(fds, count, timeout, mask);
	return next.ppoll(fds, count, timeout, mask);
}

INTERPOSER int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
			   const sigset_t *mask, size_t room)
{
	if (sockets_are_live() && count <= room / sizeof(*fds))
		return ppoll_live(fds, count, timeout, mask);
	return next.__ppoll_chk(fds, count, timeout, mask, room);
}

/* The three sets of a select(2), kept over the first pass, which empties them. */
struct kept_sets {
	fd_set *theirs[3];
	fd_set copies[3];
};

static size_t set_bytes(int count)
{
	size_t words =
		((size_t)count + sizeof(fd_mask) * CHAR_BIT - 1) / (sizeof(fd_mask) * CHAR_BIT);

	return words * sizeof(fd_mask);
}

static bool keep_sets(struct kept_sets *sets, int count)
{
	for (int i = 0; i < 3; i++) {
		if (!sets->theirs[i])
			continue;
		if (!is_readable(sets->theirs[i], set_bytes(count)))
			return false;
		memcpy(&sets->copies[i], sets->theirs[i], set_bytes(count));
	}
	return true;
}

static void each_selected(const struct kept_sets *sets, int count, void (*visit)(int fd))
{
	for (int fd = 0; fd < count; fd++)
		for (int i = 0; i < 3; i++)
			if (sets->theirs[i] && FD_ISSET(fd, &sets->copies[i]))
				visit(fd);
}

static void put_back_sets(const struct kept_sets *sets, int count)
{
	for (int i = 0; i < 3; i++)
		if (sets->theirs[i])
			memcpy(sets->theirs[i], &sets->copies[i], set_bytes(count));
}

/* select(2) and pselect(2) differ in their timeout and mask; `pass` makes either call. */
struct select_call {
	int count;
	struct kept_sets sets;
	struct timeval *timeval;
	const struct timespec *timespec;
	const sigset_t *mask;
	bool at_once; /* its timeout is 0 */
	int (*pass)(struct select_call *call, bool at_once);
};

static int pass_select(struct select_call *call, bool at_once)
{
	struct timeval none = {0};

	return next.select(call->count, call->sets.theirs[0], call->sets.theirs[1],
			   call->sets.theirs[2], at_once ? &none : call->timeval);
}

static int pass_pselect(struct select_call *call, bool at_once)
{
	return next.pselect(call->count, call->sets.theirs[0], call->sets.theirs[1],
			    call->sets.theirs[2], at_once ? &no_time : call->timespec, call->mask);
}

static void await_selected(const struct select_call *call)
{
	for (int fd = 0; fd < call->count; fd++)
		if (FD_ISSET(fd, &call->sets.copies[1]))
			connection_await_of(fd);
}

static uint64_t time_of_select(const struct select_call *call)
{
	struct timespec timeout;

	if (!call->timeval)
		return time_of_timespec(call->timespec);
	timeout.tv_sec = call->timeval->tv_sec;
	timeout.tv_nsec = call->timeval->tv_usec * 1000;
	return time_of_timespec(&timeout);
}

/* The one descriptor of all three sets, and whether it was called writable. */
static void note_selector(const struct select_call *call)
{
	int only = -1;

	for (int fd = 0; fd < call->count; fd++)
		for (int i = 0; i < 3; i++) {
			if (!call->sets.theirs[i] || !FD_ISSET(fd, &call->sets.copies[i]))
				continue;
			if (only >= 0 && only != fd)
				return;
			only = fd;
		}
	if (only >= 0 && call->sets.theirs[1] && FD_ISSET(only, call->sets.theirs[1]))
		waited_alone(only, time_of_select(call));
}

static int select_live(struct select_call *call)
{
	int ready;

	/* Sets larger than fd_set (and nonsense) are not copied: the SYNs go first. */
	if (call->count < 0 || call->count > FD_SETSIZE || !keep_sets(&call->sets, call->count)) {
		release_before_sleep(false);
		return call->pass(call, false);
	}
	if (!hold_in_use()->bears_looking)
		each_selected(&call->sets, call->count, release_before_look);
	if (may_sleep(!call->at_once)) {
		ready = call->pass(call, true);
		if (ready == 1)
			note_selector(call);
		if (is_answer(ready))
			return ready;
		put_back_sets(&call->sets, call->count);
		release_before_sleep(false);
		each_selected(&call->sets, call->count, release_waited_for);
	}
	if (call->sets.theirs[1])
		await_selected(call);
	ready = call->pass(call, false);
	if (ready == 0 && !call->at_once)
		each_selected(&call->sets, call->count, waited_in_vain);
	return ready;
}

static SLOW_PATH int select_with_holds(int count, fd_set *readable, fd_set *writable,
				       fd_set *exceptional, struct timeval *timeout)
{
	struct select_call call = {.count = count,
				   .sets.theirs = {readable, writable, exceptional},
				   .timeval = timeout,
				   .at_once =
					   timeout && timeout->tv_sec == 0 && timeout->tv_usec == 0,
				   .pass = pass_select};

	return select_live(&call);
}

static SLOW_PATH int pselect_with_holds(int count, fd_set *readable, fd_set *writable,
					fd_set *exceptional, const struct timespec *timeout,
					const sigset_t *mask)
{
	struct select_call call = {.count = count,
				   .sets.theirs = {readable, writable, exceptional},
				   .timespec = timeout,
				   .mask = mask,
				   .at_once = is_zero(timeout),
				   .pass = pass_pselect};

	return select_live(&call);
}

INTERPOSER int select(int count, fd_set *readable, fd_set *writable, fd_set *exceptional,
		      struct timeval *timeout)
{
	if (sockets_are_live())
		return select_with_holds(count, readable, writable, exceptional, timeout);
	return next.select(count, readable, writable, exceptional, timeout);
}

INTERPOSER int pselect(int count, fd_set *readable, fd_set *writable, fd_set *exceptional,
		       const struct timespec *timeout, const sigset_t *mask)
{
	if (sockets_are_live())
		return pselect_with_holds(count, readable, writable, exceptional, timeout, mask);
	return next.pselect(count, readable, writable, exceptional, timeout, mask);
}

/* What was put into the set before the kernel turned out to have no hold. */
static void before_looking_at_set(int epoll)
{
	if (!hold_in_use()->bears_looking)
		release_before_epoll_sleep(epoll);
}

static SLOW_PATH int epoll_live(int epoll, struct epoll_event *events, int most, int timeout,
				const sigset_t *mask)
{
	int ready;

	before_looking_at_set(epoll);
	if (may_sleep(timeout != 0)) {
		ready = next.epoll_pwait(epoll, events, most, 0, mask);
		if (is_answer(ready))
			return ready;
		release_before_epoll_sleep(epoll);
	}
	if (timeout >= 0)
		connections_await_in_epoll(epoll);
	ready = next.epoll_pwait(epoll, events, most, timeout, mask);
	if (ready == 0 && timeout != 0)
		epoll_waited_in_vain(epoll);
	return ready;
}

INTERPOSER int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout)
{
	if (sockets_are_live())
		return epoll_live(epoll, events, most, timeout, NULL);
	return next.epoll_wait(epoll, events, most, timeout);
}

INTERPOSER int epoll_pwait(int epoll, struct epoll_event *events, int most, int timeout,
			   const sigset_t *mask)
{
	if (sockets_are_live())
		return epoll_live(epoll, events, most, timeout, mask);
	return next.epoll_pwait(epoll, events, most, timeout, mask);
}

static SLOW_PATH int epoll_pwait2_live(int epoll, struct epoll_event *events, int most,
				       const struct timespec *timeout, const sigset_t *mask)
{
	int ready;

	before_looking_at_set(epoll);
	if (may_sleep(!is_zero(timeout))) {
		ready = next.epoll_pwait2(epoll, events, most, &no_time, mask);
		if (is_answer(ready))
			return ready;
		release_before_epoll_sleep(epoll);
	}
	if (timeout)
		connections_await_in_epoll(epoll);
	ready = next.epoll_pwait2(epoll, events, most, timeout, mask);
	if (ready == 0 && !is_zero(timeout))
		epoll_waited_in_vain(epoll);
	return ready;
}

INTERPOSER int epoll_pwait2(int epoll, struct epoll_event *events, int most,
			    const struct timespec *timeout, const sigset_t *mask)
{
	/* libc looks at the timeouts of the other calls as well, but not at this one. */
	if (sockets_are_live() && (!timeout || is_readable(timeout, sizeof(*timeout))))
		return epoll_pwait2_live(epoll, events, most, timeout, mask);
	return next.epoll_pwait2(epoll, events, most, timeout, mask);
}

/* A socket that comes into a set, or leaves it. */
static void note_set(int fd, int epoll, bool leaves)
{
	struct tracking tracking = table_find(fd);
	int before, after = leaves ? EPOLL_SET_NONE : epoll;

	if (!tracking.socket)
		return;
	before = atomic_load(&tracking.socket->epoll_set);
	if (before != EPOLL_SET_NONE && before != epoll)
		after = EPOLL_SET_UNKNOWN;
	note_epoll_set(&tracking, after);
}

static void follow_epoll(int fd, const struct epoll_event *event)
{
	/* An edge-triggered watcher that has drained its events gets no new one from a held
	 * connect(): connect() must know. */
	if (event->events & EPOLLET)
		table_mark(fd, MARK_EDGE_TRIGGERED);
	if (!hold_in_use()->bears_looking)
		table_mark(fd, MARK_IN_EPOLL);
}

INTERPOSER int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	int result;

	if (sockets_are_live())
		release_before_look(fd);
	result = next.epoll_ctl(epoll, operation, fd, event);

	if (result == 0 && operation != EPOLL_CTL_DEL)
		follow_epoll(fd, event);
	if (result == 0 && sockets_are_live())
		note_set(fd, epoll, operation == EPOLL_CTL_DEL);
	return result;
}

INTERPOSER_ALIAS(__poll, poll);
INTERPOSER_ALIAS(__select, select);
