/* SPDX-License-Identifier: MIT */
/* The loop: calls come in, deadlines pass, handshakes end. */
#include "supervise.h"

#include "connect.h"
#include "filter.h"
#include "listener.h"
#include "sockets.h"
#include "target.h"

#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <unistd.h>

/* In flight, or held, it would be disconnected instead. */
static void shut_down(const struct seccomp_notif *notif, const struct call *call)
{
	int fd = sockets_count() ? target_take((pid_t)notif->pid, call->fd) : -1;
	struct watched *watched = fd >= 0 && listener_still_waits(notif) ? sockets_find(fd) : NULL;

	if (watched)
		sockets_pass_afterwards(watched, notif->id);
	else
		listener_pass(notif->id);
	if (fd >= 0)
		close(fd);
}

static bool is_question(const struct call *call)
{
	return call->is_connect && call->fd == -1 && call->address == 0 &&
	       call->length == SUPERVISE_QUESTION;
}

static void take_call(void)
{
	static struct seccomp_notif notif;
	struct call call;

	if (!listener_receive(&notif))
		return;
	if (!filter_read_call(&notif, &call))
		listener_pass(notif.id);
	else if (is_question(&call))
		listener_answer(notif.id, 0);
	else if (call.is_connect)
		connect_decide(&notif, &call);
	else
		shut_down(&notif, &call);
}

/* One event at a time: what one ends, another may still speak of. */
static void take_event(int epoll, int timeout_ms, bool *in_use)
{
	struct epoll_event event;

	if (epoll_wait(epoll, &event, 1, timeout_ms) != 1)
		return;
	if (event.data.ptr)
		sockets_event(event.data.ptr);
	else if (event.events & EPOLLIN)
		take_call();
	else
		*in_use = false;
}

void serve(int listener)
{
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	bool in_use = true;

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0)
		return;
	listener_open(listener);
	sockets_open(epoll);
	while (in_use)
		take_event(epoll, sockets_due(), &in_use);
	epoll_ctl(epoll, EPOLL_CTL_DEL, listener, NULL);
	sockets_release_all();
	while (sockets_count())
		take_event(epoll, sockets_due(), &in_use);
}

void serve_plainly(int listener)
{
	struct pollfd pollfd = {.fd = listener, .events = POLLIN};
	struct seccomp_notif notif;

	listener_open(listener);
	listener_pass_all();
	while (poll(&pollfd, 1, -1) < 0 || !(pollfd.revents & (POLLHUP | POLLNVAL)))
		if ((pollfd.revents & POLLIN) && listener_receive(&notif))
			listener_pass(notif.id);
}
