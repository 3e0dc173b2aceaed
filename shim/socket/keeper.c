/* SPDX-License-Identifier: MIT */
/* The keeper's thread, and what it is asked to do. */
#include "shim/socket/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/clock.h"
#include "shim/find.h"
#include "shim/log.h"
#include "shim/memory/outcome.h"
#include "shim/memory/recent.h"
#include "shim/next.h"
#include "shim/socket/hold.h"
#include "shim/socket/release.h"

#define IDLE_NS	   (2 * NS_PER_S)
#define STACK_SIZE ((size_t)256 * 1024)

/* How often a kept socket is looked at: a fraction of the time it has been in flight. */
#define LOOK_SHARE  16
#define LOOK_MIN_NS (1 * NS_PER_MS)
#define LOOK_MAX_NS (100 * NS_PER_MS)

/* A kept socket whose handshake does not end is closed all the same, after the SYN has been
 * repeated at 1, 3 and 7 s: its program is not there to see it succeed. */
#define KEEP_MOST_NS (8 * NS_PER_S)

/* Our descriptors lie above those that most programs use, and low enough that the kernel's table of
 * descriptors, which begins with 64, does not grow for them: growing it takes milliseconds in a
 * process with threads. */
#define KEPT_FD_FLOOR 40

enum keeper_state { KEEPER_ABSENT, KEEPER_PRESENT };

static _Atomic(int) keeper_state;
static _Atomic(uint32_t) keeper_calls; /* the futex: rises with every call for the keeper */
static _Atomic(pid_t) keeper_tid;
static _Atomic(bool) keeper_dismissed;
static _Atomic(bool) keeper_never_idles;
static _Atomic(uint64_t) keeper_sleeps_until; /* when it will look of its own accord */

static void sleep_until(uint32_t calls_seen, uint64_t until_ns)
{
	uint64_t now = clock_now_ns();
	struct timespec left;

	if (until_ns <= now)
		return;
	left.tv_sec = (time_t)((until_ns - now) / NS_PER_S);
	left.tv_nsec = (long)((until_ns - now) % NS_PER_S);
	next.syscall(SYS_futex, (long)&keeper_calls, FUTEX_WAIT_PRIVATE, calls_seen, (long)&left, 0,
		     0);
}

