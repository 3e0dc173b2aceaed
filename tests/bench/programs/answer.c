/* SPDX-License-Identifier: MIT */
/*
 * answer THREADS PORT: a server that takes Fast Open and does as little as can be: each thread
 * accepts a connection, reads once, answers "ok\n" and closes. What is measured against it is the
 * client. Prints "ready" when it listens; SIGTERM ends it.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096

static int listener;

static void *serve(void *unused)
{
	char request[4096];
	int fd;

	(void)unused;
	for (;;) {
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		if (recv(fd, request, sizeof(request), 0) > 0)
			send(fd, "ok\n", 3, MSG_NOSIGNAL);
		close(fd);
	}
	return NULL;
}

static int listen_at(const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
	const int on = 1, pending = BACKLOG;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0)
		return -1;
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    setsockopt(listener, IPPROTO_TCP, TCP_FASTOPEN, &pending, sizeof(pending)) < 0)
		return -1;
	return listen(listener, BACKLOG);
}

int main(int argc, char **argv)
{
	pthread_t thread;
	long threads;

	if (argc != 3) {
		fputs("usage: answer THREADS PORT\n", stderr);
		return 2;
	}
	if (listen_at(argv[2]) < 0) {
		perror("answer: cannot listen");
		return 1;
	}
	threads = strtol(argv[1], NULL, 10);
	puts("ready");
	fflush(stdout);
	for (long i = 1; i < threads; i++)
		if (pthread_create(&thread, NULL, serve, NULL) != 0)
			return 1;
	serve(NULL);
	return 0;
}
