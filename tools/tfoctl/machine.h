/* SPDX-License-Identifier: MIT */
/* What this machine, in this network namespace, does of Fast Open. */
#ifndef TFO_TOOLS_TFOCTL_MACHINE_H
#define TFO_TOOLS_TFOCTL_MACHINE_H

#include <stdbool.h>
#include <sys/utsname.h>

/* Bits of net.ipv4.tcp_fastopen (ip-sysctl). */
#define FASTOPEN_CLIENT 1
#define FASTOPEN_SERVER 2

enum trial { TRIAL_WORKED, TRIAL_FAILED, TRIAL_NOT_MADE };

struct machine {
	struct utsname names;
	bool has_kernel_hold;  /* TCP_FASTOPEN_CONNECT */
	bool has_user_hold;    /* MSG_FASTOPEN */
	long switches;	       /* net.ipv4.tcp_fastopen; -1: cannot be read */
	long pause_s;	       /* ...tcp_fastopen_blackhole_timeout_sec; -1: there is none */
	enum trial trial;      /* of data in a SYN to a listener on 127.0.0.1 */
	const char *trial_why; /* what it failed of, or why it was not made */
};

/* Takes about a millisecond; some seconds at worst, when packets are lost even here. */
void machine_examine(struct machine *machine);

#endif
