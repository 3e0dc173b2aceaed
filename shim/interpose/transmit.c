/* SPDX-License-Identifier: MIT */
/* Calls that send: the first one of a held socket becomes the SYN's payload. */
#include <fcntl.h>

#include "shim/next.h"
#include "shim/socket/emit.h"
#include "shim/socket/release.h"

static bool emit_bytes(int fd, const void *bytes, size_t size, int flags, ssize_t *result)
{
	struct iovec part = {(void *)bytes, size};

	return emit(&(struct transmission){fd, &part, 1, flags}, result);
}

static bool emit_parts(int fd, const struct iovec *parts, int count, ssize_t *result)
{
	if (count < 0)
		return false;
	return emit(&(struct transmission){fd, parts, (size_t)count, 0}, result);
}

static bool emit_message(int fd, const struct msghdr *message, int flags, ssize_t *result)
{
	struct transmission transmission = {fd, message->msg_iov, message->msg_iovlen, flags};

	/* Control data (descriptors, timestamps) is nothing for a SYN. */
	if (message->msg_controllen > 0) {
		release_for_sharing(fd);
		return false;
	}
	return emit(&transmission, result);
}

INTERPOSER ssize_t write(int fd, const void *bytes, size_t size)
{
	ssize_t result;

	if (sockets_are_live() && emit_bytes(fd, bytes, size, 0, &result))
		return result;
	return next.write(fd, bytes, size);
}

INTERPOSER ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
	ssize_t result;

	if (sockets_are_live() && emit_bytes(fd, bytes, size, flags, &result))
		return result;
	return next.send(fd, bytes, size, flags);
}

INTERPOSER ssize_t sendto(int fd, const void *bytes, size_t size, int flags,
			  const struct sockaddr *to, socklen_t length)
{
	ssize_t result;

	/* On a connected TCP socket the address means nothing. */
	if (sockets_are_live() && emit_bytes(fd, bytes, size, flags, &result))
		return result;
	return next.sendto(fd, bytes, size, flags, to, length);
}

INTERPOSER ssize_t writev(int fd, const struct iovec *parts, int count)
{
	ssize_t result;

	if (sockets_are_live() && emit_parts(fd, parts, count, &result))
		return result;
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

INTERPOSER ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	ssize_t result;

	if (sockets_are_live() && emit_message(fd, message, flags, &result))
		return result;
	return next.sendmsg(fd, message, flags);
}

/* The first message rides in the SYN, the others follow as the kernel would have sent them. */
static int emit_messages(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
	ssize_t sent;
	int rest;

	if (count == 0 || !emit_message(fd, &messages[0].msg_hdr, flags, &sent))
		return next.sendmmsg(fd, messages, count, flags);
	if (sent < 0)
		return -1;
	messages[0].msg_len = (unsigned int)sent;
	rest = count > 1 ? next.sendmmsg(fd, messages + 1, count - 1, flags) : 0;
	return rest < 0 ? 1 : rest + 1;
}

INTERPOSER int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
	if (sockets_are_live())
		return emit_messages(fd, messages, count, flags);
	return next.sendmmsg(fd, messages, count, flags);
}

/* What libc or the kernel sends by itself is not looked into: the SYN goes first, without it. */

INTERPOSER ssize_t sendfile(int out, int in, off_t *offset, size_t size)
{
	if (sockets_are_live())
		release_for_sharing(out);
	return next.sendfile(out, in, offset, size);
}

INTERPOSER ssize_t sendfile64(int out, int in, off64_t *offset, size_t size)
{
	if (sockets_are_live())
		release_for_sharing(out);
	return next.sendfile64(out, in, offset, size);
}

INTERPOSER ssize_t splice(int in, off64_t *in_offset, int out, off64_t *out_offset, size_t size,
			  unsigned int flags)
{
	if (sockets_are_live()) {
		release_for_sharing(out);
		release_for_reading(in, (flags & SPLICE_F_NONBLOCK) != 0);
	}
	return next.splice(in, in_offset, out, out_offset, size, flags);
}

INTERPOSER int vdprintf(int fd, const char *format, va_list arguments)
{
	if (sockets_are_live())
		release_for_sharing(fd);
	return next.vdprintf(fd, format, arguments);
}

INTERPOSER int __vdprintf_chk(int fd, int flag, const char *format, va_list arguments)
{
	if (sockets_are_live())
		release_for_sharing(fd);
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

INTERPOSER_ALIAS(__write, write);
INTERPOSER_ALIAS(__send, send);
INTERPOSER_ALIAS(__sendmmsg, sendmmsg);
