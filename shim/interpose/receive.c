/* SPDX-License-Identifier: MIT */
/* Calls that receive: a program that reads first gets its SYN sent first. */
#include <errno.h>

#include "shim/next.h"
#include "shim/socket/hold.h"
#include "shim/socket/release.h"

/* A blocking call that says EAGAIN has waited for SO_RCVTIMEO. A socket whose SYN could not be sent
 * says that it is not connected, and its program has not been told why. */
static ssize_t received(int fd, ssize_t size, bool nonblocking_call)
{
	if (size < 0 && errno == ENOTCONN) {
		struct tracking tracking = table_find(fd);
		int failure = release_failure(&tracking);

		errno = failure ? failure : ENOTCONN;
	}
	if (size < 0 && errno == EAGAIN && !nonblocking_call && socket_is_blocking(fd)) {
		waited_in_vain(fd);
		errno = EAGAIN;
	}
	return size;
}

static SLOW_PATH ssize_t read_live(int fd, void *bytes, size_t size)
{
	release_for_reading(fd, false);
	return received(fd, next.read(fd, bytes, size), false);
}

INTERPOSER ssize_t read(int fd, void *bytes, size_t size)
{
	if (sockets_are_live())
		return read_live(fd, bytes, size);
	return next.read(fd, bytes, size);
}

INTERPOSER ssize_t __read_chk(int fd, void *bytes, size_t size, size_t room)
{
	if (sockets_are_live())
		release_for_reading(fd, false);
	return next.__read_chk(fd, bytes, size, room);
}

static SLOW_PATH ssize_t readv_live(int fd, const struct iovec *parts, int count)
{
	release_for_reading(fd, false);
	return received(fd, next.readv(fd, parts, count), false);
}

INTERPOSER ssize_t readv(int fd, const struct iovec *parts, int count)
{
	if (sockets_are_live())
		return readv_live(fd, parts, count);
	return next.readv(fd, parts, count);
}

INTERPOSER ssize_t preadv2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
	if (sockets_are_live() && offset == -1)
		release_for_reading(fd, flags & RWF_NOWAIT);
	return next.preadv2(fd, parts, count, offset, flags);
}

INTERPOSER ssize_t preadv64v2(int fd, const struct iovec *parts, int count, off64_t offset,
			      int flags)
{
	if (sockets_are_live() && offset == -1)
		release_for_reading(fd, flags & RWF_NOWAIT);
	return next.preadv64v2(fd, parts, count, offset, flags);
}

static SLOW_PATH ssize_t recv_live(int fd, void *bytes, size_t size, int flags)
{
	release_for_reading(fd, flags & MSG_DONTWAIT);
	return received(fd, next.recv(fd, bytes, size, flags), flags & MSG_DONTWAIT);
}

INTERPOSER ssize_t recv(int fd, void *bytes, size_t size, int flags)
{
	if (sockets_are_live())
		return recv_live(fd, bytes, size, flags);
	return next.recv(fd, bytes, size, flags);
}

INTERPOSER ssize_t __recv_chk(int fd, void *bytes, size_t size, size_t room, int flags)
{
	if (sockets_are_live())
		release_for_reading(fd, flags & MSG_DONTWAIT);
	return next.__recv_chk(fd, bytes, size, room, flags);
}

static SLOW_PATH ssize_t recvfrom_live(int fd, void *bytes, size_t size, int flags,
				       struct sockaddr *from, socklen_t *length)
{
	release_for_reading(fd, flags & MSG_DONTWAIT);
	return received(fd, next.recvfrom(fd, bytes, size, flags, from, length),
			flags & MSG_DONTWAIT);
}

INTERPOSER ssize_t recvfrom(int fd, void *bytes, size_t size, int flags, struct sockaddr *from,
			    socklen_t *length)
{
	if (sockets_are_live())
		return recvfrom_live(fd, bytes, size, flags, from, length);
	return next.recvfrom(fd, bytes, size, flags, from, length);
}

INTERPOSER ssize_t __recvfrom_chk(int fd, void *bytes, size_t size, size_t room, int flags,
				  struct sockaddr *from, socklen_t *length)
{
	if (sockets_are_live())
		release_for_reading(fd, flags & MSG_DONTWAIT);
	return next.__recvfrom_chk(fd, bytes, size, room, flags, from, length);
}

static SLOW_PATH ssize_t recvmsg_live(int fd, struct msghdr *message, int flags)
{
	release_for_reading(fd, flags & MSG_DONTWAIT);
	return received(fd, next.recvmsg(fd, message, flags), flags & MSG_DONTWAIT);
}

INTERPOSER ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	if (sockets_are_live())
		return recvmsg_live(fd, message, flags);
	return next.recvmsg(fd, message, flags);
}

INTERPOSER int recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags,
			struct timespec *timeout)
{
	if (sockets_are_live())
		release_for_reading(fd, flags & MSG_DONTWAIT);
	return next.recvmmsg(fd, messages, count, flags, timeout);
}

INTERPOSER_ALIAS(__read, read);
INTERPOSER_ALIAS(__recv, recv);
