/* SPDX-License-Identifier: MIT */
/*
 * The test server: server [-6] [-v] [-t QLEN] [-a ADDRESS] [-i IDLE_MS] [-d MS] -p PORT MODE
 *
 *   echo         sends back what it reads
 *   sink         reads to the end
 *   answer       reads some bytes, answers "ok\n", sends FIN, and reads on to the end
 *   speak-first  sends "220 hi\r\n", then as echo
 *   close        closes each connection at once
 *   reset        resets each connection at once
 *   http         answers every request with a small page and keeps the connection
 *
 * -6 IPv6; -t TCP Fast Open with QLEN pending connections; -a listens there (default: everywhere);
 * -p 0 any port; -v prints "accepted 1" when connection 1 has come; -i gives up on a connection
 * after that long without progress (default 10000); -d thinks that long before each answer, and
 * reads nothing meanwhile.
 *
 * Prints "listening PORT" when it is ready, and at the end of each connection one line:
 *   conn 1 bytes=5 end=eof syn_data=1 fnv=a430d84680aabd0b data="hello"
 * bytes, fnv (FNV-1a, 64 bits) and data (the first 64 bytes) tell what was received; end is eof,
 * reset, timeout, error (of the socket), or closed (by this server: modes close and reset, and
 * whatever is open at SIGTERM); syn_data is 1 when data came with the SYN and was accepted.
 * Connections are numbered in the order of accept.
 *
 * One thread, poll. It must stay simple enough to be believed when a test fails.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FNV_START 0xcbf29ce484222325ULL /* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */
#define FNV_PRIME 0x100000001b3ULL

#define PAGE "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n"

#ifndef TCPI_OPT_SYN_DATA
#define TCPI_OPT_SYN_DATA 32 /* linux/tcp.h */
#endif

struct conn {
	int fd; /* -1: ended */
	unsigned int number;
	uint64_t bytes, fnv;
	char first[64];
	int64_t deadline; /* ms */

	int64_t thinks_until;	  /* ms */
	size_t out_done, out_len; /* what is still to be sent */
	char out[1 << 16];

	char line[128]; /* http: the header line being read, cut if longer */
	size_t line_len;
	uint64_t body, body_left;
	unsigned int owed; /* http: pages still to be put into out */
};

struct mode {
	const char *name;
	void (*greet)(struct conn *c);
	void (*take)(struct conn *c, const char *data, size_t len);
};

static struct {
	const struct mode *mode;
	int listener, signals;
	int64_t idle, thinking; /* ms */
	bool verbose;
	unsigned int accepted;
	struct conn **conns;
	size_t count, room;
} server = {.idle = 10000};

static void die(const char *what)
{
	fprintf(stderr, "server: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* ---- the end of a connection ---- */

static bool syn_data_accepted(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
	       info.tcpi_options & TCPI_OPT_SYN_DATA;
}

static void print_escaped(const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char b = (unsigned char)data[i];

		if (b == '\n')
			fputs("\\n", stdout);
		else if (b == '\r')
			fputs("\\r", stdout);
		else if (b == '"' || b == '\\')
			printf("\\%c", b);
		else if (b < ' ' || b > '~')
			printf("\\x%02x", b);
		else
			putchar(b);
	}
}

static void end(struct conn *c, const char *how)
{
	printf("conn %u bytes=%llu end=%s syn_data=%d fnv=%016llx data=\"", c->number,
	       (unsigned long long)c->bytes, how, syn_data_accepted(c->fd),
	       (unsigned long long)c->fnv);
	print_escaped(c->first, c->bytes < sizeof(c->first) ? c->bytes : sizeof(c->first));
	puts("\"");
	close(c->fd);
	c->fd = -1;
}

static void end_by_error(struct conn *c)
{
	if (errno == ECONNRESET || errno == EPIPE)
		end(c, "reset");
	else
		end(c, errno == ETIMEDOUT ? "timeout" : "error");
}

/* ---- what the modes do ---- */

/* Nothing is read while something is unsent, so what is put always fits. */
static void put(struct conn *c, const char *data, size_t len)
{
	memcpy(c->out + c->out_len, data, len);
	c->out_len += len;
	c->thinks_until = now_ms() + server.thinking;
}

static bool thinks(const struct conn *c, int64_t now)
{
	return c->out_len && now < c->thinks_until;
}

static void take_answer(struct conn *c, const char *data, size_t len)
{
	(void)data;
	if (c->bytes == len)
		put(c, "ok\n", 3);
}

static void greet_hi(struct conn *c)
{
	put(c, "220 hi\r\n", 8);
}

static void greet_close(struct conn *c)
{
	end(c, "closed");
}

static void greet_reset(struct conn *c)
{
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	end(c, "closed");
}

static void put_pages(struct conn *c)
{
	const size_t page = sizeof(PAGE) - 1;

	while (c->owed && c->out_len + page <= sizeof(c->out)) {
		put(c, PAGE, page);
		c->owed--;
	}
}

static void end_of_request(struct conn *c)
{
	c->body = 0;
	c->owed++;
}

static void header_line(struct conn *c)
{
	static const char length[] = "content-length:";

	if (c->line_len && c->line[c->line_len - 1] == '\r')
		c->line_len--;
	c->line[c->line_len] = '\0';
	if (strncasecmp(c->line, length, sizeof(length) - 1) == 0)
		c->body = strtoull(c->line + sizeof(length) - 1, NULL, 10);
	if (c->line_len == 0 && c->body == 0)
		end_of_request(c);
	else if (c->line_len == 0)
		c->body_left = c->body;
	c->line_len = 0;
}

static void take_http(struct conn *c, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (c->body_left) {
			if (--c->body_left == 0)
				end_of_request(c);
		} else if (data[i] == '\n') {
			header_line(c);
		} else if (c->line_len < sizeof(c->line) - 1) {
			c->line[c->line_len++] = data[i];
		}
	}
	put_pages(c);
}

