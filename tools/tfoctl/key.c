/* SPDX-License-Identifier: MIT */
/*
 * tfoctl key new, tfoctl key rotate: the files that servers take their keys from. Each is replaced
 * as a whole, so that nobody ever reads half a key. Giving a key to servers that run is in
 * key_apply.c.
 */
#include "policy/key.h"
#include "tfoctl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
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

static int put_into(int fd, const struct key *key)
{
	char text[KEY_TEXT];
	size_t length;

	key_text(key, text);
	length = strlen(text);
	errno = EIO; /* of a write that was cut short */
	return write(fd, text, length) == (ssize_t)length && fsync(fd) == 0 ? 0 : errno;
}

/* A new file beside its place, which only its owner can read: mkostemp(3) makes it 0600. Returns 0
 * or an errno, with `fresh` gone. */
static int write_beside(const char *path, const struct key *key, const struct stat *owner,
			char fresh[PATH_MAX])
{
	int fd, error;

	if (snprintf(fresh, PATH_MAX, "%s.XXXXXX", path) >= PATH_MAX)
		return ENAMETOOLONG;
	fd = mkostemp(fresh, O_CLOEXEC);
	if (fd < 0)
		return errno;
	error = put_into(fd, key);
	if (!error && owner && owner->st_uid != geteuid() && fchown(fd, owner->st_uid, (gid_t)-1))
		error = errno;
	if (close(fd) != 0 && !error)
		error = errno;
	if (error)
		unlink(fresh);
	return error;
}

int key_new_verb(int count, char **words)
{
	struct key key = {.length = KEY_BYTES};
	char fresh[PATH_MAX];
	int error;

	if (count == 0) {
		complain("key new: needs a file; try tfoctl --help");
		return STATUS_USAGE;
	}
	if (!make_key(key.bytes))
		return fail(words[0], "no random bytes", errno);
	error = write_beside(words[0], &key, NULL, fresh);
	if (error)
		return fail(words[0], "cannot be written", error);
	/* Never over a key that servers use. */
	if (link(fresh, words[0]) != 0)
		error = errno;
	unlink(fresh);
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
	char fresh[PATH_MAX];
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
	error = write_beside(path, &key, &status, fresh);
	if (!error && rename(fresh, path) != 0) {
		error = errno;
		unlink(fresh);
	}
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