static void call_keeper(uint64_t when_ns)
{
	atomic_fetch_add(&keeper_calls, 1);
	if (when_ns < atomic_load(&keeper_sleeps_until))
		next.syscall(SYS_futex, (long)&keeper_calls, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

struct round {
	uint64_t now;
	uint64_t next_ns; /* when something is due; UINT64_MAX: nothing is left */
};

static void note_due(struct round *round, uint64_t when_ns)
{
	if (when_ns < round->next_ns)
		round->next_ns = when_ns;
}

static bool look_at_held(struct tracking *tracking, void *context)
{
	struct round *round = context;
	uint64_t deadline = atomic_load(&tracking->socket->deadline_ns);

	if (deadline > round->now) {
		note_due(round, deadline);
		return true;
	}
	*tracking = table_find(tracking->fd);
	release(tracking, SYN_DEADLINE);
	return true;
}

/* Watched meanwhile: a process that ends in this moment sees to the early answer itself, and one
 * that takes the number has closed it then. */
static void close_kept(struct tracking *tracking, const struct outcome *outcome)
{
	struct tracked socket = table_facts(tracking->socket);

	if (!table_move(tracking, SOCKET_WATCHED))
		return; /* vacated at this moment */
	early_answer_avoid(&(struct tracking){.fd = tracking->fd, .socket = &socket});
	if (table_move(tracking, SOCKET_UNTRACKED))
		next.close(tracking->fd);
	handshake_is_over(&socket, outcome);
}

static bool look_at_kept(struct tracking *tracking, void *context)
{
	struct round *round = context;
	uint64_t syn_ns = atomic_load(&tracking->socket->syn_ns);
	uint64_t age = round->now > syn_ns ? round->now - syn_ns : 0;
	struct outcome outcome = outcome_of(tracking->fd);
	uint64_t pause = age / LOOK_SHARE;

	if (outcome.handshake != HANDSHAKE_UNDER_WAY || age > KEEP_MOST_NS) {
		close_kept(tracking, &outcome);
		return true;
	}
	if (pause < LOOK_MIN_NS)
		pause = LOOK_MIN_NS;
	if (pause > LOOK_MAX_NS)
		pause = LOOK_MAX_NS;
	note_due(round, round->now + pause);
	return true;
}

void keeper_close_ended(void)
{
	struct round round = {.now = clock_now_ns()};

	table_each(SOCKET_KEPT, look_at_kept, &round);
}

static uint64_t look_round(void)
{
	struct round round = {.now = clock_now_ns(), .next_ns = UINT64_MAX};

	recent_flush();
	table_each(SOCKET_HELD, look_at_held, &round);
	table_each(SOCKET_KEPT, look_at_kept, &round);
	return round.next_ns;
}

/* True if the keeper may go: whoever adds work afterwards sees it absent and starts another. */
static bool leave(uint32_t calls_seen)
{
	int absent = KEEPER_ABSENT;

	atomic_store(&keeper_state, KEEPER_ABSENT);
	if (atomic_load(&keeper_calls) == calls_seen)
		return true;
	/* Called meanwhile: stay, unless the caller has started a successor. */
	return !atomic_compare_exchange_strong(&keeper_state, &absent, KEEPER_PRESENT);
}

/* Nothing is due: until when the keeper stays all the same; UINT64_MAX: it goes. */
static uint64_t stays_until(bool called, uint64_t now, uint64_t *idle_since)
{
	if (atomic_load(&keeper_dismissed) || atomic_load(&keeper_never_idles))
		return UINT64_MAX;
	if (called) {
		*idle_since = now;
		return now + KEEPER_PACE_NS;
	}
	return now - *idle_since < IDLE_NS ? *idle_since + IDLE_NS : UINT64_MAX;
}

static void *keep(void *unused)
{
	uint64_t idle_since = clock_now_ns();
	uint32_t calls_before = 0;

	prctl(PR_SET_NAME, "tfo-keeper");
	atomic_store(&keeper_tid, (pid_t)next.syscall(SYS_gettid, 0, 0, 0, 0, 0, 0));
	for (;;) {
		uint32_t calls_seen = atomic_load(&keeper_calls);
		uint64_t due = look_round(), now = clock_now_ns();

		if (due != UINT64_MAX)
			idle_since = now;
		else
			due = stays_until(calls_seen != calls_before, now, &idle_since);
		calls_before = calls_seen;
		if (due == UINT64_MAX) {
			if (leave(calls_seen))
				return unused;
			continue;
		}
		atomic_store(&keeper_sleeps_until, due);
		sleep_until(calls_seen, due);
		atomic_store(&keeper_sleeps_until, 0);
	}
}

/* True if a thread that is in a handler for that signal would have these signals blocked. */
static bool looks_like_handling(int number, const sigset_t *blocked)
{
	struct sigaction action;

	if (sigismember(blocked, number) != 1 || sigaction(number, NULL, &action) != 0 ||
	    action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN)
		return false;
	for (int other = 1; other < NSIG; other++) {
		/* The kernel blocks neither of the two, whatever the program asked for. */
		if (other == SIGKILL || other == SIGSTOP)
			continue;
		if (sigismember(&action.sa_mask, other) == 1 && sigismember(blocked, other) != 1)
			return false;
	}
	return true;
}

/*
 * pthread_create(3) allocates, so it must not be called in a signal handler. Whoever is in one has
 * its signal blocked (SA_NODEFER apart) and all others that the handler asked to have blocked.
 * Threads that keep one signal for another thread, as all of Java's do, look different; those that
 * look the same do without a hold until somebody else has started the keeper.
 */
static bool may_be_in_signal_handler(void)
{
	sigset_t blocked;

	if (sigprocmask(SIG_BLOCK, NULL, &blocked) != 0)
		return true;
	for (int number = 1; number < NSIG; number++) {
		if (looks_like_handling(number, &blocked))
			return true;
	}
	return false;
}

static bool start_thread(void)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;
	bool started;

	if (!threads.create || may_be_in_signal_handler() || pthread_attr_init(&attributes) != 0)
		return false;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	threads.set_stack_size(&attributes, STACK_SIZE);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	started = threads.create(&thread, &attributes, keep, NULL) == 0;
	sigprocmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return started;
}

bool keeper_expect(uint64_t when_ns)
{
	int absent = KEEPER_ABSENT, saved = errno;
	bool there = true;

	call_keeper(when_ns);
	if (atomic_compare_exchange_strong(&keeper_state, &absent, KEEPER_PRESENT)) {
		there = start_thread();
		if (!there)
			atomic_store(&keeper_state, KEEPER_ABSENT);
	}
	errno = saved;
	return there;
}

/* Our own descriptor of the socket, or -1. */
static int descriptor_for_keeping(int fd)
{
	struct rlimit limit;
	long floor = KEPT_FD_FLOOR;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return -1;
	if (limit.rlim_cur / 4 * 3 < (rlim_t)floor)
		floor = (long)(limit.rlim_cur / 4 * 3);
	return next.fcntl(fd, F_DUPFD_CLOEXEC, floor);
}

static bool lingers(int fd)
{
	struct linger linger = {0};
	socklen_t length = sizeof(linger);

	return next.getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &length) == 0 &&
	       linger.l_onoff && linger.l_linger > 0;
}

