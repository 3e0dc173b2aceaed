/* SPDX-License-Identifier: MIT */
/* The table of tracked sockets: two levels, so that only what is used costs memory. */
#include "shim/socket/table.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shim/next.h"

#define LEAF_BITS  TABLE_LEAF_BITS
#define LEAF_SIZE  (1u << LEAF_BITS)
#define LEAF_COUNT TABLE_LEAVES
#define STATE_MASK 0xffu
#define GENERATION 0x100u
/* How often a thread gives way to another one that is emitting, from some time on with a short
 * sleep (100 ms in all); then it goes on. Only a thread that left its signal handler by longjmp in
 * that very moment never comes back. */
#define SEIZE_YIELDS   200
#define SEIZE_SLEEPS   1000
#define SEIZE_SLEEP_NS 100000

struct leaf {
	_Atomic(uint32_t) words[LEAF_SIZE]; /* state in the low byte, generation above */
	_Atomic(uint8_t) marks[LEAF_SIZE];
	_Atomic(uint32_t) counts[SOCKET_STATES]; /* entries in each state but SOCKET_UNTRACKED */
	struct tracked sockets[LEAF_SIZE];
};

_Atomic(uint64_t) table_counts;
_Atomic(uint32_t) table_held;

static _Atomic(struct leaf *) leaves[LEAF_COUNT];
static _Atomic(unsigned int) leaf_limit; /* one more than the number of the last leaf there is */
static _Atomic(pid_t) table_owner;

/* Says without a system call that the table is this process's: in a page that the kernel wipes in a
 * child with memory of its own (MADV_WIPEONFORK, Linux 4.14). A child that shares our memory would
 * find it as it is, so it is not believed from the first one on. */
static _Atomic(bool) *_Atomic owned;
static _Atomic(bool) memory_is_shared;

_Atomic(uint8_t) table_kinds[TABLE_KINDS];
static _Atomic(unsigned int) stream_limit; /* one more than the highest number noted as a stream */

/* What is noted already is only read, so that threads do not get in each other's way. */

static bool has_kind(int fd, uint8_t kind)
{
	return (unsigned int)fd < TABLE_KINDS &&
	       atomic_load_explicit(&table_kinds[fd], memory_order_relaxed) & kind;
}

static void add_kind(int fd, uint8_t kind)
{
	if ((unsigned int)fd < TABLE_KINDS && !has_kind(fd, kind))
		atomic_fetch_or_explicit(&table_kinds[fd], kind, memory_order_relaxed);
}

static void take_kind(int fd, uint8_t kind)
{
	if (has_kind(fd, kind))
		atomic_fetch_and_explicit(&table_kinds[fd], (uint8_t)~kind, memory_order_relaxed);
}

static void raise_limit(_Atomic(unsigned int) *limit, unsigned int to)
{
	unsigned int before = atomic_load_explicit(limit, memory_order_relaxed);

	while (before < to && !atomic_compare_exchange_weak(limit, &before, to))
		;
}

void table_note_stream(int fd)
{
	raise_limit(&stream_limit, (unsigned int)fd + 1);
	add_kind(fd, KIND_STREAM);
	take_kind(fd, KIND_OTHER);
}

void table_note_shared(int fd)
{
	add_kind(fd, KIND_SHARED);
}

void table_note_child(void)
{
	unsigned int limit = atomic_load(&stream_limit);

	limit = limit < TABLE_KINDS ? limit : TABLE_KINDS;
	for (unsigned int fd = 0; fd < limit; fd++)
		if (has_kind((int)fd, KIND_STREAM))
			add_kind((int)fd, KIND_SHARED);
}

bool table_is_shared(int fd)
{
	return has_kind(fd, KIND_SHARED);
}

void table_note_socket(int fd, enum new_socket kind)
{
	if (sockets_are_noted()) {
		if (!table_is_ours())
			return;
		table_unmark(fd);
	}
	if (kind == NEW_OTHER) {
		add_kind(fd, KIND_OTHER);
	} else {
		table_note_stream(fd);
		take_kind(fd, KIND_SHARED);
	}
	if (kind == NEW_TCP)
		add_kind(fd, KIND_TCP);
	else
		take_kind(fd, KIND_TCP);
}

void table_doubt_tcp(int fd)
{
	take_kind(fd, KIND_TCP);
}

bool table_is_tcp(int fd)
{
	return has_kind(fd, KIND_TCP);
}

static struct leaf *leaf_of(int fd)
{
	if ((unsigned int)fd >= TABLE_LIMIT)
		return NULL;
	return atomic_load_explicit(&leaves[(unsigned int)fd >> LEAF_BITS], memory_order_acquire);
}

static struct leaf *leaf_for(int fd)
{
	struct leaf *leaf = leaf_of(fd), *expected = NULL;

