/* SPDX-License-Identifier: MIT */
/*
 * capture FILE: writes the TCP packets that arrive on lo to FILE (pcap, raw IP) and one line for
 * each to stdout: 0.020113 127.0.0.1.40112 > 127.0.0.1.8080 S len=78 tfo=cookie seconds since the
 * start; flags S F R P and . (ACK); bytes of payload; the Fast Open option: no, ask (no cookie in
 * it) or cookie. Prints "ready" first. SIGTERM, or the death of its parent, ends it, after it has
 * written what had arrived until then.
 *
 * tcpdump would do, but it insists on changing its user, which fails where root is the only user (a
 * rootless lab).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
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
#include <sys/time.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#define PCAP_MAGIC   0xa1b2c3d4 /* microseconds; draft-ietf-opsawg-pcap */
#define LINKTYPE_RAW 101
#define SNAP	     65535

#define OPTION_END	0
#define OPTION_NOP	1
#define OPTION_FASTOPEN 34 /* RFC 7413 */

/* The experimental option that came before it (draft-ietf-tcpm-fastopen-02; RFC 6994): Linux asks
 * with it when it got no cookie for the other. */
#define OPTION_EXPERIMENT	254
#define EXPERIMENT_FASTOPEN	0xf989
#define EXPERIMENT_HEADER_BYTES 4

struct packet {
	const uint8_t *tcp, *end; /* the TCP header; the end of the packet as far as captured */
	size_t tcp_len;		  /* header and payload */
	int family;
	const void *from, *to;
};

static FILE *pcap;
static struct timeval start;

static void die(const char *what)
{
	fprintf(stderr, "capture: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* False if it is not TCP. */
static bool parse_ip(const uint8_t *data, size_t len, struct packet *p)
{
	const struct iphdr *v4 = (const void *)data;
	const struct ip6_hdr *v6 = (const void *)data;
	const bool is_v4 = len >= sizeof(*v4) && v4->version == 4;
	const size_t header = is_v4 ? (size_t)v4->ihl * 4 : sizeof(*v6);

	if (len < header + sizeof(struct tcphdr) ||
	    (is_v4 ? v4->protocol : v6->ip6_nxt) != IPPROTO_TCP)
		return false;
	p->family = is_v4 ? AF_INET : AF_INET6;
	p->from = is_v4 ? (const void *)&v4->saddr : &v6->ip6_src;
	p->to = is_v4 ? (const void *)&v4->daddr : &v6->ip6_dst;
	p->tcp = data + header;
	p->tcp_len = is_v4 ? ntohs(v4->tot_len) - header : ntohs(v6->ip6_plen);
	p->end = data + len;
	return true;
}

/* Bytes before the cookie, 0 if it is another option. */
static int fastopen_header_bytes(const uint8_t *option)
{
	if (option[0] == OPTION_FASTOPEN)
		return 2;
	if (option[0] == OPTION_EXPERIMENT && option[1] >= EXPERIMENT_HEADER_BYTES &&
	    (option[2] << 8 | option[3]) == EXPERIMENT_FASTOPEN)
		return EXPERIMENT_HEADER_BYTES;
	return 0;
}

static const char *fastopen_option(const struct packet *p, size_t header)
{
	const uint8_t *o = p->tcp + sizeof(struct tcphdr), *end = p->tcp + header;

	if (end > p->end)
		end = p->end;
	while (o < end && *o != OPTION_END) {
		if (*o == OPTION_NOP) {
			o++;
			continue;
		}
		if (end - o < 2 || o[1] < 2)
			break;
		if (o[1] > end - o)
			break;
		if (fastopen_header_bytes(o))
			return o[1] > fastopen_header_bytes(o) ? "cookie" : "ask";
		o += o[1];
	}
	return "no";
}

static void print(const struct packet *p, struct timeval at)
{
	const struct tcphdr *tcp = (const void *)p->tcp;
	const size_t header = (size_t)tcp->doff * 4;
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];

	printf("%ld.%06ld %s.%u > %s.%u %s%s%s%s%s len=%zu tfo=%s\n", at.tv_sec, at.tv_usec,
	       inet_ntop(p->family, p->from, from, sizeof(from)), ntohs(tcp->source),
	       inet_ntop(p->family, p->to, to, sizeof(to)), ntohs(tcp->dest), tcp->syn ? "S" : "",
	       tcp->fin ? "F" : "", tcp->rst ? "R" : "", tcp->psh ? "P" : "", tcp->ack ? "." : "",
	       p->tcp_len - header, fastopen_option(p, header));
}

static void write_record(const uint8_t *data, size_t len, struct timeval at)
{
	const uint32_t header[] = {(uint32_t)at.tv_sec, (uint32_t)at.tv_usec, (uint32_t)len,
				   (uint32_t)len};

	fwrite(header, sizeof(header), 1, pcap);
	fwrite(data, len, 1, pcap);
}

static void receive(int fd)
{
	static uint8_t data[SNAP];
	struct sockaddr_ll from = {0};
	socklen_t from_len = sizeof(from);
	struct packet packet;
	struct timeval at;
	ssize_t n;

	while ((n = recvfrom(fd, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&from,
			     &from_len)) > 0) {
		gettimeofday(&at, NULL);
		/* lo shows every packet twice, going out and coming in. */
		if (from.sll_pkttype == PACKET_OUTGOING || !parse_ip(data, (size_t)n, &packet))
			continue;
		write_record(data, (size_t)n, at);
		if (!timerisset(&start))
			start = at;
		timersub(&at, &start, &at);
		print(&packet, at);
	}
	fflush(stdout);
}

static int open_packets(void)
{
	struct sockaddr_ll lo = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_ALL),
				 .sll_ifindex = (int)if_nametoindex("lo")};
	const int room = 64 << 20;
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("AF_PACKET");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (bind(fd, (struct sockaddr *)&lo, sizeof(lo)) < 0)
		die("bind to lo");
	return fd;
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

static void open_pcap(const char *path)
{
	const struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, accuracy, snap, link;
	} header = {PCAP_MAGIC, 2, 4, 0, 0, SNAP, LINKTYPE_RAW};

	pcap = fopen(path, "we");
	if (!pcap || fwrite(&header, sizeof(header), 1, pcap) != 1)
		die(path);
}

static void report_lost(int fd)
{
	struct tpacket_stats stats = {0};
	socklen_t len = sizeof(stats);

	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) == 0 && stats.tp_drops)
		fprintf(stderr, "capture: %u packets did not fit and are missing\n",
			stats.tp_drops);
}

int main(int argc, char **argv)
{
	struct pollfd wait[2] = {{.events = POLLIN}, {.events = POLLIN}};

	if (argc != 2) {
		fprintf(stderr, "usage: capture FILE\n");
		return 2;
	}
	open_pcap(argv[1]);
	wait[0].fd = open_packets();
	wait[1].fd = open_signals();
	puts("ready");
	fflush(stdout);
	do {
		if (poll(wait, 2, -1) < 0 && errno != EINTR)
			die("poll");
		receive(wait[0].fd);
	} while (!wait[1].revents);
	report_lost(wait[0].fd);
	return fclose(pcap) ? 1 : 0;
}
