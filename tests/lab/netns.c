/* SPDX-License-Identifier: MIT */
/*
 * A loadable builtin of bash, `netns`: gives the shell that calls it, and what it starts
 * afterwards, a new network namespace.
 *
 * lab_reset needs it because the kernel lets nobody but the machine's own root flush Fast Open
 * cookies (tcp_metrics asks for CAP_NET_ADMIN in the first user namespace). Another program cannot
 * do it: it would only change its own.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

struct word_list;

/* As in bash's builtins.h, which is in the package bash-builtins only. */
struct builtin {
	const char *name;
	int (*function)(struct word_list *args);
	int flags;
	const char *const *long_doc;
	const char *short_doc;
	char *handle;
};

#define BUILTIN_ENABLED 0x01

static int netns(struct word_list *args)
{
	(void)args;
	if (unshare(CLONE_NEWNET) == 0)
		return 0;
	fprintf(stderr, "netns: %s\n", strerror(errno));
	return 1;
}

static const char *const long_doc[] = {"Enter a new network namespace.", NULL};

/* bash looks for NAME_struct. */
extern struct builtin netns_struct;
__attribute__((visibility("default"))) struct builtin netns_struct = {
	.name = "netns",
	.function = netns,
	.flags = BUILTIN_ENABLED,
	.long_doc = long_doc,
	.short_doc = "netns",
};
