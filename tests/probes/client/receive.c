/* SPDX-License-Identifier: MIT */
/* Steps that receive. */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "client.h"

static ssize_t by_read(char *bytes, size_t size)
{
	return read(at->fd, bytes, size);
}

static ssize_t by_recv(char *bytes, size_t size)
{
	return recv(at->fd, bytes, size, 0);
}

static ssize_t by_recv_at_once(char *bytes, size_t size)
{
	return recv(at->fd, bytes, size, MSG_DONTWAIT);
}

static ssize_t by_peek(char *bytes, size_t size)
{
	return recv(at->fd, bytes, size, MSG_PEEK | MSG_DONTWAIT);
}

static ssize_t by_recvfrom(char *bytes, size_t size)
{
	struct sockaddr_storage from;
	socklen_t length = sizeof(from);

	return recvfrom(at->fd, bytes, size, 0, (struct sockaddr *)&from, &length);
}

static ssize_t by_readv(char *bytes, size_t size)
{
	struct iovec parts[2] = {{bytes, size / 2}, {bytes + size / 2, size - size / 2}};

	return readv(at->fd, parts, 2);
}

static ssize_t by_preadv2(char *bytes, size_t size)
{
	struct iovec parts[2] = {{bytes, size / 2}, {bytes + size / 2, size - size / 2}};

	return preadv2(at->fd, parts, 2, -1, 0);
}

static ssize_t by_recvmsg(char *bytes, size_t size)
{
	struct iovec part = {bytes, size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	return recvmsg(at->fd, &message, 0);
}

static ssize_t by_recvmmsg(char *bytes, size_t size)
{
	struct iovec part = {bytes, size};
	struct mmsghdr message = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};

	return recvmmsg(at->fd, &message, 1, 0, NULL) < 0 ? -1 : (ssize_t)message.msg_len;
}

static const struct door {
	const char *name;
	ssize_t (*receive)(char *bytes, size_t size);
} doors[] = {
	{"read", by_read},	 {"recv", by_recv},	    {"read-dontwait", by_recv_at_once},
	{"peek", by_peek},	 {"recvfrom", by_recvfrom}, {"readv", by_readv},
	{"preadv2", by_preadv2}, {"recvmsg", by_recvmsg},   {"recvmmsg", by_recvmmsg},
};

static const struct door *find_door(const char *name)
{
	for (size_t i = 0; i < sizeof(doors) / sizeof(*doors); i++)
		if (!strcmp(doors[i].name, name))
			return &doors[i];
	return NULL;
}

/* The first line of what was received, or the beginning of it. */
static void say_data(char *bytes, size_t size)
{
	bytes[size < 60 ? size : 60] = '\0';
	bytes[strcspn(bytes, "\r\n")] = '\0';
	say_text("  data", bytes);
}

static void receive_by(const char *name, const struct door *door)
{
	char bytes[65536];
	ssize_t size;

	do
		size = door->receive(bytes, sizeof(bytes) - 1);
	while (interrupted(size));
	say(name, size);
	if (size >= 0)
		say_data(bytes, (size_t)size);
}

/* What came must be what was sent: a sum that tells order, loss and repetition. */
#define FNV_START 0xcbf29ce484222325ULL /* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */
#define FNV_PRIME 0x100000001b3ULL

static uint64_t fnv(uint64_t sum, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sum = (sum ^ (unsigned char)bytes[i]) * FNV_PRIME;
	return sum;
}

/* Receives `most` bytes, or to the end of the stream. -1: an error other than EAGAIN and EINTR. */
static long receive_all(const struct door *door, size_t most, uint64_t *sum)
{
	char bytes[65536];
	size_t total = 0;

	*sum = FNV_START;
	while (total < most) {
		struct pollfd pollfd = {.fd = at->fd, .events = POLLIN};
		size_t left = most - total;
		ssize_t size = door->receive(bytes, left < sizeof(bytes) ? left : sizeof(bytes));

		if (size == 0)
			break;
		if (size > 0) {
			*sum = fnv(*sum, bytes, (size_t)size);
			total += (size_t)size;
		} else if (errno == EAGAIN) {
			poll(&pollfd, 1, 10000);
		} else if (errno != EINTR) {
			return -1;
		}
	}
	return (long)total;
}

static bool run_read_n(const struct step *step)
{
	struct step inner = step_of(step->rest);
	const struct door *door = find_door(inner.name);
	char text[64];
	uint64_t sum;
	long total;

	if (!door)
		return false;
	total = receive_all(door, (size_t)inner.number, &sum);
	if (total < 0) {
		say(step->name, -1);
		return true;
	}
	snprintf(text, sizeof(text), "%ld fnv=%016llx", total, (unsigned long long)sum);
	say_text(step->name, text);
	return true;
}

/* MSG_WAITALL: all of it in one call, if nothing ends it early. */
static void step_wait_all(const struct step *step)
{
	char bytes[65536];
	size_t most = (size_t)step->number < sizeof(bytes) ? (size_t)step->number : sizeof(bytes);

	say(step->name, recv(at->fd, bytes, most, MSG_WAITALL));
}

bool run_receive_step(const struct step *step)
{
	const struct door *door = find_door(step->name);
	uint64_t sum;

	if (door) {
		receive_by(step->name, door);
		return true;
	}
	if (!strcmp(step->name, "read-all")) {
		say(step->name, receive_all(find_door("read"), SIZE_MAX, &sum));
		return true;
	}
	if (!strcmp(step->name, "wait-all")) {
		step_wait_all(step);
		return true;
	}
	return !strcmp(step->name, "read-n") && run_read_n(step);
}
