/* SPDX-License-Identifier: MIT */
/* Reads TCP_INFO. Includes linux/tcp.h, whose struct is newer than the one in netinet/tcp.h. */
#include "shim/memory/outcome.h"

#include <errno.h>
#include <linux/tcp.h>
#include <stddef.h>
#include <sys/socket.h>

#ifndef IPPROTO_TCP
#define IPPROTO_TCP 6
#endif

/* include/net/tcp_states.h of the kernel; the enum is part of the TCP_INFO interface. */
enum {
	KERNEL_TCP_SYN_SENT = 2,
	KERNEL_TCP_SYN_RECV = 3,
	KERNEL_TCP_CLOSE = 7,
	KERNEL_TCP_CLOSE_WAIT = 8,
	KERNEL_TCP_LAST_ACK = 9,
	KERNEL_TCP_CLOSING = 11,
};

/* A closed socket that the server has acknowledged anything to was established before. */
static enum handshake handshake_of(const struct tcp_info *info)
{
	switch (info->tcpi_state) {
	case KERNEL_TCP_SYN_SENT:
	case KERNEL_TCP_SYN_RECV:
		return HANDSHAKE_UNDER_WAY;
	case KERNEL_TCP_CLOSE:
		return info->tcpi_bytes_acked ? HANDSHAKE_DONE : HANDSHAKE_FAILED;
	default:
		return HANDSHAKE_DONE;
	}
}

struct outcome outcome_of(int fd)
{
	struct tcp_info info = {0};
	socklen_t length = sizeof(info);
	int saved = errno;
	struct outcome outcome = {.handshake = HANDSHAKE_FAILED};

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0)
		outcome = (struct outcome){
			.handshake = handshake_of(&info),
			.syn_data_acknowledged = info.tcpi_options & TCPI_OPT_SYN_DATA,
			.client_fail = info.tcpi_fastopen_client_fail,
			.retransmissions = info.tcpi_total_retrans,
			.rtt_us = info.tcpi_rtt,
			.bytes_received = info.tcpi_bytes_received,
			.bytes_acknowledged = info.tcpi_bytes_acked,
			.last_received_ms = info.tcpi_last_data_recv,
			.peer_closed = info.tcpi_state == KERNEL_TCP_CLOSE_WAIT ||
				       info.tcpi_state == KERNEL_TCP_LAST_ACK ||
				       info.tcpi_state == KERNEL_TCP_CLOSING,
		};
	errno = saved;
	return outcome;
}
