/* SPDX-License-Identifier: MIT */
/* The ioctls of seccomp_unotify(2). */
#include "listener.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/seccomp.h, Linux 6.6: the answer wakes the caller on our own processor, which is free as
 * soon as we wait. */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS	   SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

/* One is at work; others wait for a handshake in shutdown(). More wait unanswered, in the kernel.
 */
#define OPEN_MOST 1024

struct open_call {
	_Atomic(bool) open;
	uint64_t id;
};

static struct open_call *open_calls;
static int listener = -1;

bool listener_prepare(void)
{
	open_calls = mmap(NULL, OPEN_MOST * sizeof(*open_calls), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return open_calls != MAP_FAILED;
}

void listener_open(int fd)
{
	listener = fd;
	ioctl(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
}

static bool note_open(uint64_t id)
{
	for (unsigned int i = 0; i < OPEN_MOST; i++) {
		if (atomic_load(&open_calls[i].open))
			continue;
		open_calls[i].id = id;
		atomic_store(&open_calls[i].open, true);
		return true;
	}
	return false;
}

static void note_answered(uint64_t id)
{
	for (unsigned int i = 0; i < OPEN_MOST; i++) {
		if (!atomic_load(&open_calls[i].open) || open_calls[i].id != id)
			continue;
		atomic_store(&open_calls[i].open, false);
		return;
	}
}

bool listener_receive(struct seccomp_notif *notif)
{
	memset(notif, 0, sizeof(*notif)); /* the kernel insists */
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, notif) != 0)
		return false;
	if (note_open(notif->id))
		return true;
	listener_pass(notif->id);
	return false;
}

bool listener_still_waits(const struct seccomp_notif *notif)
{
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &notif->id) == 0;
}

static bool respond(struct seccomp_notif_resp *response)
{
	bool told = ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, response) == 0;

	note_answered(response->id);
	return told;
}

void listener_pass(uint64_t id)
{
	struct seccomp_notif_resp response = {
		.id = id,
		.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE,
	};

	respond(&response);
}

bool listener_answer(uint64_t id, int error)
{
	struct seccomp_notif_resp response = {.id = id, .error = -error};

	return respond(&response);
}

void listener_pass_all(void)
{
	for (unsigned int i = 0; i < OPEN_MOST; i++)
		if (atomic_load(&open_calls[i].open))
			listener_pass(open_calls[i].id);
}
