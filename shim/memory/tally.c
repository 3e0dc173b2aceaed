/* SPDX-License-Identifier: MIT */
/* The counters of a run: one page, mapped by each of its processes. */
#include "shim/memory/tally.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/memory/judge.h"

/* Written once, before there are other threads. */
static struct tally *current;

/* The name is one below /proc of a process that may be gone, and its number another's: only what is
 * a tally is touched. */
static struct tally *map(int fd)
{
	struct tally *tally;
	struct stat status;

	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) ||
	    status.st_size != (off_t)sizeof(*tally))
		return NULL;
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (tally == MAP_FAILED)
		return NULL;
	if (memcmp(tally->magic, TALLY_MAGIC, sizeof(tally->magic)) == 0)
		return tally;
	munmap(tally, sizeof(*tally));
	return NULL;
}

void tally_open(const char *path)
{
	int fd = path ? open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;

	if (fd < 0)
		return;
	current = map(fd);
	close(fd);
}

static void add(enum tally_count which, uint64_t amount)
{
	if (amount)
		atomic_fetch_add_explicit(&current->counts[which], amount, memory_order_relaxed);
}

void tally_note(const struct experience *experience, uint32_t rtt_us, bool suspended)
{
	bool saved = saved_round_trip(experience);

	if (!current)
		return;
	add(TALLY_SUSPENSIONS, suspended);
	if (experience->stalled)
		return;
	add(TALLY_CONNECTIONS, 1);
	add(TALLY_HELD, experience->syn != SYN_ASKED_FOR_COOKIE);
	add(TALLY_IN_SYN, carried_data(experience));
	add(TALLY_ACKNOWLEDGED, carried_data(experience) && experience->acknowledged);
	add(TALLY_REPEATED, experience->retransmitted);
	add(TALLY_RESET, experience->reset);
	add(TALLY_FAILED, !experience->established);
	add(TALLY_ROUND_TRIPS, saved);
	add(TALLY_US, saved ? rtt_us : 0);
}

void tally_accepted(bool in_syn)
{
	if (!current)
		return;
	add(TALLY_ACCEPTED, 1);
	add(TALLY_ACCEPTED_IN_SYN, in_syn);
}

void tally_add(const struct tally *other)
{
	for (int i = 0; current && i < TALLY_COUNTS; i++)
		add((enum tally_count)i, atomic_load(&other->counts[i]));
}
