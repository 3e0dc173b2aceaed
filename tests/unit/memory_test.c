/* SPDX-License-Identifier: MIT */
/*
 * The memory of destinations against a real file: what is remembered and for how long, what
 * happens to files that are not what they should be, and many processes at once. Each test is a
 * process with a directory of its own, since a process finds its memory once; one that is killed
 * by a signal has failed.
 */
#include "policy_check.h"
#include "shim/memory/destinations.h"
#include "shim/memory/file.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct policy_rule rule = {.verify = true, .minrtt_us = 1000, .suspend_s = 300};
static const struct policy_rule unverified = {.minrtt_us = 1000, .suspend_s = 300};

static const struct experience success = {.syn = SYN_EMPTY, .established = true, .rtt_us = 20000};
static const struct experience saved = {
	.syn = SYN_CARRIED_DATA, .established = true, .acknowledged = true, .rtt_us = 20000};
static const struct experience lost = {
	.syn = SYN_CARRIED_DATA, .established = true, .retransmitted = true, .rtt_us = 20000};
static const struct experience refused = {.syn = SYN_ASKED_FOR_COOKIE};
static const struct experience refused_with_data = {.syn = SYN_CARRIED_DATA};

static char path[PATH_MAX]; /* of the file, in this test's own directory */

/* xorshift, seeded by the test: the same numbers everywhere. */
static uint64_t random_state = 88172645463325252u;

