/* SPDX-License-Identifier: MIT */
/* Key files: what is one, who may have written it, and that it means what the sysctl's text means.
 */
#include "policy/key.h"
#include "policy_check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define FIRST	     "00010203-04050607-08090a0b-0c0d0e0f"
#define SECOND	     "DEADBEEF-cafebabe-00000000-ffffffff"

static char path[] = "/tmp/tfo-key-test.XXXXXX";
static struct policy_problem problem;

static int read_text(const char *text, struct key *key)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	check(write(fd, text, strlen(text)) == (ssize_t)strlen(text), "write");
	close(fd);
	memset(&problem, 0, sizeof(problem));
	return key_read(path, key, &problem);
}

static const char *const bad[] = {
	"",
	"\n",
	FIRST ",",
	FIRST "," SECOND ",",
	FIRST "," SECOND "," FIRST,
	FIRST " " SECOND,
	FIRST "\n\n",
	" " FIRST,
	"00010203-04050607-08090a0b",
	"000102030-4050607-08090a0b-0c0d0e0f",
	"0001020g-04050607-08090a0b-0c0d0e0f",
	"00010203-04050607-08090a0b-0c0d0e0f0",
	"00010203-04050607-08090a0b+0c0d0e0f",
	FIRST "," SECOND "\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
};

static void test_texts(void)
{
	static const uint8_t first[KEY_BYTES] = {3,  2,	 1, 0, 7,  6,  5,  4,
						 11, 10, 9, 8, 15, 14, 13, 12};
	char text[KEY_TEXT];
	struct key key, other;

	check(read_text(FIRST "\n", &key) == 0 && key.length == KEY_BYTES &&
		      memcmp(key.bytes, first, KEY_BYTES) == 0,
	      "one key: %s", problem.sentence);
	key_text(&key, text);
	check(strcmp(text, FIRST "\n") == 0, "became %s", text);
	check(read_text(SECOND "," FIRST, &other) == 0 && other.length == 2 * KEY_BYTES &&
		      memcmp(other.bytes + KEY_BYTES, first, KEY_BYTES) == 0,
	      "two keys: %s", problem.sentence);
	check(key_is_of(&key, &other) && !key_is_of(&other, &key) && key_is_of(&other, &other),
	      "whose is whose");
	key_text(&other, text);
	check(strcmp(text, "deadbeef-cafebabe-00000000-ffffffff," FIRST "\n") == 0, "became %s",
	      text);
	for (size_t i = 0; i < COUNT(bad); i++)
		check(read_text(bad[i], &key) == -1 && strstr(problem.sentence, "this is no key"),
		      "\"%s\": %s", bad[i], problem.sentence);
}

static void refused(const char *what)
{
	struct key key;

	memset(&problem, 0, sizeof(problem));
	check(key_read(path, &key, &problem) == -1 && strstr(problem.sentence, what),
	      "not because %s: %s", what, problem.sentence);
	check(strcmp(problem.file, path) == 0 && problem.line == 0, "the file as a whole");
}

static void test_trust(void)
{
	uint64_t before, after;
	struct key key;

	check(read_text(FIRST, &key) == 0, "good at first");
	before = key_stamp(path);
	for (mode_t mode = 01; mode <= 040; mode *= 2) {
		chmod(path, 0600 | mode);
		refused("others can read it");
	}
	chmod(path, 0400);
	check(key_read(path, &key, &problem) == 0, "0400");
	after = key_stamp(path);
	check(before && after && before != after, "a change is seen");
	if (geteuid() == 0 && chown(path, 1, (gid_t)-1) == 0)
		refused("it belongs to somebody else");
	unlink(path);
	refused("cannot be opened: there is no such file");
	check(key_stamp(path) == 0, "nothing has no stamp");
	mkdir(path, 0700);
	refused("this is not a regular file");
	rmdir(path);
	check(mkfifo(path, 0600) == 0, "mkfifo");
	refused("this is not a regular file");
	unlink(path);
}

int main(void)
{
	int fd = mkstemp(path);

	check(fd >= 0, "mkstemp");
	close(fd);
	test_texts();
	test_trust();
	return check_result();
}
