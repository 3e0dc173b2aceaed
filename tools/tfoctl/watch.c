/* SPDX-License-Identifier: MIT */
/*
 * Showing something again and again. A terminal's other screen is used, so that what was there
 * comes back; signals are waited for, not caught, so that no handler has to restore anything.
 */
#include "status.h"

#include "tfoctl.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* ECMA-48 and xterm: other screen, cursor, wrapping of lines. */
#define ENTER	     "\033[?1049h\033[?25l\033[?7l"
#define LEAVE	     "\033[?7h\033[?25h\033[?1049l"
#define HOME	     "\033[H"
#define REST_OF_LINE "\033[K"
#define REST_OF_ALL  "\033[J"

static unsigned int screen_lines(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 2 ? size.ws_row : 24;
}

static unsigned int count_lines(const char *text)
{
	unsigned int lines = 0;

	for (; (text = strchr(text, '\n')); text++)
		lines++;
	return lines;
}

/* What does not fit is counted. */
static void draw(const char *text)
{
	unsigned int room = screen_lines() - 1, lines = count_lines(text);
	unsigned int shown = lines <= room ? lines : room - 1;

	fputs(HOME, stdout);
	for (unsigned int i = 0; i < shown; i++) {
		int length = (int)strcspn(text, "\n");

		printf("%.*s" REST_OF_LINE "\n", length, text);
		text += length + 1;
	}
	if (shown < lines)
		printf("... %u lines more" REST_OF_LINE "\n", lines - shown);
	fputs(REST_OF_ALL, stdout);
}

static void refresh(void (*show)(FILE *to))
{
	size_t size;
	char *text = NULL;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return;
	show(to);
	if (fclose(to) == 0)
		draw(text);
	free(text);
}

static void enter(void)
{
	fputs(ENTER, stdout);
}

static void leave(void)
{
	fputs(LEAVE, stdout);
	fflush(stdout);
}

static sigset_t block_signals(void)
{
	const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGWINCH};
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		sigaddset(&signals, numbers[i]);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return signals;
}

/* Until the next turn; returns whether there is one. */
static bool sleep_on(const sigset_t *signals, double seconds, bool screen)
{
	struct timespec time = {.tv_sec = (time_t)seconds};
	int number;

	time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
	number = sigtimedwait(signals, NULL, &time);
	if (number < 0)
		return errno == EAGAIN || errno == EINTR;
	if (number == SIGTSTP) {
		if (screen)
			leave();
		raise(SIGSTOP);
		if (screen)
			enter();
	}
	return number == SIGTSTP || number == SIGWINCH;
}

void watch(double seconds, bool in_place, void (*show)(FILE *to))
{
	bool screen = in_place && isatty(STDOUT_FILENO);
	sigset_t signals = block_signals();

	if (screen)
		enter();
	do {
		if (screen)
			refresh(show);
		else
			show(stdout);
		if (in_place && !screen)
			fputc('\n', stdout);
	} while (fflush(stdout) == 0 && sleep_on(&signals, seconds, screen));
	if (screen)
		leave();
}