	if (leaf || (unsigned int)fd >= TABLE_LIMIT)
		return leaf;
	leaf = mmap(NULL, sizeof(*leaf), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (leaf == MAP_FAILED)
		return NULL;
	/* First, so that nobody has a leaf that others do not look at. */
	raise_limit(&leaf_limit, ((unsigned int)fd >> LEAF_BITS) + 1);
	if (atomic_compare_exchange_strong(&leaves[(unsigned int)fd >> LEAF_BITS], &expected, leaf))
		return leaf;
	munmap(leaf, sizeof(*leaf));
	return expected;
}

static unsigned int slot_of(int fd)
{
	return (unsigned int)fd & (LEAF_SIZE - 1);
}

static bool is_live(enum socket_state state)
{
	return state >= SOCKET_CONNECTING;
}

static enum socket_state state_of(uint32_t word)
{
	return word & STATE_MASK;
}

enum socket_state table_state(const struct tracking *tracking)
{
	return tracking->socket ? state_of(tracking->word) : SOCKET_UNTRACKED;
}

/* The counts rise before an entry is seen and fall after it is gone, so that whoever can reach an
 * entry also sees a count that is not zero. */
static void count_in(struct leaf *leaf, enum socket_state state)
{
	if (state == SOCKET_UNTRACKED)
		return;
	atomic_fetch_add(&leaf->counts[state], 1);
	atomic_fetch_add(&table_counts, is_live(state) ? COUNT_LIVE : COUNT_NOTED);
	if (state == SOCKET_HELD)
		atomic_fetch_add(&table_held, 1);
}

static void count_out(struct leaf *leaf, enum socket_state state)
{
	if (state == SOCKET_UNTRACKED)
		return;
	if (state == SOCKET_HELD)
		atomic_fetch_sub(&table_held, 1);
	atomic_fetch_sub(&table_counts, is_live(state) ? COUNT_LIVE : COUNT_NOTED);
	atomic_fetch_sub(&leaf->counts[state], 1);
}

/* The generation changes when an entry is claimed, so that a word kept over a reuse never fits. */
static bool move_word(struct leaf *leaf, unsigned int slot, uint32_t *word, enum socket_state state)
{
	uint32_t wanted = (*word & ~STATE_MASK) | state;

	if (state_of(*word) == SOCKET_UNTRACKED)
		wanted += GENERATION;
	count_in(leaf, state);
	if (!atomic_compare_exchange_strong(&leaf->words[slot], word, wanted)) {
		count_out(leaf, state);
		return false;
	}
	count_out(leaf, state_of(*word));
	*word = wanted;
	return true;
}

bool table_move(struct tracking *tracking, enum socket_state state)
{
	return move_word(leaf_of(tracking->fd), slot_of(tracking->fd), &tracking->word, state);
}

/* Numbers of sockets' inodes are given out in order and not reused for a long time. */
static uint64_t inode_of(int fd)
{
	struct stat status;

	if (fstat(fd, &status) != 0 || !S_ISSOCK(status.st_mode))
		return 0;
	return status.st_ino;
}

uint64_t socket_identity(int fd)
{
	uint64_t identity = 0;
	socklen_t length = sizeof(identity);
	int saved = errno;

	/* EINVAL is qemu's: where it emulates the processor, every option is an int. */
	if (next.getsockopt(fd, SOL_SOCKET, SO_COOKIE, &identity, &length) != 0)
		identity = errno == ENOPROTOOPT || errno == EINVAL ? inode_of(fd) : 0;
	errno = saved;
	return identity;
}

static bool table_is_of_our_pid(void)
{
	return atomic_load_explicit(&table_owner, memory_order_relaxed) == getpid();
}

bool table_is_ours(void)
{
	_Atomic(bool) *mark = atomic_load_explicit(&owned, memory_order_acquire);

	if (mark && atomic_load(mark) && !atomic_load(&memory_is_shared))
		return true;
	return table_is_of_our_pid();
}

void table_expect_sharer(void)
{
	atomic_store(&memory_is_shared, true);
}

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18 /* asm-generic/mman-common.h, Linux 4.14 */
#endif

static void mark_as_owned(void)
{
	static _Atomic(bool) tried;
	_Atomic(bool) *mark;

	if (atomic_load(&tried) || !table_is_of_our_pid() || atomic_exchange(&tried, true))
		return;
	mark = mmap(NULL, sizeof(*mark), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	if (mark == MAP_FAILED)
		return;
	if (madvise(mark, sizeof(*mark), MADV_WIPEONFORK) == 0) {
		atomic_store(mark, true);
		atomic_store_explicit(&owned, mark, memory_order_release);
	} else {
		munmap(mark, sizeof(*mark));
	}
}

struct tracking table_peek(int fd)
{
	struct tracking tracking = {.fd = fd};
	struct leaf *leaf = leaf_of(fd);

	if (!leaf)
		return tracking;
	tracking.word = atomic_load_explicit(&leaf->words[slot_of(fd)], memory_order_acquire);
	if (state_of(tracking.word) != SOCKET_UNTRACKED)
		tracking.socket = &leaf->sockets[slot_of(fd)];
	return tracking;
}

bool table_is_same_socket(const struct tracking *tracking)
{
	return atomic_load(&tracking->socket->identity) == socket_identity(tracking->fd);
}

struct tracking table_find(int fd)
{
	struct tracking tracking = table_peek(fd);

	if (!tracking.socket)
		return tracking;
	if (!table_is_ours()) {
		tracking.socket = NULL;
		return tracking;
	}
	/* Busy: its owner has it in hand, and may not have filled it in yet. */
	if (state_of(tracking.word) == SOCKET_BUSY || table_is_same_socket(&tracking))
		return tracking;
	/* Closed behind our back. If the move fails somebody else has just dropped or reused it. */
	table_move(&tracking, SOCKET_UNTRACKED);
	tracking.socket = NULL;
	return tracking;
}

struct tracking table_find_unasked(int fd)
{
	struct tracking tracking = table_peek(fd);

	if (state_of(tracking.word) == SOCKET_HELD && tracking.socket && table_is_ours())
		return tracking;
	return table_find(fd);
}

#define COPY(field)                                                                                \
	atomic_store_explicit(&socket->field,                                                      \
			      atomic_load_explicit(&facts->field, memory_order_relaxed),           \
			      memory_order_relaxed)

/* Field by field: others may read the atomic ones of a stale entry at this moment. Who is to see
 * them sees the word that is moved afterwards first. */
static void fill(struct tracked *socket, const struct tracked *facts)
{
	socket->address = facts->address;
	socket->address_length = facts->address_length;
	COPY(policy);
	COPY(rule);
	COPY(by_name);
	COPY(blocking);
	COPY(rtt_us);
	COPY(judged);
	COPY(inherited);
	COPY(control);
	COPY(reset);
	COPY(reason);
	COPY(syn_bytes);
	COPY(handshake_us);
	COPY(identity);
	COPY(connected_ns);
	COPY(deadline_ns);
	COPY(syn_ns);
	COPY(holder);
	atomic_store_explicit(&socket->busy_thread, 0, memory_order_relaxed);
	COPY(told_connected);
	COPY(seen_writable);
	COPY(awaited_until_ns);
	COPY(waited_in_vain);
	COPY(epoll_set);
	COPY(shared);
	COPY(wants_to_read);
	COPY(failure);
}

struct tracked table_facts(const struct tracked *socket)
{
	struct tracked facts;

	fill(&facts, socket);
	return facts;
}

bool table_add(int fd, enum socket_state state, const struct tracked *facts)
{
	struct leaf *leaf = leaf_for(fd);
	uint32_t word;

	if (!leaf || !table_is_ours())
		return false;
	word = atomic_load_explicit(&leaf->words[slot_of(fd)], memory_order_acquire);
	if (state_of(word) != SOCKET_UNTRACKED || !move_word(leaf, slot_of(fd), &word, SOCKET_BUSY))
		return false;
	mark_as_owned();
	table_note_stream(fd);
	fill(&leaf->sockets[slot_of(fd)], facts);
	return move_word(leaf, slot_of(fd), &word, state);
}

static void give_way(unsigned int times)
{
	struct timespec pause = {.tv_nsec = SEIZE_SLEEP_NS};

	if (times < SEIZE_YIELDS)
		sched_yield();
	else
		nanosleep(&pause, NULL);
}

bool table_seize(struct tracking *tracking)
{
	struct leaf *leaf = leaf_of(tracking->fd);
	uintptr_t self = (uintptr_t)pthread_self();

	for (unsigned int times = 0; times < SEIZE_YIELDS + SEIZE_SLEEPS; times++) {
		if (state_of(tracking->word) == SOCKET_HELD) {
			if (move_word(leaf, slot_of(tracking->fd), &tracking->word, SOCKET_BUSY)) {
				atomic_store(&tracking->socket->busy_thread, self);
				return true;
			}
			continue; /* the word is up to date now */
		}
		if (state_of(tracking->word) != SOCKET_BUSY ||
		    atomic_load(&tracking->socket->busy_thread) == self)
			return false;
		give_way(times);
		tracking->word = atomic_load(&leaf->words[slot_of(tracking->fd)]);
	}
	return false;
}

void table_settle(struct tracking *tracking, enum socket_state state)
{
	atomic_store(&tracking->socket->busy_thread, 0);
	table_move(tracking, state);
}

bool table_has(enum socket_state state)
{
	unsigned int limit = atomic_load(&leaf_limit);

	for (unsigned int index = 0; index < limit; index++) {
		struct leaf *leaf = atomic_load_explicit(&leaves[index], memory_order_acquire);

		if (leaf && atomic_load(&leaf->counts[state]) != 0)
			return true;
	}
	return false;
}

void table_each(enum socket_state state, bool (*visit)(struct tracking *tracking, void *context),
		void *context)
{
	unsigned int limit = atomic_load(&leaf_limit);

	for (unsigned int index = 0; index < limit; index++) {
		struct leaf *leaf = atomic_load_explicit(&leaves[index], memory_order_acquire);

		if (!leaf || atomic_load(&leaf->counts[state]) == 0)
			continue;
		for (unsigned int slot = 0; slot < LEAF_SIZE; slot++) {
			struct tracking tracking = {
				.fd = (int)(index << LEAF_BITS | slot),
				.word = atomic_load_explicit(&leaf->words[slot],
							     memory_order_acquire),
				.socket = &leaf->sockets[slot],
			};

			if (state_of(tracking.word) == state && !visit(&tracking, context))
				return;
		}
	}
}

void table_mark(int fd, enum descriptor_mark mark)
{
	struct leaf *leaf = leaf_for(fd);

	if (leaf && atomic_fetch_or(&leaf->marks[slot_of(fd)], (uint8_t)mark) == 0)
		atomic_fetch_add(&table_counts, COUNT_NOTED);
}

bool table_is_marked(int fd, enum descriptor_mark mark)
{
	struct leaf *leaf = leaf_of(fd);

	return leaf && (atomic_load(&leaf->marks[slot_of(fd)]) & mark);
}

bool table_has_marks(int fd)
{
	struct leaf *leaf = leaf_of(fd);

	return leaf && atomic_load(&leaf->marks[slot_of(fd)]);
}

void table_unmark(int fd)
{
	struct leaf *leaf = leaf_of(fd);

	if (leaf && atomic_load(&leaf->marks[slot_of(fd)]) &&
	    atomic_exchange(&leaf->marks[slot_of(fd)], 0))
		atomic_fetch_sub(&table_counts, COUNT_NOTED);
}

void table_unmark_range(unsigned int first, unsigned int last)
{
	for (unsigned int index = first >> LEAF_BITS; index < atomic_load(&leaf_limit); index++) {
		if (index << LEAF_BITS > last)
			return;
		if (!atomic_load(&leaves[index]))
			continue;
		for (unsigned int slot = 0; slot < LEAF_SIZE; slot++) {
			unsigned int fd = index << LEAF_BITS | slot;

			if (fd >= first && fd <= last)
				table_unmark((int)fd);
		}
	}
}

static void adopt_slot(struct leaf *leaf, int fd, void (*orphan)(int fd))
{
	uint32_t word = atomic_load(&leaf->words[slot_of(fd)]);
	enum socket_state state = state_of(word);

	if (state == SOCKET_KEPT || state == SOCKET_BUSY) {
		/* Kept: the parent's keeper has it. Busy: a thread that does not exist here. */
		atomic_store(&leaf->words[slot_of(fd)], word & ~STATE_MASK);
		if (state == SOCKET_KEPT)
			orphan(fd);
		state = SOCKET_UNTRACKED;
	}
	leaf->sockets[slot_of(fd)].inherited = true;
	count_in(leaf, state);
	if (atomic_load(&leaf->marks[slot_of(fd)]))
		atomic_fetch_add(&table_counts, COUNT_NOTED);
}

void table_after_fork(void (*orphan)(int fd))
{
	bool was_used = sockets_are_noted();
	_Atomic(bool) *mark = atomic_load(&owned);

	atomic_store(&table_owner, getpid());
	atomic_store(&memory_is_shared, false);
	if (mark)
		atomic_store(mark, true);
	if (!was_used)
		return;
	/* Other threads may have been between count and word: count again. */
	atomic_store(&table_counts, 0);
	atomic_store(&table_held, 0);
	for (unsigned int index = 0; index < atomic_load(&leaf_limit); index++) {
		struct leaf *leaf = atomic_load(&leaves[index]);

		if (!leaf)
			continue;
		for (unsigned int state = 0; state < SOCKET_STATES; state++)
			atomic_store(&leaf->counts[state], 0);
		for (unsigned int slot = 0; slot < LEAF_SIZE; slot++)
			if (atomic_load(&leaf->words[slot]) & STATE_MASK ||
			    atomic_load(&leaf->marks[slot]))
				adopt_slot(leaf, (int)(index << LEAF_BITS | slot), orphan);
	}
}

__attribute__((constructor)) static void own_table(void)
{
	atomic_store(&table_owner, getpid());
}
