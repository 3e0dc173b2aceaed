/* SPDX-License-Identifier: MIT */
/*
 * Servers as textbooks have them, which never heard of Fast Open:
 *
 *   echo thread PORT | fork PORT | loop PORT | inherited
 *
 * Sends back what comes, once a connection, by a thread or a child for each, or one after the
 * other; `inherited` is the last, and takes its listening socket as systemd gives it
 * (sd_listen_fds(3)), descriptor 3. Prints a line for each connection: its bytes. Ends with
 * SIGTERM.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_INHERITED 3

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void serve(int fd)
{
	char bytes[4096];
	ssize_t length = read(fd, bytes, sizeof(bytes));

	printf("%zd bytes\n", length);
	if (length > 0 && write(fd, bytes, (size_t)length) < 0)
		perror("write"); /* the client has gone: that is its business */
	close(fd);
}

static void *serve_in_thread(void *argument)
{
	serve((int)(intptr_t)argument);
	return NULL;
}

static void by_thread(int fd)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, serve_in_thread, (void *)(intptr_t)fd) != 0)
		die("pthread_create");
	pthread_detach(thread);
}

static void by_child(int fd)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		serve(fd);
		exit(0);
	}
	close(fd);
}

static int listen_at(const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)strtol(port, NULL, 10))};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 64) != 0)
		die(port);
	return fd;
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "";
	int listener = argc > 2 ? listen_at(argv[2]) : FIRST_INHERITED;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			die("accept");
		if (strcmp(kind, "thread") == 0)
			by_thread(fd);
		else if (strcmp(kind, "fork") == 0)
			by_child(fd);
		else
			serve(fd);
	}
}
