/* SPDX-License-Identifier: MIT */
/* Numbers of system calls, and the little program that looks for them. */
#include "filter.h"

#include "target.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/seccomp.h, Linux 5.19: once we have a call, only a fatal signal takes it back. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* arch/x86/entry/syscalls/syscall_32.tbl; the numbers of socketcall are of linux/net.h. */
enum {
	I386_SOCKETCALL = 102,
	I386_CONNECT = 362,
	I386_SHUTDOWN = 373,
	SOCKETCALL_CONNECT = 3,
	SOCKETCALL_SHUTDOWN = 13,
};
/* arch/arm/tools/syscall.tbl */
enum { ARM_CONNECT = 283, ARM_SHUTDOWN = 293 };
/* x32 is x86-64 with this bit in the number, and the same arguments. */
#define X32_BIT 0x40000000u

#define LOAD(field)	   BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define MASK(value)	   BPF_STMT(BPF_ALU | BPF_AND | BPF_K, value)
#define STOP		   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)
#define PASS		   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* Seven steps; with another architecture it goes on behind them, the architecture still loaded. */
#define ABI(architecture, mask, connect, shutdown)                                                 \
	IS(architecture, 0, 6), LOAD(nr), MASK(mask), IS(connect, 1, 0), IS(shutdown, 0, 1), STOP, \
		PASS

static const struct sock_filter steps[] = {
	LOAD(arch),
#if defined(__x86_64__)
	ABI(AUDIT_ARCH_X86_64, ~X32_BIT, __NR_connect, __NR_shutdown),
	/* 32-bit x86, whose older libcs do all of this through one call. */
	IS(AUDIT_ARCH_I386, 0, 9),
	LOAD(nr),
	IS(I386_CONNECT, 5, 0),
	IS(I386_SHUTDOWN, 4, 0),
	IS(I386_SOCKETCALL, 0, 4),
	LOAD(args[0]), /* its low half */
	IS(SOCKETCALL_CONNECT, 1, 0),
	IS(SOCKETCALL_SHUTDOWN, 0, 1),
	STOP,
	PASS,
#elif defined(__aarch64__)
	ABI(AUDIT_ARCH_AARCH64, UINT32_MAX, __NR_connect, __NR_shutdown),
	ABI(AUDIT_ARCH_ARM, UINT32_MAX, ARM_CONNECT, ARM_SHUTDOWN),
#else
#error "the system call numbers of this architecture are not known here"
#endif
	PASS,
};

static int install(unsigned long flags)
{
	const struct sock_fprog program = {
		.len = sizeof(steps) / sizeof(*steps),
		.filter = (struct sock_filter *)steps,
	};
	long listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);

	return listener < 0 ? -errno : (int)listener;
}

static int install_with_privileges(void)
{
	/* Not a sandbox: the processor's speculation need not be curbed, which some kernels do. */
	const unsigned long flags =
		SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	int listener = install(flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);

	return listener == -EINVAL ? install(flags) : listener;
}

int filter_install(void)
{
	int listener = install_with_privileges();

	if (listener != -EACCES || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return listener;
	return install_with_privileges();
}

static bool is_i386(const struct seccomp_notif *notif)
{
	return notif->data.arch == AUDIT_ARCH_I386;
}

static bool read_socketcall(const struct seccomp_notif *notif, struct call *call)
{
	uint32_t arguments[3] = {0};

	call->is_connect = (uint32_t)notif->data.args[0] == SOCKETCALL_CONNECT;
	if (!target_read((pid_t)notif->pid, (uint32_t)notif->data.args[1], arguments,
			 call->is_connect ? sizeof(arguments) : 2 * sizeof(*arguments)))
		return false;
	call->fd = (int)arguments[0];
	call->address = arguments[1];
	call->length = arguments[2];
	return true;
}

bool filter_read_call(const struct seccomp_notif *notif, struct call *call)
{
	unsigned int number = (unsigned int)notif->data.nr;

	if (is_i386(notif) && number == I386_SOCKETCALL)
		return read_socketcall(notif, call);
	*call = (struct call){
		.fd = (int)notif->data.args[0],
		.address = notif->data.args[1],
		.length = (uint32_t)notif->data.args[2],
	};
	if (is_i386(notif))
		call->is_connect = number == I386_CONNECT;
	else if (notif->data.arch == AUDIT_ARCH_ARM)
		call->is_connect = number == ARM_CONNECT;
	else
		call->is_connect = (number & ~X32_BIT) == __NR_connect;
	if (is_i386(notif) || notif->data.arch == AUDIT_ARCH_ARM)
		call->address = (uint32_t)call->address;
	return true;
}
