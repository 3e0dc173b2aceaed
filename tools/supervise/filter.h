/* SPDX-License-Identifier: MIT */
/* The seccomp filter: which system calls are stopped, in every ABI that a process may use. */
#ifndef TFO_TOOLS_SUPERVISE_FILTER_H
#define TFO_TOOLS_SUPERVISE_FILTER_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

/* Puts this thread, and all that come from it, under the filter, also beyond exec. Returns the
 * descriptor through which the calls are answered (O_CLOEXEC), or -errno: EBUSY if there is such a
 * filter already. Without CAP_SYS_ADMIN the process can gain no privileges from then on. */
int filter_install(void);

/* A call that was stopped. */
struct call {
	bool is_connect; /* else shutdown */
	int fd;
	uint64_t address; /* in the caller's memory */
	uint32_t length;
};

/* How the caller meant it; 32-bit x86 may have put the arguments into memory (socketcall). False if
 * they cannot be read. */
bool filter_read_call(const struct seccomp_notif *notif, struct call *call);

#endif
