/* SPDX-License-Identifier: MIT */
/* Steps that send. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "client.h"

#define GET  "GET / HTTP/1.1\r\nHost: server.test\r\n\r\n"
#define POST "POST / HTTP/1.1\r\nHost: server.test\r\nContent-Length: 5\r\n\r\nhello"

/* The first N bytes of it are the data @N. */
static char pattern[4 << 20];

static void fill_pattern(size_t size)
{
	for (size_t i = 0; i < size; i++)
		pattern[i] = (char)('a' + (i * 7 + i / 26 + i / 997) % 26);
}

struct data data_of(const char *text)
{
	struct data data = {(char *)text, strlen(text)};

	if (!strcmp(text, "=get"))
		return (struct data){(char *)GET, strlen(GET)};
	if (!strcmp(text, "=post"))
		return (struct data){(char *)POST, strlen(POST)};
	if (*text != '@')
		return data;
	data.bytes = pattern;
	data.size = strtoul(text + 1, NULL, 10);
	if (data.size > sizeof(pattern))
		die("too many bytes");
	fill_pattern(data.size);
	return data;
}

static ssize_t by_write(struct data data)
{
	return write(at->fd, data.bytes, data.size);
}

static ssize_t by_send(struct data data)
{
	return send(at->fd, data.bytes, data.size, MSG_NOSIGNAL);
}

static ssize_t by_send_more(struct data data)
{
	return send(at->fd, data.bytes, data.size, MSG_NOSIGNAL | MSG_MORE);
}

static ssize_t by_sendto(struct data data)
{
	return sendto(at->fd, data.bytes, data.size, MSG_NOSIGNAL, NULL, 0);
}

static ssize_t by_sendto_named(struct data data)
{
	return sendto(at->fd, data.bytes, data.size, MSG_NOSIGNAL, (struct sockaddr *)&address,
		      address_length);
}

static ssize_t send_message(struct data data, bool named)
{
	struct iovec parts[2] = {{data.bytes, data.size / 2},
				 {data.bytes + data.size / 2, data.size - data.size / 2}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

	if (named) {
		message.msg_name = &address;
		message.msg_namelen = address_length;
	}
	return sendmsg(at->fd, &message, MSG_NOSIGNAL);
}

static ssize_t by_sendmsg(struct data data)
{
	return send_message(data, false);
}

static ssize_t by_sendmsg_named(struct data data)
{
	return send_message(data, true);
}

static ssize_t write_vector(struct data data, bool offset_form)
{
	size_t third = data.size / 3;
	struct iovec parts[4] = {{data.bytes, third},
				 {data.bytes + third, 0},
				 {data.bytes + third, third},
				 {data.bytes + 2 * third, data.size - 2 * third}};

	return offset_form ? pwritev2(at->fd, parts, 4, -1, 0) : writev(at->fd, parts, 4);
}

static ssize_t by_writev(struct data data)
{
	return write_vector(data, false);
}

static ssize_t by_pwritev2(struct data data)
{
	return write_vector(data, true);
}

/* Two messages; the result is how many went. */
static ssize_t by_sendmmsg(struct data data)
{
	struct iovec parts[2] = {{data.bytes, data.size / 2},
				 {data.bytes + data.size / 2, data.size - data.size / 2}};
	struct mmsghdr messages[2] = {{.msg_hdr = {.msg_iov = &parts[0], .msg_iovlen = 1}},
				      {.msg_hdr = {.msg_iov = &parts[1], .msg_iovlen = 1}}};

	return sendmmsg(at->fd, messages, 2, MSG_NOSIGNAL);
}

static ssize_t by_sendfile(struct data data)
{
	char name[] = "/tmp/client.XXXXXX";
	int file = mkstemp(name), saved;
	ssize_t sent;

	if (file < 0 || write(file, data.bytes, data.size) < 0)
		die("mkstemp");
	unlink(name);
	lseek(file, 0, SEEK_SET);
	sent = sendfile(at->fd, file, NULL, data.size);
	saved = errno;
	close(file);
	errno = saved;
	return sent;
}

static ssize_t by_splice(struct data data)
{
	int ends[2], saved;
	ssize_t sent;

	if (pipe(ends) != 0 || write(ends[1], data.bytes, data.size) < 0)
		die("pipe");
	sent = splice(ends[0], NULL, at->fd, NULL, data.size, 0);
	saved = errno;
	close(ends[0]);
	close(ends[1]);
	errno = saved;
	return sent;
}

static ssize_t by_dprintf(struct data data)
{
	return dprintf(at->fd, "%.*s", (int)data.size, data.bytes);
}

static ssize_t by_fprintf(struct data data)
{
	if (fprintf(at->stream, "%.*s", (int)data.size, data.bytes) < 0 || fflush(at->stream) != 0)
		return -1;
	return 0;
}

/* What is left in the stream is sent when that is closed, or by libc at the end. */
static ssize_t by_buffer(struct data data)
{
	return fprintf(at->stream, "%.*s", (int)data.size, data.bytes) < 0 ? -1 : 0;
}

static const struct door {
	const char *name;
	ssize_t (*send)(struct data data);
} doors[] = {
	{"write", by_write},
	{"send", by_send},
	{"more", by_send_more},
	{"sendto", by_sendto},
	{"sendto-to", by_sendto_named},
	{"sendmsg", by_sendmsg},
	{"sendmsg-to", by_sendmsg_named},
	{"writev", by_writev},
	{"pwritev2", by_pwritev2},
	{"sendmmsg", by_sendmmsg},
	{"sendfile", by_sendfile},
	{"splice", by_splice},
	{"dprintf", by_dprintf},
	{"fprintf", by_fprintf},
	{"buffer", by_buffer},
};

static const struct door *find_door(const char *name)
{
	for (size_t i = 0; i < sizeof(doors) / sizeof(*doors); i++)
		if (!strcmp(doors[i].name, name))
			return &doors[i];
	return NULL;
}

/* Until all is sent, as event loops do it. */
static ssize_t send_all(const struct door *door, struct data data)
{
	size_t sent = 0;

	while (sent < data.size) {
		struct pollfd pollfd = {.fd = at->fd, .events = POLLOUT};
		ssize_t now = door->send((struct data){data.bytes + sent, data.size - sent});

		if (now >= 0)
			sent += (size_t)now;
		else if (errno == EAGAIN)
			poll(&pollfd, 1, 10000);
		else if (errno != EINTR)
			return -1;
	}
	return (ssize_t)sent;
}

static void send_by(const char *name, const struct door *door, struct data data)
{
	ssize_t sent;

	need_socket();
	do
		sent = door->send(data);
	while (interrupted(sent));
	say(name, sent);
}

bool run_send_step(const struct step *step)
{
	struct step inner = step_of(step->rest);
	const struct door *door = find_door(step->name);

	if (door) {
		send_by(step->name, door, data_of(step->rest));
		return true;
	}
	if (!strcmp(step->name, "write-all"))
		inner = (struct step){.name = "write", .rest = step->rest};
	else if (strcmp(step->name, "all") != 0)
		return false;
	door = find_door(inner.name);
	if (!door)
		return false;
	need_socket();
	say(step->name, send_all(door, data_of(inner.rest)));
	return true;
}
