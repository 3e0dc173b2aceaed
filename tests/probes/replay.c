/* SPDX-License-Identifier: MIT */
/*
 * What a network may do (RFC 7413, section 2.1): sends a SYN a second time, long after.
 *
 *   replay FILE PORT
 *
 * FILE is what tests/lab/capture has written. Its first IPv4 SYN to PORT is sent again as it was,
 * with the option and the data, through a raw socket; only the checksum is computed, which packets
 * that never left the machine do not have.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PCAP_FILE_HEADER   24 /* draft-ietf-opsawg-pcap */
#define PCAP_PACKET_HEADER 16

static void die(const char *what)
{
	fprintf(stderr, "replay: %s: %s\n", what, errno ? strerror(errno) : "not found");
	exit(1);
}

static struct tcphdr *tcp_of(uint8_t *packet)
{
	return (struct tcphdr *)(packet + ((struct iphdr *)packet)->ihl * 4L);
}

static int is_wanted(uint8_t *packet, uint32_t size, uint16_t port)
{
	const struct iphdr *ip = (struct iphdr *)packet;
	const struct tcphdr *tcp = tcp_of(packet);

	return size >= sizeof(*ip) + sizeof(*tcp) && ip->version == 4 &&
	       ip->protocol == IPPROTO_TCP && tcp->syn && !tcp->ack && ntohs(tcp->dest) == port;
}

static uint32_t find_syn(FILE *file, uint16_t port, uint8_t *packet, size_t room)
{
	uint32_t header[PCAP_PACKET_HEADER / 4];

	if (fseek(file, PCAP_FILE_HEADER, SEEK_SET) != 0)
		die("fseek");
	while (fread(header, sizeof(header), 1, file) == 1) {
		uint32_t size = header[2];

		if (size > room || fread(packet, 1, size, file) != size)
			break;
		if (is_wanted(packet, size, port))
			return size;
	}
	errno = 0;
	die("a SYN to that port");
	return 0;
}

static uint32_t sum(const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint32_t total = 0;

	for (size_t i = 0; i < size; i++)
		total += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return total;
}

/* RFC 9293, section 3.1: the pseudo header counts too. */
static void compute_checksum(uint8_t *packet, uint32_t size)
{
	const struct iphdr *ip = (struct iphdr *)packet;
	struct tcphdr *tcp = tcp_of(packet);
	uint32_t tcp_size = size - ip->ihl * 4u, total;

	tcp->check = 0;
	total = sum(tcp, tcp_size) + sum(&ip->saddr, 8) + IPPROTO_TCP + tcp_size;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	tcp->check = htons((uint16_t)~total);
}

static void send_again(const uint8_t *packet, uint32_t size)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
				       .sin_addr.s_addr = ((struct iphdr *)packet)->daddr};
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	if (fd < 0)
		die("SOCK_RAW");
	if (sendto(fd, packet, size, 0, (struct sockaddr *)&to, sizeof(to)) != (ssize_t)size)
		die("sendto");
}

int main(int argc, char **argv)
{
	static uint8_t packet[65536];
	FILE *file;
	uint32_t size;

	if (argc != 3) {
		fputs("usage: replay FILE PORT\n", stderr);
		return 2;
	}
	file = fopen(argv[1], "re");
	if (!file)
		die(argv[1]);
	size = find_syn(file, (uint16_t)strtoul(argv[2], NULL, 10), packet, sizeof(packet));
	fclose(file);
	compute_checksum(packet, size);
	send_again(packet, size);
	return 0;
}
