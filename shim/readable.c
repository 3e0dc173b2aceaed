/* SPDX-License-Identifier: MIT */
/* Reading through the kernel's eyes. */
#include "shim/readable.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>

#include "shim/next.h"

#define PAGE 4096u /* the least there is: asking twice in a larger page does no harm */

static bool is_word_readable(uintptr_t address)
{
	uint32_t nobody = 0;

	/* Wakes nobody and moves nobody; it says EAGAIN, 0, or EFAULT. FUTEX_WAIT would sleep for a
	 * moment (the slack of timers, 50 us) where the word is 0. */
	return next.syscall(SYS_futex, (long)(address & ~(uintptr_t)3), FUTEX_CMP_REQUEUE_PRIVATE,
			    0, 0, (long)&nobody, 1) == 0 ||
	       errno != EFAULT;
}

bool is_readable(const void *memory, size_t size)
{
	uintptr_t first = (uintptr_t)memory, last = first + size - 1;
	int saved = errno;
	bool readable = true;

	if (size == 0)
		return true;
	if (is_absurd(memory) || last < first)
		return false;
	for (uintptr_t at = first; readable; at = (at | (PAGE - 1)) + 1) {
		readable = is_word_readable(at);
		if ((at | (PAGE - 1)) >= last)
			break;
	}
	errno = saved;
	return readable;
}
