/* SPDX-License-Identifier: MIT */
/* Key files. Runs inside listen(2) and accept(2) of a stranger: no stdio, no waiting. */
#include "key.h"

#include "content.h"
#include "hash.h"

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORDS	    4u
#define WORD_DIGITS 8u
#define KEY_DIGITS  (WORDS * WORD_DIGITS + WORDS - 1)

static uint64_t time_ns(const struct timespec *time)
{
	return (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec;
}

uint64_t key_stamp(const char *path)
{
	struct stat status;
	uint64_t stamp;

	if (stat(path, &status) != 0)
		return 0;
	stamp = hash_word(hash_word(HASH_START, status.st_dev), status.st_ino);
	stamp = hash_word(hash_word(stamp, status.st_mode), status.st_uid);
	stamp = hash_word(hash_word(stamp, time_ns(&status.st_mtim)), time_ns(&status.st_ctim));
	return stamp ? stamp : 1;
}

static int check_status(const char *path, const struct stat *status, struct policy_problem *problem)
{
	if (!S_ISREG(status->st_mode))
		return content_refuse(problem, path, "this is not a regular file");
	if (status->st_uid != 0 && status->st_uid != geteuid())
		return content_refuse(problem, path,
				      "it belongs to somebody else: a key file must belong to root "
				      "or to the user of the server");
	if (status->st_mode & (S_IRWXG | S_IRWXO))
		return content_refuse(problem, path,
				      "others can read it, and make cookies: take that away with "
				      "chmod 0600");
	return 0;
}

static int digit_of(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* The kernel reads a word as a number, and keeps that with its lowest byte first. */
static bool parse_word(const char *text, uint8_t *bytes)
{
	uint32_t word = 0;

	for (unsigned int i = 0; i < WORD_DIGITS; i++) {
		int digit = digit_of(text[i]);

		if (digit < 0)
			return false;
		word = word << 4 | (uint32_t)digit;
	}
	for (unsigned int i = 0; i < sizeof(word); i++)
		bytes[i] = (uint8_t)(word >> 8 * i);
	return true;
}

static bool parse_one(const char *text, uint8_t *bytes)
{
	for (unsigned int i = 0; i < WORDS; i++) {
		const char *word = text + (size_t)i * (WORD_DIGITS + 1);

		if ((i > 0 && word[-1] != '-') || !parse_word(word, bytes + (size_t)i * 4))
			return false;
	}
	return true;
}

static bool parse_line(const char *text, size_t length, struct key *key)
{
	if (length > 0 && text[length - 1] == '\n')
		length--;
	if (length != KEY_DIGITS && (length != 2 * KEY_DIGITS + 1 || text[KEY_DIGITS] != ','))
		return false;
	key->length = length == KEY_DIGITS ? KEY_BYTES : 2 * KEY_BYTES;
	return parse_one(text, key->bytes) &&
	       (key->length == KEY_BYTES ||
		parse_one(text + KEY_DIGITS + 1, key->bytes + KEY_BYTES));
}

static int read_open(int fd, const char *path, struct key *key, struct policy_problem *problem)
{
	struct stat status;
	char text[KEY_TEXT + 1];
	ssize_t length;

	if (fstat(fd, &status) != 0)
		return content_refuse_errno(problem, path, "cannot be examined: ", errno);
	if (check_status(path, &status, problem) < 0)
		return -1;
	do
		length = read(fd, text, sizeof(text));
	while (length < 0 && errno == EINTR);
	if (length < 0)
		return content_refuse_errno(problem, path, "cannot be read: ", errno);
	if (!parse_line(text, (size_t)length, key))
		return content_refuse(problem, path,
				      "this is no key: expected one line of four words of eight "
				      "hexadecimal digits with - between them, as tfoctl key new "
				      "writes it");
	return 0;
}

int key_read(const char *path, struct key *key, struct policy_problem *problem)
{
	int cancel, fd, result;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	fd = content_open(path, 0);
	if (fd < 0) {
		result = content_refuse_errno(problem, path, "cannot be opened: ", errno);
	} else {
		result = read_open(fd, path, key, problem);
		close(fd);
	}
	pthread_setcancelstate(cancel, NULL);
	return result;
}

bool key_is_of(const struct key *own, const struct key *file)
{
	for (unsigned int at = 0; at < file->length; at += KEY_BYTES) {
		if (own->length >= KEY_BYTES &&
		    memcmp(own->bytes, file->bytes + at, KEY_BYTES) == 0)
			return true;
	}
	return false;
}

void key_text(const struct key *key, char text[KEY_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	char *at = text;

	for (unsigned int i = 0; i < key->length; i++) {
		uint8_t byte = key->bytes[i / 4 * 4 + 3 - i % 4];

		if (i > 0 && i % 4 == 0)
			*at++ = i == KEY_BYTES ? ',' : '-';
		*at++ = digits[byte >> 4];
		*at++ = digits[byte & 0xf];
	}
	*at++ = '\n';
	*at = '\0';
}
