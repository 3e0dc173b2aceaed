/* SPDX-License-Identifier: MIT */
/*
 * tfoctl key new, tfoctl key rotate: the files that servers take their keys from. Each is replaced
 * as a whole, so that nobody ever reads half a key. Giving a key to servers that run is in
 * key_apply.c.
 */
#include "policy/key.h"
#include "file.h"
#include "tfoctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(const char *path, const char *what, int error)
{
	complain("%s: %s: %s", path, what, strerror(error));
	return STATUS_TROUBLE;
}

static bool make_key(uint8_t bytes[KEY_BYTES])
{
	return getrandom(bytes, KEY_BYTES, 0) == (ssize_t)KEY_BYTES;
}

int key_new_verb(int count, char **words)
{
	struct key key = {.length = KEY_BYTES};
	char text[KEY_TEXT];
	int error;

	if (count == 0) {
		complain("key new: needs a file; try tfoctl --help");
		return STATUS_USAGE;
	}
	if (!make_key(key.bytes))
		return fail(words[0], "no random bytes", errno);
	key_text(&key, text);
	/* Never over a key that servers use. */
	error = file_make(words[0], text, strlen(text), S_IRUSR | S_IWUSR);
	if (error == EEXIST) {
		complain("%s: exists already; tfoctl key rotate puts a new key before it",
			 words[0]);
		return STATUS_TROUBLE;
	}
	return error ? fail(words[0], "cannot be written", error) : EXIT_SUCCESS;
}

static int rotate(const char *path)
{
	struct policy_problem problem;
	char text[KEY_TEXT];
	struct stat status;
	struct key key;
	int error;

	if (key_read(path, &key, &problem) < 0) {
		complain("%s: %s", problem.file, problem.sentence);
		return STATUS_TROUBLE;
	}
	memcpy(key.bytes + KEY_BYTES, key.bytes, KEY_BYTES);
	key.length = 2 * KEY_BYTES;
	if (!make_key(key.bytes))
		return fail(path, "no random bytes", errno);
	if (stat(path, &status) != 0)
		return fail(path, "cannot be examined", errno);
	key_text(&key, text);
	/* Its owner's alone, whatever it was. */
	status.st_mode = S_IRUSR | S_IWUSR;
	status.st_gid = getegid();
	error = file_replace_like(path, text, strlen(text), &status);
	return error ? fail(path, "cannot be written", error) : EXIT_SUCCESS;
}

int key_rotate_verb(int count, char **words)
{
	char *path;
	int status;

	if (count == 0) {
		complain("key rotate: needs a file; try tfoctl --help");
		return STATUS_USAGE;
	}
	path = realpath(words[0], NULL); /* the file is replaced, not a link to it */
	if (!path)
		return fail(words[0], "cannot be opened", errno);
	status = rotate(path);
	free(path);
	return status;
}
