/* SPDX-License-Identifier: MIT */
/* How a handshake ended, as the kernel tells it. */
#ifndef TFO_SHIM_MEMORY_OUTCOME_H
#define TFO_SHIM_MEMORY_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

enum handshake {
	HANDSHAKE_UNDER_WAY,
	HANDSHAKE_DONE,
	HANDSHAKE_FAILED, /* refused, reset, timed out, or the socket is gone */
};

struct outcome {
	enum handshake handshake;
	bool syn_data_acknowledged; /* TCPI_OPT_SYN_DATA */
	unsigned int client_fail;   /* tcpi_fastopen_client_fail (linux/tcp.h), Linux 5.5 */
	unsigned int retransmissions;
	unsigned int rtt_us; /* 0: not measured */
	uint64_t bytes_received;
	uint64_t bytes_acknowledged;   /* the SYN's own place in the sequence included */
	unsigned int last_received_ms; /* how long ago data last came */
	bool peer_closed;	       /* the server has ended its side */
};

/* tcpi_fastopen_client_fail: TFO_COOKIE_UNAVAILABLE and TFO_SYN_RETRANSMITTED of linux/tcp.h */
#define CLIENT_FAIL_NO_COOKIE	      1
#define CLIENT_FAIL_SYN_RETRANSMITTED 3

/* Asks the kernel (TCP_INFO). Any thread, any signal handler; keeps errno. */
struct outcome outcome_of(int fd);

#endif