/* close() on a socket with a linger time waits for its data; that wait cannot be the keeper's. */
static void do_not_linger(int fd)
{
	static const struct linger none;

	if (lingers(fd))
		next.setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

static bool keep_descriptor(const struct tracking *tracking)
{
	struct tracked facts = table_facts(tracking->socket);
	int own = descriptor_for_keeping(tracking->fd);

	if (own < 0)
		return false;
	if (table_add(own, SOCKET_KEPT, &facts)) {
		struct tracking kept = table_find(own);

		if (keeper_expect(clock_now_ns() + LOOK_MIN_NS)) {
			do_not_linger(own);
			return true;
		}
		if (kept.socket)
			table_move(&kept, SOCKET_UNTRACKED);
	}
	next.close(own);
	return false;
}

/* Without a keeper the program waits itself: as long as it takes if its close() may wait, else as
 * long as a handshake usually takes. */
static void await_instead(const struct tracking *tracking, bool waits_in_close)
{
	const struct tracked *socket = tracking->socket;
	uint64_t until_ns = handshake_patience_ended_ns(socket);

	if (socket->blocking || waits_in_close)
		until_ns = atomic_load(&tracking->socket->syn_ns) + HANDSHAKE_PATIENCE_NS;
	if (socket->blocking || waits_in_close || socket->syn_bytes)
		handshake_await(tracking->fd, until_ns);
}

void keeper_take_over(struct tracking *tracking)
{
	int saved = errno;
	bool waits_in_close = socket_is_blocking(tracking->fd) && lingers(tracking->fd);

	if (counts_on_connection(tracking->socket) &&
	    (waits_in_close || !keep_descriptor(tracking)))
		await_instead(tracking, waits_in_close);
	table_move(tracking, SOCKET_UNTRACKED);
	errno = saved;
}

void keeper_vacate(struct tracking *kept)
{
	struct tracked facts = table_facts(kept->socket);
	int saved = errno, elsewhere;

	if (!table_move(kept, SOCKET_UNTRACKED))
		return;
	elsewhere = descriptor_for_keeping(kept->fd);
	if (elsewhere < 0)
		handshake_await(kept->fd, handshake_patience_ended_ns(&facts));
	else if (!table_add(elsewhere, SOCKET_KEPT, &facts))
		next.close(elsewhere);
	errno = saved;
}

void keeper_dismiss(void)
{
	struct timespec pause = {.tv_nsec = NS_PER_MS / 10};
	pid_t tid = atomic_load(&keeper_tid);

	atomic_store(&keeper_dismissed, true);
	call_keeper(0);
	for (int times = 0; tid && times < 1000; times++) {
		if (next.syscall(SYS_tgkill, getpid(), tid, 0, 0, 0, 0) != 0)
			break;
		nanosleep(&pause, NULL);
	}
	atomic_store(&keeper_dismissed, false);
}

void keeper_outlives_main(void)
{
	atomic_store(&keeper_never_idles, true);
	call_keeper(0);
}

void keeper_after_fork(void)
{
	atomic_store(&keeper_never_idles, false);
	atomic_store(&keeper_state, KEEPER_ABSENT);
	atomic_store(&keeper_tid, 0);
	atomic_store(&keeper_sleeps_until, 0);
}
