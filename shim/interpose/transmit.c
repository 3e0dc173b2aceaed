/* SPDX-License-Identifier: MIT */
/* Calls that send: the first one of a held socket becomes the SYN's payload. */
#include <fcntl.h>
#include <string.h>

#include "shim/next.h"
#include "shim/readable.h"
#include "shim/socket/emit.h"
#include "shim/socket/release.h"

static bool emit_bytes(int fd, const void *bytes, size_t size, int flags, bool addressed,
		       ssize_t *result)
{
	struct iovec part = {(void *)bytes, size};

	return emit(&(struct transmission){fd, &part, 1, flags, true, addressed}, result);
}

static bool emit_parts(int fd, const struct iovec *parts, int count, ssize_t *result)
{
	if (count < 0)
		return false;
	return emit(&(struct transmission){fd, parts, (size_t)count, 0, false, false}, result);
}

/* A message may pass descriptors on (SCM_RIGHTS), over whatever socket it goes. */
static void release_passed(const struct msghdr *message)
{
	if (message->msg_controllen == 0 ||
	    !is_readable(message->msg_control, message->msg_controllen))
		return;
	for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control;
	     control = CMSG_NXTHDR((struct msghdr *)message, control)) {
		size_t count = control->cmsg_len < CMSG_LEN(0)
				       ? 0
				       : (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(control) + i * sizeof(fd), sizeof(fd));
			release_for_passing(fd);
		}
	}
}

static bool emit_message(int fd, const struct msghdr *message, int flags, ssize_t *result)
{
	if (!is_readable(message, sizeof(*message))) {
		release_unseen(fd);
		return false;
	}
	release_passed(message);
	/* Control data is nothing for a SYN. */
	if (message->msg_controllen > 0) {
		release_unseen(fd);
		return false;
	}
	return emit(&(struct transmission){fd, message->msg_iov, message->msg_iovlen, flags, false,
					   message->msg_name},
		    result);
}

static SLOW_PATH ssize_t write_live(int fd, const void *bytes, size_t size)
{
	ssize_t result;

	return emit_bytes(fd, bytes, size, 0, false, &result) ? result
							      : next.write(fd, bytes, size);
}

INTERPOSER ssize_t write(int fd, const void *bytes, size_t size)
{
	if (sockets_are_live())
		return write_live(fd, bytes, size);
	return next.write(fd, bytes, size);
}

static SLOW_PATH ssize_t send_live(int fd, const void *bytes, size_t size, int flags)
{
	ssize_t result;

	return emit_bytes(fd, bytes, size, flags, false, &result)
		       ? result
		       : next.send(fd, bytes, size, flags);
}

INTERPOSER ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
	if (sockets_are_live())
		return send_live(fd, bytes, size, flags);
	return next.send(fd, bytes, size, flags);
}

/* On a connected TCP socket the address means nothing. */
static SLOW_PATH ssize_t sendto_live(int fd, const void *bytes, size_t size, int flags,
				     const struct sockaddr *to, socklen_t length)
{
	ssize_t result;

	return emit_bytes(fd, bytes, size, flags, to, &result)
		       ? result
		       : next.sendto(fd, bytes, size, flags, to, length);
}

INTERPOSER ssize_t sendto(int fd, const void *bytes, size_t size, int flags,
			  const struct sockaddr *to, socklen_t length)
{
	if (sockets_are_live())
		return sendto_live(fd, bytes, size, flags, to, length);
	return next.sendto(fd, bytes, size, flags, to, length);
}

static SLOW_PATH ssize_t writev_live(int fd, const struct iovec *parts, int count)
{
	ssize_t result;

	return emit_parts(fd, parts, count, &result) ? result : next.writev(fd, parts, count);
}

INTERPOSER ssize_t writev(int fd, const struct iovec *parts, int count)
{
	if (sockets_are_live())
		return writev_live(fd, parts, count);
	return next.writev(fd, parts, count);
}

INTERPOSER ssize_t pwritev2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
	ssize_t result;

	if (sockets_are_live() && offset == -1 && emit_parts(fd, parts, count, &result))
		return result;
	return next.pwritev2(fd, parts, count, offset, flags);
}

INTERPOSER ssize_t pwritev64v2(int fd, const struct iovec *parts, int count, off64_t offset,
			       int flags)
{
	ssize_t result;

	if (sockets_are_live() && offset == -1 && emit_parts(fd, parts, count, &result))
		return result;
	return next.pwritev64v2(fd, parts, count, offset, flags);
}

static SLOW_PATH ssize_t sendmsg_live(int fd, const struct msghdr *message, int flags)
{
	ssize_t result;

	return emit_message(fd, message, flags, &result) ? result
							 : next.sendmsg(fd, message, flags);
}

