/* SPDX-License-Identifier: MIT */
/*
 * The delay line: netdelay QUEUE ONE_WAY_MS
 *
 * Holds every packet of netfilter queue QUEUE for ONE_WAY_MS milliseconds (a fraction is allowed)
 * and then accepts it unchanged, in the order of arrival. Prints "ready" when it is bound. SIGTERM,
 * or the death of its parent, ends it after it has let go of everything it held. It must not do
 * anything else to a packet: faults are nft's.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>

#define NS_PER_S  1000000000LL
#define NS_PER_MS 1000000LL

/* As many packets as the kernel is told to queue, so that the ring cannot overflow. A power of two.
 */
#define RING_SIZE (1u << 17)

struct held {
	uint32_t id;
	int64_t due; /* CLOCK_MONOTONIC, ns */
};

struct line {
	struct nfq_q_handle *queue;
	int64_t delay; /* ns */
	int timer;
	unsigned int head, tail; /* head: the oldest; they run freely and are reduced on use */
	struct held ring[RING_SIZE];
};

static struct line line;

static void die(const char *what)
{
	fprintf(stderr, "netdelay: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void arm(int64_t due)
{
	struct itimerspec when = {.it_value = {due / NS_PER_S, due % NS_PER_S}};

	if (timerfd_settime(line.timer, TFD_TIMER_ABSTIME, &when, NULL) < 0)
		die("timerfd_settime");
}

/* Accepts everything that is due at `now`. Ids rise in the order of the queue, so one batch verdict
 * for the last is enough. */
static void release(int64_t now)
{
	unsigned int oldest = line.head;

	while (line.head != line.tail && line.ring[line.head % RING_SIZE].due <= now)
		line.head++;
	if (line.head != oldest)
		nfq_set_verdict_batch(line.queue, line.ring[(line.head - 1) % RING_SIZE].id,
				      NF_ACCEPT);
	if (line.head != line.tail)
		arm(line.ring[line.head % RING_SIZE].due);
}

static int arrived(struct nfq_q_handle *queue, struct nfgenmsg *message, struct nfq_data *packet,
		   void *unused)
{
	struct nfqnl_msg_packet_hdr *header = nfq_get_msg_packet_hdr(packet);
	struct held *slot = &line.ring[line.tail % RING_SIZE];

	(void)queue, (void)message, (void)unused;
	if (!header)
		return 0;
	slot->id = ntohl(header->packet_id);
	slot->due = now_ns() + line.delay;
	if (line.head == line.tail)
		arm(slot->due);
	line.tail++;
	return 0;
}

static void receive(struct nfq_handle *nfq)
{
	static char buffer[1 << 16];
	ssize_t n;

	while ((n = recv(nfq_fd(nfq), buffer, sizeof(buffer), MSG_DONTWAIT)) > 0)
		nfq_handle_packet(nfq, buffer, (int)n);
	if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
		die("recv");
}

static struct nfq_handle *bind_queue(uint16_t number)
{
	/* GSO: take packets whole instead of segmented. FAIL_OPEN: a packet that finds no room
	 * passes, it is not lost. */
	const uint32_t flags = NFQA_CFG_F_GSO | NFQA_CFG_F_FAIL_OPEN;
	const int on = 1;
	struct nfq_handle *nfq = nfq_open();

	if (!nfq)
		die("nfq_open");
	line.queue = nfq_create_queue(nfq, number, arrived, NULL);
	if (!line.queue)
		die("bind the queue");
	if (nfq_set_mode(line.queue, NFQNL_COPY_META, 0) < 0 ||
	    nfq_set_queue_maxlen(line.queue, RING_SIZE) < 0 ||
	    nfq_set_queue_flags(line.queue, flags, flags) < 0)
		die("set up the queue");
	nfnl_rcvbufsiz(nfq_nfnlh(nfq), 16 << 20); /* as much of it as rmem_max allows */
	/* An overflowing socket buffer must not be reported: nothing is lost by it, and recv would
	 * only fail. */
	setsockopt(nfq_fd(nfq), SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof(on));
	return nfq;
}

static int open_signals(void)
{
	sigset_t ending;
	int fd;

	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGINT);
	sigprocmask(SIG_BLOCK, &ending, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	fd = signalfd(-1, &ending, SFD_CLOEXEC);
	if (fd < 0)
		die("signalfd");
	return fd;
}

/* Until a signal ends it. */
static void run(struct nfq_handle *nfq, int signals)
{
	struct pollfd wait[] = {
		{.fd = signals, .events = POLLIN},
		{.fd = nfq_fd(nfq), .events = POLLIN},
		{.fd = line.timer, .events = POLLIN},
	};
	uint64_t ticks;

	for (;;) {
		if (poll(wait, 3, -1) < 0 && errno != EINTR)
			die("poll");
		if (wait[0].revents)
			return;
		if (wait[1].revents)
			receive(nfq);
		if (wait[2].revents && read(line.timer, &ticks, sizeof(ticks)) > 0)
			release(now_ns());
	}
}

static double number(const char *text, double most, const char *what)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= 0 && value <= most)) {
		fprintf(stderr, "netdelay: %s: '%s' is not a number from 0 to %.0f\n", what, text,
			most);
		exit(2);
	}
	return value;
}

int main(int argc, char **argv)
{
	struct nfq_handle *nfq;
	int signals;

	if (argc != 3) {
		fprintf(stderr, "usage: netdelay QUEUE ONE_WAY_MS\n");
		return 2;
	}
	line.delay = (int64_t)(number(argv[2], 60000, "ONE_WAY_MS") * NS_PER_MS);
	line.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (line.timer < 0)
		die("timerfd_create");
	signals = open_signals();
	nfq = bind_queue((uint16_t)number(argv[1], UINT16_MAX, "QUEUE"));
	puts("ready");
	fflush(stdout);
	run(nfq, signals);
	release(INT64_MAX);
	nfq_close(nfq);
	return 0;
}
