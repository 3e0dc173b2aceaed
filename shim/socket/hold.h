/* SPDX-License-Identifier: MIT */
/*
 * The kernel's hold (TCP_FASTOPEN_CONNECT, Linux 4.11): connect() with the option set returns at
 * once when the kernel has a cookie for the destination, and nothing is on the wire until the first
 * byte. Here a connection comes under a hold; emit.h and release.h end it.
 */
#ifndef TFO_SHIM_SOCKET_HOLD_H
#define TFO_SHIM_SOCKET_HOLD_H

#include <stdbool.h>
#include <sys/socket.h>

#include "shim/socket/table.h"

/*
 * connect(2) for a socket that is not tracked, or only watched: held if a rule allows it and the
 * kernel can, else the ordinary connect. Result and errno as connect(2) has them.
 * Any thread, any signal handler; a cancellation point.
 */
int hold_connect(int fd, const struct sockaddr *address, socklen_t length);

/* connect(2) for a socket that is held or in flight. */
int hold_connect_again(struct tracking *tracking, const struct sockaddr *address, socklen_t length);

/* Makes the next connect() of a socket an ordinary one. False if it is connected or connecting.
 * Keeps errno. */
bool hold_disarm(int fd);

/*
 * Starts over without Fast Open: dissolves the association and connects plainly, waiting as the
 * socket would (blocking) or not at all (`wait` false, whatever the socket's mode). Returns 0 or -1
 * with errno of connect(2).
 */
int hold_connect_plainly(int fd, const struct tracked *socket, bool wait);

bool socket_is_blocking(int fd);

#endif
