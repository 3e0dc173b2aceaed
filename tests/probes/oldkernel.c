/* SPDX-License-Identifier: MIT */
/*
 * Runs a program as on Linux 4.10: the socket options TCP_FASTOPEN_CONNECT (4.11) and SO_COOKIE
 * (4.12) give ENOPROTOOPT, by a seccomp filter.
 *
 *   oldkernel COMMAND [ARG...]
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT 30
#endif
#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
/* Goes on if it is the value, else skips so many. */
#define UNLESS(value, skipped) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skipped)
#define ANSWER(verdict)	       BPF_STMT(BPF_RET | BPF_K, verdict)

static struct sock_filter lines[] = {
	LOAD(nr),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setsockopt, 1, 0),
	UNLESS(SYS_getsockopt, 8),
	LOAD(args[1]),
	UNLESS(IPPROTO_TCP, 2),
	LOAD(args[2]),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TCP_FASTOPEN_CONNECT, 3, 4),
	UNLESS(SOL_SOCKET, 3),
	LOAD(args[2]),
	UNLESS(SO_COOKIE, 1),
	ANSWER(SECCOMP_RET_ERRNO | ENOPROTOOPT),
	ANSWER(SECCOMP_RET_ALLOW),
};

int main(int argc, char **argv)
{
	struct sock_fprog filter = {sizeof(lines) / sizeof(*lines), lines};

	if (argc < 2) {
		fprintf(stderr, "usage: oldkernel COMMAND [ARG...]\n");
		return 2;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
		perror("seccomp");
		return 77;
	}
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}
