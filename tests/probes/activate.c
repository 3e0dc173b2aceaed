/* SPDX-License-Identifier: MIT */
/*
 * Starts a program with a socket that listens already, as systemd does (sd_listen_fds(3)):
 *
 *   activate PORT COMMAND [ARG...]
 */
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_INHERITED 3

static void die(const char *what)
{
	perror(what);
	exit(1);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char pid[16];

	if (argc < 3)
		return 2;
	address.sin_port = htons((uint16_t)strtol(argv[1], NULL, 10));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 64) != 0)
		die(argv[1]);
	if (fd != FIRST_INHERITED && dup2(fd, FIRST_INHERITED) < 0)
		die("dup2");
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (setenv("LISTEN_FDS", "1", 1) != 0 || setenv("LISTEN_PID", pid, 1) != 0)
		die("setenv");
	execvp(argv[2], argv + 2);
	die(argv[2]);
}
