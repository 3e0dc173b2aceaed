/* SPDX-License-Identifier: MIT */
/* Steps that wait for something. A step that is patient goes on with the time that is left. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include "client.h"

/* What is waited for, and then what was ready. */
struct watch {
	bool in, out, bad;
};

static struct timespec timespec_of(int ms)
{
	return (struct timespec){ms / 1000, ms % 1000 * 1000000L};
}

static int poll_for(struct watch *watch, int ms, bool newer)
{
	struct pollfd pollfd = {.fd = at->fd};
	struct timespec timeout = timespec_of(ms);
	int ready;

	pollfd.events = (short)((watch->in ? POLLIN : 0) | (watch->out ? POLLOUT : 0));
	ready = newer ? ppoll(&pollfd, 1, ms < 0 ? NULL : &timeout, NULL) : poll(&pollfd, 1, ms);
	if (ready >= 0)
		*watch = (struct watch){pollfd.revents & POLLIN, pollfd.revents & POLLOUT,
					pollfd.revents & (POLLERR | POLLNVAL)};
	return ready;
}

static int by_poll(struct watch *watch, int ms)
{
	return poll_for(watch, ms, false);
}

static int by_ppoll(struct watch *watch, int ms)
{
	return poll_for(watch, ms, true);
}

static int select_for(struct watch *watch, int ms, bool newer)
{
	struct timeval timeval = {ms / 1000, ms % 1000 * 1000L};
	struct timespec timespec = timespec_of(ms);
	fd_set in, out;
	int ready;

	FD_ZERO(&in);
	FD_ZERO(&out);
	if (watch->in)
		FD_SET(at->fd, &in);
	if (watch->out)
		FD_SET(at->fd, &out);
	ready = newer ? pselect(at->fd + 1, &in, &out, NULL, ms < 0 ? NULL : &timespec, NULL)
		      : select(at->fd + 1, &in, &out, NULL, ms < 0 ? NULL : &timeval);
	if (ready >= 0)
		*watch = (struct watch){FD_ISSET(at->fd, &in), FD_ISSET(at->fd, &out), false};
	return ready;
}

static int by_select(struct watch *watch, int ms)
{
	return select_for(watch, ms, false);
}

static int by_pselect(struct watch *watch, int ms)
{
	return select_for(watch, ms, true);
}

static void take_event(struct watch *watch, int ready, const struct epoll_event *event)
{
	if (ready >= 0)
		*watch = (struct watch){ready && event->events & EPOLLIN,
					ready && event->events & EPOLLOUT,
					ready && event->events & EPOLLERR};
}

static int set_with_socket(const struct watch *watch)
{
	struct epoll_event event = {.events = (watch->in ? EPOLLIN : 0u) |
					      (watch->out ? EPOLLOUT : 0u)};
	int set = epoll_create1(EPOLL_CLOEXEC);

	if (set < 0)
		die("epoll_create1");
	epoll_ctl(set, EPOLL_CTL_ADD, at->fd, &event);
	return set;
}

static int by_epoll(struct watch *watch, int ms)
{
	struct epoll_event event = {0};
	int set = set_with_socket(watch), ready = epoll_wait(set, &event, 1, ms);

	take_event(watch, ready, &event);
	close(set);
	return ready;
}

static int by_epoll_pwait(struct watch *watch, int ms)
{
	struct epoll_event event = {0};
	int set = set_with_socket(watch), ready = epoll_pwait(set, &event, 1, ms, NULL);

	take_event(watch, ready, &event);
	close(set);
	return ready;
}

static int by_epoll_pwait2(struct watch *watch, int ms)
{
	struct epoll_event event = {0};
	struct timespec timeout = timespec_of(ms);
	int set = set_with_socket(watch);
	int ready = epoll_pwait2(set, &event, 1, ms < 0 ? NULL : &timeout, NULL);

	take_event(watch, ready, &event);
	close(set);
	return ready;
}

static int by_own_set(struct watch *watch, int ms)
{
	struct epoll_event event = {0};
	int ready = epoll_wait(at->epoll_fd, &event, 1, ms);

	take_event(watch, ready, &event);
	return ready;
}

