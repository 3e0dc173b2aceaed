/* SPDX-License-Identifier: MIT */
/* The first write of a held socket: payload in the SYN, exactly once. */
#ifndef TFO_SHIM_SOCKET_EMIT_H
#define TFO_SHIM_SOCKET_EMIT_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "shim/socket/table.h"

struct transmission {
	int fd;
	const struct iovec *parts;
	size_t count;
	int flags;	/* MSG_* of the program's call, 0 for write() */
	bool own_parts; /* `parts` is memory of this library, and not of the program */
	bool addressed; /* the call says where to: nothing to a stream, all to a datagram */
};

/*
 * What a transmission on fd means for its hold. True: it has been carried out, and *result and
 * errno are what the program's call returns. False: the real call is to be made, the hold (if there
 * was one) has been released. Keeps errno when false.
 * Any thread, any signal handler; a cancellation point, as the calls that it stands for.
 */
bool emit(const struct transmission *transmission, ssize_t *result);

/*
 * Before something that sends on fd and cannot be looked into (the kernel, stdio): a hold is
 * released, and a program whose connect() waited finds a connection if fd does not block by now, or
 * may not when it sends (MSG_DONTWAIT in flags). Keeps errno; any thread, any signal handler.
 */
void release_for_sending(int fd, int flags);

#endif
