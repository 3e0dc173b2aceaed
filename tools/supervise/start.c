/* SPDX-License-Identifier: MIT */
/*
 * The way into supervision. The process that is to be supervised makes the guard first, lets it try
 * what it needs, and only then goes under the filter, which cannot be taken back.
 */
#include "supervise.h"

#include "filter.h"
#include "listener.h"
#include "policy.h"
#include "process.h"
#include "say.h"
#include "target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

const char supervise_nested[] = "it is already supervised";

/* What the two say to each other. */
enum word {
	WORD_HERE,     /* the guard is there */
	WORD_TRY,      /* the program may be tried */
	WORD_POSSIBLE, /* it can be reached */
	WORD_MEMORY,   /* its memory cannot be read */
	WORD_SOCKETS,  /* its descriptors cannot be had */
	WORD_SERVING,  /* its calls will be answered */
};

/* The descriptor that comes with a word; -1: none. */
struct message {
	enum word word;
	pid_t pid;
	uint64_t address;
	int fd;
};

static bool send_message(int channel, const struct message *message)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec part = {.iov_base = (void *)message, .iov_len = sizeof(*message)};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *with;

	if (message->fd >= 0) {
		header.msg_control = control;
		header.msg_controllen = sizeof(control);
		with = CMSG_FIRSTHDR(&header);
		with->cmsg_level = SOL_SOCKET;
		with->cmsg_type = SCM_RIGHTS;
		with->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(with), &message->fd, sizeof(int));
	}
	return sendmsg(channel, &header, MSG_NOSIGNAL) == (ssize_t)sizeof(*message);
}

static bool say(int channel, enum word word)
{
	const struct message message = {.word = word, .pid = getpid(), .fd = -1};

	return send_message(channel, &message);
}

static bool hear(int channel, struct message *message)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec part = {.iov_base = message, .iov_len = sizeof(*message)};
	struct msghdr header = {.msg_iov = &part,
				.msg_iovlen = 1,
				.msg_control = control,
				.msg_controllen = sizeof(control)};
	const struct cmsghdr *with;
	ssize_t length;

	do
		length = recvmsg(channel, &header, MSG_CMSG_CLOEXEC);
	while (length < 0 && errno == EINTR);
	if (length != (ssize_t)sizeof(*message))
		return false;
	with = CMSG_FIRSTHDR(&header);
	message->fd = -1;
	if (with && with->cmsg_type == SCM_RIGHTS)
		memcpy(&message->fd, CMSG_DATA(with), sizeof(int));
	return true;
}

/* ---- the guard's side ---- */

static enum word try_program(const struct message *message, int its_channel)
{
	char byte;
	int taken;

	if (!target_read(message->pid, message->address, &byte, sizeof(byte)))
		return WORD_MEMORY;
	taken = target_take(message->pid, its_channel);
	if (taken < 0)
		return WORD_SOCKETS;
	close(taken);
	return WORD_POSSIBLE;
}

/* Returns the listener; -1: the program goes without us. */
static int agree_with_program(int channel, int its_channel)
{
	struct message message;
	enum word word;

	if (!say(channel, WORD_HERE) || !hear(channel, &message))
		return -1;
	word = try_program(&message, its_channel);
	if (!say(channel, word) || word != WORD_POSSIBLE || !hear(channel, &message))
		return -1;
	return message.fd;
}

static void guard(int channel, int its_channel)
{
	int listener;

	if (!listener_prepare())
		return;
	listener = agree_with_program(channel, its_channel);
	if (listener < 0)
		return;
	policy_prepare();
	process_leave_all_but(&channel, &listener);
	process_hold_on();
	if (process_is_watched()) {
		process_hold_on();
		say(channel, WORD_SERVING);
		close(channel);
		serve(listener);
		return;
	}
	say_line("the supervisor has died: connections are ordinary from now on");
	say(channel, WORD_SERVING); /* if it was not even started */
	close(channel);
	serve_plainly(listener);
}

/* ---- the program's side ---- */

static const char *why_not_filtered(int error)
{
	static char text[128];

	if (error == EBUSY)
		return "something else watches its system calls (a container's seccomp listener)";
	if (error == EINVAL || error == ENOSYS)
		return "this kernel has no seccomp listener (Linux 5.9)";
	snprintf(text, sizeof(text), "no seccomp filter: %s", strerror(error));
	return text;
}

/* Between the filter and the first word of whom it asks there is no way back. */
static void give_up(void)
{
	fputs("tfo-run: the supervisor has ended before it began\n", stderr);
	_exit(125);
}

static const char *go_under_filter(int channel)
{
	struct message message = {.fd = filter_install()};

	if (message.fd < 0)
		return why_not_filtered(-message.fd);
	if (!send_message(channel, &message))
		give_up();
	close(message.fd);
	if (!hear(channel, &message) || message.word != WORD_SERVING)
		give_up();
	return NULL;
}

static const char *agree_with_guard(int channel)
{
	struct message message;

	if (!hear(channel, &message))
		return "the supervisor could not be started";
	/* Where Yama lets only parents look into a process. Goes on to this one's exec. */
	prctl(PR_SET_PTRACER, message.pid, 0, 0, 0);
	message = (struct message){.word = WORD_TRY,
				   .pid = getpid(),
				   .address = (uint64_t)(uintptr_t)&message,
				   .fd = -1};
	if (!send_message(channel, &message) || !hear(channel, &message))
		return "the supervisor has ended";
	if (message.word == WORD_MEMORY)
		return "its memory may not be read (process_vm_readv is forbidden here)";
	if (message.word == WORD_SOCKETS)
		return "its sockets may not be taken (pidfd_getfd is missing, or forbidden here)";
	return go_under_filter(channel);
}

static const char *supervise(void)
{
	const char *why_not;
	int channels[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channels) != 0)
		return strerror(errno);
	switch (process_leave_behind()) {
	case -1:
		why_not = strerror(errno);
		break;
	case 0:
		/* Not closed in the other: it is looked for there. */
		guard(channels[1], channels[0]);
		_exit(EXIT_SUCCESS);
	default:
		close(channels[1]);
		channels[1] = -1;
		why_not = agree_with_guard(channels[0]);
	}
	close(channels[0]);
	if (channels[1] >= 0)
		close(channels[1]);
	return why_not;
}

/* A call that no program makes, and that only a supervisor answers. */
static bool is_supervised(void)
{
	return syscall(SYS_connect, -1, NULL, SUPERVISE_QUESTION) == 0;
}

const char *supervise_start(void)
{
	const char *trouble = supervise_trouble();

	if (trouble)
		return trouble;
	return is_supervised() ? supervise_nested : supervise();
}