static const struct door {
	const char *name;
	int (*wait)(struct watch *watch, int ms);
} doors[] = {
	{"poll", by_poll},
	{"ppoll", by_ppoll},
	{"select", by_select},
	{"pselect", by_pselect},
	{"epoll", by_epoll},
	{"epoll-pwait", by_epoll_pwait},
	{"epoll-pwait2", by_epoll_pwait2},
};

static void say_ready(const char *name, int ready, const struct watch *watch)
{
	char text[64];

	if (ready < 0) {
		say(name, -1);
		return;
	}
	snprintf(text, sizeof(text), "%d%s%s%s", ready, watch->in ? " in" : "",
		 watch->out ? " out" : "", watch->bad ? " err" : "");
	say_text(name, text);
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void wait_by(const char *name, const struct door *door, struct watch watch, int ms)
{
	long until = now_ms() + ms;
	int ready = door->wait(&watch, ms);

	while (interrupted(ready)) {
		long left = until - now_ms();

		ready = door->wait(&watch, ms < 0 ? -1 : left > 0 ? (int)left : 0);
	}
	say_ready(name, ready, &watch);
}

/* An event loop's wait: all sockets in one poll, those left out that have been ready. Says how many
 * were. */
static void await_all(const char *name, struct watch watch, int ms)
{
	struct pollfd fds[SOCKETS_MOST];
	short events = (short)((watch.in ? POLLIN : 0) | (watch.out ? POLLOUT : 0));
	long until = now_ms() + ms, left;
	int ready = 0, open = 0;

	for (int i = 0; i < SOCKETS_MOST; i++) {
		fds[i] = (struct pollfd){.fd = endpoints[i].fd, .events = events};
		open += endpoints[i].fd >= 0;
	}
	while (ready < open && (left = until - now_ms()) > 0) {
		if (poll(fds, SOCKETS_MOST, (int)left) <= 0)
			continue;
		for (int i = 0; i < SOCKETS_MOST; i++) {
			if (!fds[i].revents)
				continue;
			fds[i].fd = -1;
			fds[i].revents = 0;
			ready++;
		}
	}
	say(name, ready);
}

static void add_to_edge_set(void)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};

	need_socket();
	at->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(at->epoll_fd, EPOLL_CTL_ADD, at->fd, &event);
}

static void drain_edge_set(void)
{
	struct epoll_event event;

	while (epoll_wait(at->epoll_fd, &event, 1, 0) > 0)
		continue;
}

/* Takes events of the edge-triggered set until one of those wanted was among them. */
static void take_until(const char *name, struct watch watch, int ms)
{
	uint32_t wanted = (watch.in ? EPOLLIN : 0u) | (watch.out ? EPOLLOUT : 0u);
	long until = now_ms() + ms, left;
	struct epoll_event event = {0};

	while (!(event.events & wanted) && (left = until - now_ms()) > 0)
		if (epoll_wait(at->epoll_fd, &event, 1, (int)left) < 1)
			event.events = 0;
	say(name, event.events & wanted ? 1 : 0);
}

bool run_wait_step(const struct step *step)
{
	const struct watch watch = {.in = strstr(step->rest, "in"),
				    .out = strstr(step->rest, "out")};
	const char *colon = strchr(step->rest, ':');

	for (size_t i = 0; i < sizeof(doors) / sizeof(*doors); i++) {
		if (strcmp(doors[i].name, step->name) != 0)
			continue;
		wait_by(step->name, &doors[i], watch,
			colon ? (int)strtol(colon + 1, NULL, 10) : -1);
		return true;
	}
	if (!strcmp(step->name, "epoll-add"))
		add_to_edge_set();
	else if (!strcmp(step->name, "epoll-until"))
		take_until(step->name, watch, colon ? (int)strtol(colon + 1, NULL, 10) : 0);
	else if (!strcmp(step->name, "await-all"))
		await_all(step->name, watch, colon ? (int)strtol(colon + 1, NULL, 10) : 0);
	else if (!strcmp(step->name, "epoll-edge")) {
		add_to_edge_set();
		drain_edge_set();
	} else if (!strcmp(step->name, "epoll-wait"))
		wait_by(step->name, &(struct door){"epoll-wait", by_own_set}, (struct watch){0},
			step->number);
	else
		return false;
	return true;
}