static uint64_t random_number(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

struct place {
	struct sockaddr_in ip4;
};

/* 10.0.0.0 and so on. */
static struct place place_number(uint32_t number, uint16_t port)
{
	struct place place = {.ip4 = {.sin_family = AF_INET, .sin_port = htons(port)}};

	place.ip4.sin_addr.s_addr = htonl(0x0a000000u + number);
	return place;
}

static void record(const struct place *place, const struct experience *experience)
{
	memory_record((const struct sockaddr *)&place->ip4, sizeof(place->ip4), &rule, experience,
		      "name.example");
}

static enum advice advice(const struct place *place)
{
	uint32_t rtt_us;

	return memory_advice((const struct sockaddr *)&place->ip4, sizeof(place->ip4), &rule,
			     &rtt_us);
}

static unsigned int forget(const struct place *place)
{
	return memory_forget((const struct sockaddr *)&place->ip4, sizeof(place->ip4));
}

static void expect(const struct place *place, enum advice expected, const char *when)
{
	enum advice seen = advice(place);

	check(seen == expected, "%s: advice %d, not %d", when, (int)seen, (int)expected);
}

/* Where the only destination stands. */
static unsigned int only_place(const struct memory_file *file)
{
	for (unsigned int i = 0; i < MEMORY_ENTRIES; i++)
		if (file->tags[i])
			return i;
	check(false, "nothing is in the file");
	return 0;
}

static struct memory_entry *only_entry(void)
{
	struct memory_file *file = memory_file();

	return &file->entries[only_place(file)];
}

static uint32_t now_s(void)
{
	return (uint32_t)time(NULL);
}

static void keep(const struct remembered *remembered, void *context)
{
	*(struct remembered *)context = *remembered;
}

static struct remembered only_one(void)
{
	struct remembered remembered = {0};
	unsigned int count = memory_each(keep, &remembered);

	check(count == 1, "%u destinations, not 1", count);
	return remembered;
}

static void name_path(const char *name)
{
	check(getcwd(path, sizeof(path) - 64) != NULL, "no directory");
	memcpy(path + strlen(path), name, strlen(name) + 1);
}

static void named_memory(void)
{
	name_path("/named");
	memory_configure(path, NULL);
}

/* The default one, below a runtime directory. */
static void default_memory(void)
{
	static char runtime[PATH_MAX];

	check(getcwd(runtime, sizeof(runtime)) != NULL, "no directory");
	name_path("/tfo/destinations");
	check(mkdir("tfo", 0700) == 0, "no directory tfo");
	memory_configure(NULL, runtime);
}

static void expect_file_in_use(const char *when)
{
	struct place place = place_number(77, 80);
	struct stat status = {0};

	record(&place, &success);
	expect(&place, ADVICE_HOLD, when);
	check(memory_path() && strcmp(memory_path(), path) == 0, "%s: the file is %s, not %s", when,
	      memory_path(), path);
	check(stat(path, &status) == 0 && status.st_size == (off_t)sizeof(struct memory_file) &&
		      (status.st_mode & 07777) == 0600,
	      "%s: %lld bytes, mode %o", when, (long long)status.st_size, status.st_mode);
}

/* What is there is not ours; but something is remembered all the same. */
static void expect_private_memory(const char *when)
{
	struct place place = place_number(78, 80);

	record(&place, &success);
	expect(&place, ADVICE_HOLD, when);
	check(!memory_path(), "%s: the file %s is in use", when, memory_path());
}

static void write_file(const void *bytes, size_t length, off_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	check(fd >= 0 && write(fd, bytes, length) == (ssize_t)length && ftruncate(fd, size) == 0,
	      "%s cannot be written", path);
	close(fd);
}

static void test_first_contact(void)
{
	struct place place = place_number(1, 80), other_port = place_number(1, 81);
	struct remembered remembered;
	uint32_t rtt_us = 1;

	named_memory();
	expect(&place, ADVICE_VERIFY, "unknown");
	check(memory_advice((struct sockaddr *)&place, sizeof(place), &unverified, &rtt_us) ==
		      ADVICE_HOLD,
	      "unknown, verify=off");
	check(rtt_us == 0, "unknown: a round trip of %u us", rtt_us);
	record(&place, &success);
	expect(&place, ADVICE_HOLD, "after a success");
	expect(&other_port, ADVICE_VERIFY, "another port");
	memory_advice((struct sockaddr *)&place, sizeof(place), &rule, &rtt_us);
	check(rtt_us == 20000, "a round trip of %u us", rtt_us);
	record(&place, &refused);
	expect(&place, ADVICE_VERIFY, "after a failure");
	record(&place, &saved);
	remembered = only_one();
	check(remembered.connections == 3 && remembered.in_syn == 1 && remembered.failed == 1 &&
		      remembered.round_trips_saved == 1 && remembered.saved_us == 20000,
	      "%u connections, %u in SYN, %u failed, %u saved, %llu us", remembered.connections,
	      remembered.in_syn, remembered.failed, remembered.round_trips_saved,
	      (unsigned long long)remembered.saved_us);
	check(strcmp(remembered.name, "name.example") == 0, "name %s", remembered.name);
	check(remembered.address.ip4.sin_port == place.ip4.sin_port &&
		      remembered.address.ip4.sin_addr.s_addr == place.ip4.sin_addr.s_addr,
	      "another address");
}

static void test_no_gain(void)
{
	struct experience near = success;
	struct place place = place_number(1, 80);

	named_memory();
	near.rtt_us = 999;
	record(&place, &near);
	expect(&place, ADVICE_NO_GAIN, "below minrtt");
}

static void test_ages(void)
{
	struct place place = place_number(1, 80);
	struct memory_entry *entry;

	named_memory();
	record(&place, &success);
	entry = only_entry();
	entry->last_success_s = now_s() - MEMORY_FRESH_S + 10;
	expect(&place, ADVICE_HOLD, "reached within the hour");
	entry->last_success_s = now_s() - MEMORY_FRESH_S - 10;
	expect(&place, ADVICE_VERIFY, "reached more than an hour ago");
	entry->last_success_s = now_s() + 100;
	expect(&place, ADVICE_VERIFY, "reached in the future");
	entry->last_success_s = now_s();
	entry->suspended_until_s = now_s() + 100;
	expect(&place, ADVICE_PLAIN, "suspended");
	entry->suspended_until_s = now_s() - 1;
	expect(&place, ADVICE_HOLD, "suspended once");
	entry->suspended_until_s = now_s() + 25 * 3600;
	expect(&place, ADVICE_HOLD, "suspended for longer than can be");
	entry->rtt_us = 4000000000u;
	check(only_one().rtt_us == 0, "a round trip of an hour is believed");
}

static void test_suspension(void)
{
	struct place place = place_number(1, 80);
	uint32_t until;

	named_memory();
	record(&place, &lost);
	expect(&place, ADVICE_HOLD, "one lost SYN");
	record(&place, &lost);
	expect(&place, ADVICE_PLAIN, "two lost SYNs");
	until = only_one().suspended_until_s;
	check(until >= now_s() + 298 && until <= now_s() + 301, "until %u, now %u", until, now_s());
	check(only_one().reason == MEMORY_SYN_DATA_LOST, "reason %d", (int)only_one().reason);
}

/* The set is full of others: the one that was not used for the longest time goes. */
static void test_eviction(void)
{
	struct place place = place_number(1, 80);
	struct memory_file *file;
	unsigned int first;

	named_memory();
	record(&place, &success);
	file = memory_file();
	first = only_place(file) / MEMORY_WAYS * MEMORY_WAYS;
	for (unsigned int stalest = 0; stalest < MEMORY_WAYS; stalest++) {
		forget(&place);
		for (unsigned int i = 0; i < MEMORY_WAYS; i++) {
			file->tags[first + i] = i + 1;
			file->entries[first + i].last_used_s = i == stalest ? 1000 : 2000 + i;
		}
		expect(&place, ADVICE_VERIFY, "forgotten");
		record(&place, &success);
		expect(&place, ADVICE_HOLD, "in a full set");
		for (unsigned int i = 0; i < MEMORY_WAYS; i++)
			check((file->tags[first + i] != i + 1) == (i == stalest),
			      "the stalest is %u, and %u is%s gone", stalest, i,
			      i == stalest ? " not" : "");
	}
}

static void test_many(void)
{
	unsigned int known = 0;

	named_memory();
	for (uint32_t i = 0; i < 20000; i++) {
		struct place place = place_number(i, 80);

		record(&place, &success);
	}
	for (uint32_t i = 0; i < 20000; i++) {
		struct place place = place_number(i, 80);

		known += advice(&place) == ADVICE_HOLD;
	}
	check(known >= 19900, "%u of 20000 are still known", known);
	check(memory_forget(NULL, 0) == known, "forgotten are not as many as were known");
	check(memory_forget(NULL, 0) == 0, "something was not forgotten");
}

static void test_mapped_addresses(void)
{
	struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
	struct sockaddr_in6 ip6 = mapped;
	struct place place = place_number(1, 80);
	uint32_t rtt_us;

	named_memory();
	inet_pton(AF_INET6, "::ffff:10.0.0.1", &mapped.sin6_addr);
	inet_pton(AF_INET6, "2001:db8::1", &ip6.sin6_addr);
	memory_record((struct sockaddr *)&mapped, sizeof(mapped), &rule, &success, NULL);
	expect(&place, ADVICE_HOLD, "known by its mapped address");
	check(only_one().address.any.sa_family == AF_INET, "it is not shown as IPv4");
	check(forget(&place) == 1, "not forgotten");
	memory_record((struct sockaddr *)&ip6, sizeof(ip6), &rule, &success, NULL);
	check(only_one().address.any.sa_family == AF_INET6, "IPv6 is not IPv6");
	check(memory_advice((struct sockaddr *)&ip6, sizeof(ip6), &rule, &rtt_us) == ADVICE_HOLD,
	      "IPv6 is not known");
	check(memory_advice((struct sockaddr *)&ip6, sizeof(struct sockaddr_in), &rule, &rtt_us) ==
		      ADVICE_VERIFY,
	      "half an address");
}

static void test_forget(void)
{
	struct place all = place_number(1, 0), web = place_number(1, 80),
		     tls = place_number(1, 443);
	struct place other = place_number(2, 80);

	named_memory();
	record(&web, &success);
	record(&tls, &success);
	record(&other, &success);
	check(forget(&web) == 1, "one port");
	check(forget(&web) == 0, "twice");
	expect(&web, ADVICE_VERIFY, "forgotten");
	expect(&tls, ADVICE_HOLD, "not forgotten");
	record(&web, &success);
	check(forget(&all) == 2, "every port");
	expect(&other, ADVICE_HOLD, "another address");
	check(memory_forget(NULL, 0) == 1, "everything");
	expect(&other, ADVICE_VERIFY, "everything");
}

static void suspend(uint32_t number, const struct experience *experience)
{
	struct place place = place_number(number, 80);

	record(&place, experience);
	record(&place, experience);
}

static void test_pause(void)
{
	struct place good = place_number(100, 80);

	named_memory();
	record(&good, &success);
	for (uint32_t i = 0; i < 6; i++)
		suspend(1, &lost);
	expect(&good, ADVICE_HOLD, "one destination, many times");
	suspend(2, &lost);
	for (uint32_t i = 3; i < 9; i++)
		suspend(i, &refused_with_data);
	expect(&good, ADVICE_HOLD, "two destinations, and servers that are down");
	check(memory_paused_until() == 0, "paused after two");
	suspend(9, &lost);
	expect(&good, ADVICE_PLAIN, "three destinations");
	check(memory_paused_until() >= now_s() + 3598 && memory_paused_until() <= now_s() + 3601,
	      "paused until %u, now %u", memory_paused_until(), now_s());
	check(memory_forget(NULL, 0) == 10, "forgotten");
	check(memory_paused_until() == 0, "the pause was not forgotten");
	suspend(10, &lost);
	check(memory_paused_until() == 0, "what was forgotten still counts");
}

static void test_pause_needs_a_minute(void)
{
	struct memory_header *header;

	named_memory();
	suspend(1, &lost);
	suspend(2, &lost);
	header = &memory_file()->header;
	for (unsigned int i = 0; i < MEMORY_SUSPENSIONS; i++)
		if (header->suspensions[i])
			header->suspensions[i] -= 62ull << 32;
	suspend(3, &lost);
	check(memory_paused_until() == 0, "paused after three in more than a minute");
	header->paused_until_s = now_s() + 25 * 3600;
	check(memory_paused_until() == 0, "paused for longer than can be");
}

static void test_corrupted_default(void)
{
	static uint8_t rubbish[sizeof(struct memory_file)];

	default_memory();
	memset(rubbish, 0x5a, sizeof(rubbish));
	write_file(rubbish, sizeof(rubbish), sizeof(rubbish));
	expect_file_in_use("rubbish at the default path");
}

static void test_rubbish_sizes(void)
{
	static const off_t sizes[] = {0, 1, 15, 16, 100, 4096, 100000};

	default_memory();
	for (size_t i = 0; i < COUNT(sizes); i++) {
		write_file("x", sizes[i] > 0, sizes[i]);
		expect_file_in_use("small rubbish at the default path");
	}
}

static void test_foreign_file_is_kept(void)
{
	char content[16] = {0};
	int fd;

	named_memory();
	write_file("my own letters", 14, 14);
	expect_private_memory("somebody's file");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	check(read(fd, content, sizeof(content)) == 14 && strcmp(content, "my own letters") == 0,
	      "it was changed to: %s", content);
	close(fd);
}

static void test_newer_version_is_kept(void)
{
	struct memory_header header = {
		.magic = "tfo-run memory\n", .version = MEMORY_VERSION + 1, .sets = 1};
	struct stat before, after;

	default_memory();
	write_file(&header, sizeof(header), 100000);
	stat(path, &before);
	expect_private_memory("a newer version's file");
	stat(path, &after);
	check(before.st_ino == after.st_ino && after.st_size == 100000, "it was replaced");
}

static void test_writable_by_others(void)
{
	default_memory();
	expect_file_in_use("a new file");
	check(chmod(path, 0620) == 0, "chmod");
}

static void test_wrong_mode(void)
{
	struct place place = place_number(77, 80);

	if (fork() == 0) {
		test_writable_by_others();
		_exit(checks_failed > 0);
	}
	wait(NULL);
	name_path("");
	memory_configure(NULL, path);
	expect(&place, ADVICE_VERIFY, "what others may have written");
	expect_private_memory("writable by the group");
}

static void test_wrong_owner(void)
{
	default_memory();
	write_file("", 0, 0);
	if (chown(path, 1, 1) != 0)
		return; /* it takes root */
	expect_private_memory("somebody else's");
}

static void test_link(void)
{
	default_memory();
	write_file("", 0, 0);
	check(rename(path, "elsewhere") == 0 && symlink("../elsewhere", path) == 0, "symlink");
	expect_private_memory("a symbolic link");
}

static void test_fifo(void)
{
	default_memory();
	check(mkfifo(path, 0600) == 0, "mkfifo");
	expect_private_memory("a fifo");
}

static void test_off(void)
{
	memory_configure("off", ".");
	expect_private_memory("off");
	memory_configure("relative", NULL);
	expect_private_memory("a relative path");
}

/* Under a process that has it mapped: reading behind its end would raise SIGBUS. */
static void cut_and_use(off_t size)
{
	expect_file_in_use("before it is cut");
	check(truncate(path, size) == 0, "truncate");
	expect_file_in_use("cut short");
}

static void test_truncated(void)
{
	static const off_t sizes[] = {0, 16, 20, 4096, 8192, sizeof(struct memory_file) - 1};

	named_memory();
	for (size_t i = 0; i < COUNT(sizes); i++)
		cut_and_use(sizes[i]);
}

static void test_truncated_default(void)
{
	default_memory();
	for (off_t size = 0; size < 12; size++)
		cut_and_use(size);
}

static void test_removed(void)
{
	struct place place = place_number(1, 80);

	named_memory();
	for (unsigned int i = 0; i < 5; i++) {
		record(&place, &success);
		check(unlink(path) == 0, "unlink");
		expect(&place, ADVICE_VERIFY, "the file was removed");
		expect_file_in_use("a new file");
	}
}

/* However often that happens: at last without a file, never without memory. */
static void test_removed_often(void)
{
	struct place place = place_number(1, 80);

	named_memory();
	for (unsigned int i = 0; i < 100; i++) {
		record(&place, &success);
		expect(&place, ADVICE_HOLD, "removed again and again");
		unlink(path);
	}
}

static void check_text(const struct remembered *remembered, void *context)
{
	(void)context;
	check(strlen(remembered->name) <= 64, "a long name");
	for (const char *at = remembered->name; *at; at++)
		check(*at >= ' ' && *at <= '~', "a name with byte %d", *at);
	check(remembered->reason < MEMORY_REASONS, "reason %d", (int)remembered->reason);
	check(remembered->suspended_until_s <= now_s() + 86401, "suspended until %u",
	      remembered->suspended_until_s);
	memory_reason_text(remembered->reason);
}

static void check_trial(const struct remembered_trial *trial, void *context)
{
	(void)context;
	check(strlen(trial->rule) <= 128, "a long rule");
}

static void use_everything(void)
{
	const struct experience kinds[] = {success, saved, lost, refused, refused_with_data};
	struct policy_rule trial = rule;

	trial.control_share = 2;
	trial.text = "allow * * any control=1/2";
	for (uint32_t i = 0; i < 500; i++) {
		struct place place = place_number(i, 80);
		uint32_t rtt_us;

		advice(&place);
		memory_advice((struct sockaddr *)&place, sizeof(place), &trial, &rtt_us);
		record(&place, &kinds[i % COUNT(kinds)]);
		memory_record_first_byte(&trial, i % 2, 1000ull * i);
		advice(&place);
	}
	memory_each(check_text, NULL);
	memory_each_trial(check_trial, NULL);
	memory_paused_until();
	memory_path();
	for (uint32_t i = 0; i < 50; i++) {
		struct place place = place_number(i, i % 2 ? 80 : 0);

		forget(&place);
	}
}

static void scribble(void *at, size_t size)
{
	uint64_t *words = at;

	for (size_t i = 0; i < size / sizeof(*words); i++)
		words[i] = random_number();
}

/* After all that, a new destination can be learned. */
static void expect_learning(uint64_t seed)
{
	struct place place = place_number(5000 + (uint32_t)seed, 443);

	memory_forget(NULL, 0);
	record(&place, &success);
	check(advice(&place) == ADVICE_HOLD, "seed %llu: nothing can be learned any more",
	      (unsigned long long)seed);
}

static void test_random_bytes(void)
{
	struct memory_file *file;

	named_memory();
	file = memory_file();
	for (uint64_t seed = 1; seed <= 12; seed++) {
		random_state = seed * 0x9e3779b97f4a7c15u;
		scribble(file, sizeof(*file));
		use_everything();
		expect_learning(seed);
	}
}

static void test_random_tags(void)
{
	struct memory_file *file;

	named_memory();
	file = memory_file();
	for (uint64_t seed = 1; seed <= 12; seed++) {
		random_state = seed * 0x9e3779b97f4a7c15u;
		use_everything();
		scribble(file->tags, sizeof(file->tags));
		use_everything();
		expect_learning(seed);
	}
}

/* All but the address. */
static void scribble_contents(struct memory_entry *entry)
{
	size_t from = offsetof(struct memory_entry, standing);

	scribble((char *)entry + from, sizeof(*entry) - from);
	entry->last_success_s = (uint32_t)random_number();
	entry->last_used_s = (uint32_t)random_number();
	entry->suspended_until_s = (uint32_t)random_number();
}

/* The tags are right: with wrong addresses behind them, or with the right ones and nonsense. */
static void test_random_entries(void)
{
	struct memory_file *file;

	named_memory();
	file = memory_file();
	for (uint64_t seed = 1; seed <= 12; seed++) {
		random_state = seed * 0x9e3779b97f4a7c15u;
		use_everything();
		if (seed % 2)
			scribble(file->entries, sizeof(file->entries));
		for (unsigned int i = 0; i < MEMORY_ENTRIES; i++)
			if (file->tags[i])
				scribble_contents(&file->entries[i]);
		use_everything();
		expect_learning(seed);
	}
}

enum { WORKERS = 8 };

/* Many processes make the file at the same moment: it is one file, and nothing is lost. */
static void test_made_by_many(void)
{
	struct place place;
	int start[2];
	char byte;

	named_memory();
	check(pipe(start) == 0, "pipe");
	for (uint32_t i = 0; i < WORKERS; i++) {
		if (fork() != 0)
			continue;
		close(start[1]);
		check(read(start[0], &byte, 1) == 0, "no start");
		place = place_number(i, 80);
		record(&place, &success);
		_exit(0);
	}
	close(start[1]);
	while (wait(NULL) > 0)
		continue;
	for (uint32_t i = 0; i < WORKERS; i++) {
		place = place_number(i, 80);
		expect(&place, ADVICE_HOLD, "recorded by another process");
	}
	check(access(path, R_OK) == 0, "no file");
}

static void test_counted_by_many(void)
{
	struct place place = place_number(1, 80);

	named_memory();
	record(&place, &saved);
	for (unsigned int i = 0; i < WORKERS; i++) {
		if (fork() != 0)
			continue;
		for (unsigned int j = 0; j < 2000; j++)
			record(&place, &saved);
		_exit(0);
	}
	while (wait(NULL) > 0)
		continue;
	check(only_one().connections == WORKERS * 2000 + 1 &&
		      only_one().round_trips_saved == WORKERS * 2000 + 1,
	      "%u connections", only_one().connections);
}

/* The same destinations as the others, and so many that sets are full. */
static pid_t start_worker(void)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	random_state += (uint64_t)getpid() << 20;
	for (;;) {
		uint64_t number = random_number();
		struct place place = place_number(number % 3 ? (uint32_t)(number >> 8) % 16
							     : (uint32_t)(number >> 8) % 90000,
						  80);

		if (number % 1000 == 7)
			forget(&place);
		else if (number % 5 == 0)
			advice(&place);
		else
			record(&place, number % 7 ? &saved : &lost);
	}
}

