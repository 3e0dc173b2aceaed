/* SPDX-License-Identifier: MIT */
/*
 * prime ADDRESS PORT: one connection that asks the server for a TCP Fast Open cookie, then closes
 * without a byte. Where the cookie is known already the kernel holds the connect, and not a packet
 * is sent.
 */
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
	const int on = 1;
	struct addrinfo *to;
	int fd;

	if (argc != 3 || getaddrinfo(argv[1], argv[2], &hints, &to) != 0) {
		fprintf(stderr, "usage: prime ADDRESS PORT (both numeric)\n");
		return 2;
	}
	fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on)) < 0 ||
	    connect(fd, to->ai_addr, to->ai_addrlen) < 0) {
		perror("prime");
		return 1;
	}
	freeaddrinfo(to);
	close(fd);
	return 0;
}