/* Also what is merely watched may be passed on, and is not ours alone from then on. Looked at when
 * the kernel has accepted it: then it can be read. */
static SLOW_PATH ssize_t sendmsg_noted(int fd, const struct msghdr *message, int flags)
{
	ssize_t sent;

	if (sockets_are_live())
		return sendmsg_live(fd, message, flags);
	sent = next.sendmsg(fd, message, flags);
	if (sent >= 0)
		release_passed(message);
	return sent;
}

INTERPOSER ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	if (sockets_are_noted())
		return sendmsg_noted(fd, message, flags);
	return next.sendmsg(fd, message, flags);
}

static size_t size_of(const struct msghdr *message)
{
	size_t size = 0;

	for (size_t i = 0; i < message->msg_iovlen; i++)
		size += message->msg_iov[i].iov_len;
	return size;
}

/* One message after the other, until one is not for the SYN: the rest is the kernel's. */
static SLOW_PATH int emit_messages(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
	unsigned int done = 0;
	ssize_t sent = 0;
	int rest;

	while (done < count && is_readable(&messages[done], sizeof(*messages)) &&
	       emit_message(fd, &messages[done].msg_hdr, flags, &sent)) {
		if (sent < 0)
			return done ? (int)done : -1;
		messages[done].msg_len = (unsigned int)sent;
		/* A message that did not go whole is the last one. */
		if ((size_t)sent < size_of(&messages[done++].msg_hdr))
			return (int)done;
	}
	if (done == count && count > 0)
		return (int)done;
	for (unsigned int i = done + 1; i < count; i++)
		if (is_readable(&messages[i], sizeof(*messages)))
			release_passed(&messages[i].msg_hdr);
	rest = next.sendmmsg(fd, messages + done, count - done, flags);
	return rest < 0 && done ? (int)done : rest + (int)done;
}

static SLOW_PATH int sendmmsg_noted(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
	int sent;

	if (sockets_are_live())
		return emit_messages(fd, messages, count, flags);
	sent = next.sendmmsg(fd, messages, count, flags);
	for (int i = 0; i < sent; i++)
		release_passed(&messages[i].msg_hdr);
	return sent;
}

INTERPOSER int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
	if (sockets_are_noted())
		return sendmmsg_noted(fd, messages, count, flags);
	return next.sendmmsg(fd, messages, count, flags);
}

/* What libc or the kernel sends by itself is not looked into: the SYN goes first, without it. */

INTERPOSER ssize_t sendfile(int out, int in, off_t *offset, size_t size)
{
	if (sockets_are_live())
		release_for_sending(out, 0);
	return next.sendfile(out, in, offset, size);
}

INTERPOSER ssize_t sendfile64(int out, int in, off64_t *offset, size_t size)
{
	if (sockets_are_live())
		release_for_sending(out, 0);
	return next.sendfile64(out, in, offset, size);
}

INTERPOSER ssize_t splice(int in, off64_t *in_offset, int out, off64_t *out_offset, size_t size,
			  unsigned int flags)
{
	if (sockets_are_live()) {
		release_for_sending(out, 0);
		release_for_reading(in, (flags & SPLICE_F_NONBLOCK) != 0);
	}
	return next.splice(in, in_offset, out, out_offset, size, flags);
}

INTERPOSER int vdprintf(int fd, const char *format, va_list arguments)
{
	if (sockets_are_live())
		release_for_sending(fd, 0);
	return next.vdprintf(fd, format, arguments);
}

INTERPOSER int __vdprintf_chk(int fd, int flag, const char *format, va_list arguments)
{
	if (sockets_are_live())
		release_for_sending(fd, 0);
	return next.__vdprintf_chk(fd, flag, format, arguments);
}

INTERPOSER int dprintf(int fd, const char *format, ...)
{
	va_list arguments;
	int written;

	va_start(arguments, format);
	written = vdprintf(fd, format, arguments);
	va_end(arguments);
	return written;
}

INTERPOSER int __dprintf_chk(int fd, int flag, const char *format, ...);
INTERPOSER int __dprintf_chk(int fd, int flag, const char *format, ...)
{
	va_list arguments;
	int written;

	va_start(arguments, format);
	written = __vdprintf_chk(fd, flag, format, arguments);
	va_end(arguments);
	return written;
}

INTERPOSER void backtrace_symbols_fd(void *const *frames, int count, int fd)
{
	if (sockets_are_live())
		release_unseen(fd);
	next.backtrace_symbols_fd(frames, count, fd);
}

INTERPOSER_ALIAS(__backtrace_symbols_fd, backtrace_symbols_fd);
INTERPOSER_ALIAS(__write, write);
INTERPOSER_ALIAS(__send, send);
INTERPOSER_ALIAS(__sendmmsg, sendmmsg);