static const struct mode modes[] = {
	{"echo", NULL, put},	       {"sink", NULL, NULL},
	{"answer", NULL, take_answer}, {"speak-first", greet_hi, put},
	{"close", greet_close, NULL},  {"reset", greet_reset, NULL},
	{"http", NULL, take_http},
};

/* ---- a connection's life ---- */

static void count_bytes(struct conn *c, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		c->fnv = (c->fnv ^ (unsigned char)data[i]) * FNV_PRIME;
		if (c->bytes + i < sizeof(c->first))
			c->first[c->bytes + i] = data[i];
	}
	c->bytes += len;
}

static void receive(struct conn *c)
{
	static char data[sizeof(c->out)];
	ssize_t n = recv(c->fd, data, sizeof(data), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		end_by_error(c);
		return;
	}
	if (n == 0) {
		end(c, "eof");
		return;
	}
	count_bytes(c, data, (size_t)n);
	if (server.mode->take)
		server.mode->take(c, data, (size_t)n);
}

static void transmit(struct conn *c)
{
	ssize_t n = send(c->fd, c->out + c->out_done, c->out_len - c->out_done,
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		end_by_error(c);
		return;
	}
	c->out_done += (size_t)n;
	if (c->out_done < c->out_len)
		return;
	c->out_done = c->out_len = 0;
	put_pages(c);
	if (server.mode->take == take_answer)
		shutdown(c->fd, SHUT_WR);
}

static struct conn *new_conn(int fd)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		die("calloc");
	c->fd = fd;
	c->number = ++server.accepted;
	c->fnv = FNV_START;
	c->deadline = now_ms() + server.idle;
	if (server.verbose)
		printf("accepted %u\n", c->number);
	if (server.mode->greet)
		server.mode->greet(c);
	return c;
}

static void accept_all(void)
{
	int fd;

	while ((fd = accept4(server.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		if (server.count == server.room) {
			server.room = server.room ? 2 * server.room : 64;
			server.conns = realloc(server.conns, server.room * sizeof(struct conn *));
			if (!server.conns)
				die("realloc");
		}
		server.conns[server.count++] = new_conn(fd);
	}
	if (errno == EMFILE || errno == ENFILE) /* poll would report the listener for ever */
		die("accept");
}

static void forget_ended(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < server.count; i++) {
		if (server.conns[i]->fd < 0)
			free(server.conns[i]);
		else
			server.conns[kept++] = server.conns[i];
	}
	server.count = kept;
}

static void serve(struct conn *c, short events, int64_t now)
{
	if (events) {
		c->deadline = now + server.idle;
		/* One or the other: what is unsent goes first. This is the only backpressure there
		 * is. */
		if (c->out_len)
			transmit(c);
		else
			receive(c);
	} else if (now >= c->deadline) {
		end(c, "timeout");
	}
}

/* ---- the loop ---- */

static int next_timeout(int64_t now)
{
	int64_t soonest = INT64_MAX;

	for (size_t i = 0; i < server.count; i++) {
		const struct conn *c = server.conns[i];
		int64_t due = thinks(c, now) ? c->thinks_until : c->deadline;

		if (due < soonest)
			soonest = due;
	}
	if (soonest == INT64_MAX)
		return -1;
	return soonest > now ? (int)(soonest - now) : 0;
}

/* Waits, serves what is ready. False at SIGTERM. */
static bool turn(struct pollfd *wait)
{
	size_t count = server.count;
	int64_t now = now_ms();

	wait[0] = (struct pollfd){.fd = server.signals, .events = POLLIN};
	wait[1] = (struct pollfd){.fd = server.listener, .events = POLLIN};
	for (size_t i = 0; i < count; i++) {
		const struct conn *c = server.conns[i];

		wait[i + 2] = (struct pollfd){.fd = thinks(c, now) ? -1 : c->fd,
					      .events = c->out_len ? POLLOUT : POLLIN};
	}
	if (poll(wait, count + 2, next_timeout(now)) < 0 && errno != EINTR)
		die("poll");
	if (wait[0].revents)
		return false;
	now = now_ms();
	for (size_t i = 0; i < count; i++)
		serve(server.conns[i], wait[i + 2].revents, now);
	if (wait[1].revents)
		accept_all();
	forget_ended();
	return true;
}

static void run(void)
{
	struct pollfd *wait = NULL;

	do {
		wait = realloc(wait, (server.count + 2) * sizeof(*wait));
		if (!wait)
			die("realloc");
	} while (turn(wait));
	free(wait);
	for (size_t i = 0; i < server.count; i++)
		end(server.conns[i], "closed");
	forget_ended();
	free(server.conns);
}

/* ---- the start ---- */

static void open_signals(void)
{
	sigset_t ending;

	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGINT);
	sigprocmask(SIG_BLOCK, &ending, NULL);
	server.signals = signalfd(-1, &ending, SFD_CLOEXEC);
	if (server.signals < 0)
		die("signalfd");
}