static void kill_worker(pid_t *worker)
{
	int status = 0;

	kill(*worker, SIGKILL);
	waitpid(*worker, &status, 0);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "a worker ended with %d", status);
	*worker = start_worker();
}

static void test_killed(void)
{
	time_t end = time(NULL) + 3;
	pid_t workers[WORKERS];

	named_memory();
	memory_file();
	for (unsigned int i = 0; i < WORKERS; i++)
		workers[i] = start_worker();
	while (time(NULL) < end) {
		usleep((useconds_t)(random_number() % 3000));
		kill_worker(&workers[random_number() % WORKERS]);
		random_number();
	}
	for (unsigned int i = 0; i < WORKERS; i++) {
		kill(workers[i], SIGKILL);
		waitpid(workers[i], NULL, 0);
	}
	memory_each(check_text, NULL);
	memory_forget(NULL, 0);
	for (uint32_t i = 0; i < 16; i++) {
		struct place place = place_number(i, 80);

		record(&place, &success);
		expect(&place, ADVICE_HOLD, "after many were killed");
	}
	expect_file_in_use("after many were killed");
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{"first contact", test_first_contact},
	{"no gain", test_no_gain},
	{"ages", test_ages},
	{"suspension", test_suspension},
	{"eviction", test_eviction},
	{"many", test_many},
	{"mapped addresses", test_mapped_addresses},
	{"forget", test_forget},
	{"pause", test_pause},
	{"pause needs a minute", test_pause_needs_a_minute},
	{"corrupted default", test_corrupted_default},
	{"rubbish of any size", test_rubbish_sizes},
	{"foreign file is kept", test_foreign_file_is_kept},
	{"newer version is kept", test_newer_version_is_kept},
	{"wrong mode", test_wrong_mode},
	{"wrong owner", test_wrong_owner},
	{"symbolic link", test_link},
	{"fifo", test_fifo},
	{"off", test_off},
	{"truncated, TFO_STATE", test_truncated},
	{"truncated, default", test_truncated_default},
	{"removed", test_removed},
	{"removed often", test_removed_often},
	{"random bytes", test_random_bytes},
	{"random tags", test_random_tags},
	{"random entries", test_random_entries},
	{"made by many", test_made_by_many},
	{"counted by many", test_counted_by_many},
	{"killed", test_killed},
};

static void run_in_directory(const char *directory, size_t number)
{
	char name[32];

	snprintf(name, sizeof(name), "%zu", number);
	check(chdir(directory) == 0 && mkdir(name, 0700) == 0 && chdir(name) == 0,
	      "no directory for the test");
	checks_failed = 0;
	tests[number].run();
}

static void run(const char *directory, size_t number)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		run_in_directory(directory, number);
		fflush(stdout);
		_exit(checks_failed > 0);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		check(false, "%s: killed by signal %d", tests[number].name, WTERMSIG(status));
	else
		check(WEXITSTATUS(status) == 0, "%s: failed", tests[number].name);
}

int main(int argc, char **argv)
{
	char directory[] = "/tmp/memory-test.XXXXXX", command[64];

	if (!mkdtemp(directory)) {
		perror(directory);
		return 1;
	}
	for (size_t i = 0; i < COUNT(tests); i++)
		if (argc < 2 || strcmp(argv[1], tests[i].name) == 0)
			run(directory, i);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	if (system(command) != 0) /* NOLINT(cert-env33-c): a name of our own making */
		printf("%s is left\n", directory);
	return check_result();
}
