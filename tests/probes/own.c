/* SPDX-License-Identifier: MIT */
/*
 * own ADDRESS PORT: a program that has connect, write and close of its own, which come before
 * everybody's, and which call what comes next.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int calls;

static void *after_ours(const char *name)
{
	calls++;
	return dlsym(RTLD_NEXT, name);
}

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
	int (*next)(int, const struct sockaddr *, socklen_t);

	*(void **)&next = after_ours("connect");
	return next(fd, address, length);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
	ssize_t (*next)(int, const void *, size_t);

	*(void **)&next = after_ours("write");
	return next(fd, bytes, size);
}

int close(int fd)
{
	int (*next)(int);

	*(void **)&next = after_ours("close");
	return next(fd);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0), connected, closed;
	ssize_t written;

	if (argc != 3 || fd < 0 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1)
		return 2;
	address.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
	connected = connect(fd, (struct sockaddr *)&address, sizeof(address));
	written = write(fd, "hello", 5);
	closed = close(fd);
	printf("%d %zd %d, calls: %d\n", connected, written, closed, calls);
	return 0;
}