static socklen_t make_address(struct sockaddr_storage *to, int family, const char *text, int port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
	void *address = family == AF_INET6 ? (void *)&v6->sin6_addr : (void *)&v4->sin_addr;

	memset(to, 0, sizeof(*to));
	to->ss_family = (sa_family_t)family;
	v4->sin_port = htons((uint16_t)port); /* at the same place in both */
	if (text && inet_pton(family, text, address) != 1) {
		fprintf(stderr, "server: '%s' is not an address of that family\n", text);
		exit(2);
	}
	return family == AF_INET6 ? sizeof(*v6) : sizeof(*v4);
}

static void open_listener(int family, const char *text, int port, int qlen)
{
	struct sockaddr_storage at;
	socklen_t len = make_address(&at, family, text, port);
	const int on = 1;

	server.listener = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server.listener < 0)
		die("socket");
	setsockopt(server.listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (family == AF_INET6)
		setsockopt(server.listener, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(server.listener, (struct sockaddr *)&at, len) < 0)
		die("bind");
	if (qlen && setsockopt(server.listener, IPPROTO_TCP, TCP_FASTOPEN, &qlen, sizeof(qlen)) < 0)
		die("TCP_FASTOPEN");
	if (listen(server.listener, SOMAXCONN) < 0)
		die("listen");
	getsockname(server.listener, (struct sockaddr *)&at, &len);
	printf("listening %d\n", ntohs(((struct sockaddr_in *)&at)->sin_port));
}

static void usage(void)
{
	fprintf(stderr, "usage: server [-6] [-v] [-t QLEN] [-a ADDRESS] [-i IDLE_MS] [-d MS] "
			"-p PORT MODE\n"
			"       MODE: echo sink answer speak-first close reset http\n");
	exit(2);
}

static int number(const char *text)
{
	char *end_of_it;
	long value = strtol(text, &end_of_it, 10);

	if (end_of_it == text || *end_of_it || value < 0 || value > INT_MAX)
		usage();
	return (int)value;
}

static const struct mode *find_mode(const char *name)
{
	for (size_t i = 0; name && i < sizeof(modes) / sizeof(*modes); i++)
		if (strcmp(modes[i].name, name) == 0)
			return &modes[i];
	usage();
	return NULL;
}

int main(int argc, char **argv)
{
	int family = AF_INET, qlen = 0, port = -1, option;
	const char *address = NULL;

	while ((option = getopt(argc, argv, "6vt:a:p:i:d:")) != -1) {
		switch (option) {
		case '6':
			family = AF_INET6;
			break;
		case 'v':
			server.verbose = true;
			break;
		case 't':
			qlen = number(optarg);
			break;
		case 'a':
			address = optarg;
			break;
		case 'p':
			port = number(optarg);
			break;
		case 'i':
			server.idle = number(optarg);
			break;
		case 'd':
			server.thinking = number(optarg);
			break;
		default:
			usage();
		}
	}
	if (port < 0 || port > UINT16_MAX || optind != argc - 1)
		usage();
	server.mode = find_mode(argv[optind]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	open_signals();
	open_listener(family, address, port, qlen);
	run();
	return 0;
}
