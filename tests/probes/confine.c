/* SPDX-License-Identifier: MIT */
/*
 * Runs a command under a seccomp filter that refuses one thing:
 *
 *   confine threads|fastopen ERRNO|kill COMMAND [ARG...]
 *
 * threads: clone3 is ENOSYS as in older kernels, and a clone() that makes a thread is refused;
 * fastopen: setsockopt() with TCP_FASTOPEN_CONNECT is. ERRNO: a number.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_clone3
#define SYS_clone3 435
#endif

#define LOAD(field)   BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IS(what, no)  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (what), 0, (no))
#define HAS(what, no) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (what), 0, (no))
#define ANSWER(what)  BPF_STMT(BPF_RET | BPF_K, (what))

#define FASTOPEN_CONNECT 30 /* linux/tcp.h: TCP_FASTOPEN_CONNECT */

int main(int argc, char **argv)
{
	unsigned int answer = SECCOMP_RET_KILL_PROCESS;
	int error = argc > 3 ? (int)strtol(argv[2], NULL, 10) : 0;

	if (error)
		answer = SECCOMP_RET_ERRNO | (unsigned int)error;

	struct sock_filter threads[] = {
		LOAD(nr),
		IS(SYS_clone3, 1),
		ANSWER(SECCOMP_RET_ERRNO | ENOSYS),
		IS(SYS_clone, 3),
		LOAD(args[0]),
		HAS(CLONE_THREAD, 1),
		ANSWER(answer),
		ANSWER(SECCOMP_RET_ALLOW),
	};
	struct sock_filter fastopen[] = {
		LOAD(nr),      IS(SYS_setsockopt, 5),	LOAD(args[1]),	IS(6 /* IPPROTO_TCP */, 3),
		LOAD(args[2]), IS(FASTOPEN_CONNECT, 1), ANSWER(answer), ANSWER(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {sizeof(threads) / sizeof(*threads), threads};

	if (argc < 4) {
		fputs("usage: confine threads|fastopen ERRNO|kill COMMAND [ARG...]\n", stderr);
		return 2;
	}
	if (!strcmp(argv[1], "fastopen")) {
		filter.filter = fastopen;
		filter.len = sizeof(fastopen) / sizeof(*fastopen);
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
		perror("confine: seccomp");
		return 77;
	}
	execvp(argv[3], argv + 3);
	perror(argv[3]);
	return 127;
}
