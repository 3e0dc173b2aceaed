/* SPDX-License-Identifier: MIT */
/*
 * The rules of suspension as a table: what happened, connection by connection, and after which of
 * them the destination was suspended.
 */
#include "policy_check.h"
#include "shim/memory/judge.h"

#include <stdint.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* One letter a connection. */
static const struct experience experiences[128] = {
	['a'] = {.syn = SYN_CARRIED_DATA, .established = true, .acknowledged = true},
	['n'] = {.syn = SYN_CARRIED_DATA, .established = true},
	['l'] = {.syn = SYN_CARRIED_DATA, .established = true, .retransmitted = true},
	['r'] = {.syn = SYN_CARRIED_DATA, .established = true, .reset = true},
	['f'] = {.syn = SYN_CARRIED_DATA},
	['s'] = {.syn = SYN_CARRIED_DATA, .established = true, .stalled = true},
	['c'] = {.syn = SYN_ASKED_FOR_COOKIE, .established = true, .cookie_expected = true},
	['q'] = {.syn = SYN_ASKED_FOR_COOKIE, .established = true},
	['C'] = {.syn = SYN_ASKED_FOR_COOKIE, .established = true, .retransmitted = true},
	['x'] = {.syn = SYN_ASKED_FOR_COOKIE},
	['X'] = {.syn = SYN_ASKED_FOR_COOKIE, .retransmitted = true},
	['e'] = {.syn = SYN_EMPTY, .established = true},
	['E'] = {.syn = SYN_EMPTY, .established = true, .retransmitted = true},
};

static const struct row {
	const char *what, *connections, *suspended; /* 'S' after a connection that suspends */
	uint32_t seconds;	   /* of the last suspension; the first takes 300 */
	enum memory_reason reason; /* at the end */
	unsigned int strikes;	   /* at the end */
	bool suspicious_path;	   /* of the last suspension */
} rows[] = {
	{"one lost SYN alone", "l", ".", 0, MEMORY_SYN_DATA_LOST, 1, false},
	{"two lost SYNs", "ll", ".S", 300, MEMORY_SYN_DATA_LOST, 0, true},
	{"a success between them", "lal", "...", 0, MEMORY_SYN_DATA_LOST, 1, false},
	{"an unacknowledged one is no success", "lnl", "..S", 300, MEMORY_SYN_DATA_LOST, 0, true},
	{"an empty SYN tells nothing about data", "lel", "..S", 300, MEMORY_SYN_DATA_LOST, 0, true},
	{"neither does a failure without data", "lxl", "..S", 300, MEMORY_SYN_DATA_LOST, 0, true},
	{"then one is enough", "lll", ".SS", 600, MEMORY_SYN_DATA_LOST, 0, true},
	{"each doubles", "lllll", ".SSSS", 2400, MEMORY_SYN_DATA_LOST, 0, true},
	{"to 24 hours", "llllllllll", ".SSSSSSSSS", 76800, MEMORY_SYN_DATA_LOST, 0, true},
	{"and no more", "lllllllllll", ".SSSSSSSSSS", 86400, MEMORY_SYN_DATA_LOST, 0, true},
	{"for ever", "llllllllllllllllllll", ".SSSSSSSSSSSSSSSSSSS", 86400, MEMORY_SYN_DATA_LOST, 0,
	 true},
	{"a success clears", "llal", ".S..", 300, MEMORY_SYN_DATA_LOST, 1, true},
	{"all of it", "llllall", ".SSS..S", 300, MEMORY_SYN_DATA_LOST, 0, true},
	{"one reset", "r", ".", 0, MEMORY_SYN_DATA_RESET, 1, false},
	{"two resets", "rr", ".S", 300, MEMORY_SYN_DATA_RESET, 0, true},
	{"strikes of two kinds", "lr", ".S", 300, MEMORY_SYN_DATA_RESET, 0, true},
	{"a refusal counts twice, and is the server's", "f", "S", 300, MEMORY_SYN_DATA_REFUSED, 0,
	 false},
	{"a stall counts twice", "as", ".S", 300, MEMORY_STALLED, 0, true},
	{"a stall after a suspension", "llas", ".S.S", 300, MEMORY_STALLED, 0, true},
	{"seven of seven not acknowledged", "nnnnnnn", ".......", 0, MEMORY_NO_REASON, 0, false},
	{"eight of eight", "nnnnnnnn", ".......S", 300, MEMORY_NOT_ACKNOWLEDGED, 0, false},
	{"and eight more", "nnnnnnnnnnnnnnnn", ".......S.......S", 600, MEMORY_NOT_ACKNOWLEDGED, 0,
	 false},
	{"four of the last eight", "aaaannnn", "........", 0, MEMORY_NO_REASON, 0, false},
	{"five of the last eight", "aaaannnnn", "........S", 300, MEMORY_NOT_ACKNOWLEDGED, 0,
	 false},
	{"every other one", "anananananananan", "................", 0, MEMORY_NO_REASON, 0, false},
	{"what is longer ago than eight", "nnnnaaaaannnnn", ".............S", 300,
	 MEMORY_NOT_ACKNOWLEDGED, 0, false},
	{"three cookies in vain", "ccc", "...", 0, MEMORY_NO_REASON, 0, false},
	{"four cookies in vain", "cccc", "...S", 86400, MEMORY_NO_COOKIE, 0, false},
	{"one came meanwhile", "cccec", ".....", 0, MEMORY_NO_REASON, 0, false},
	{"and was used", "cccac", ".....", 0, MEMORY_NO_REASON, 0, false},
	{"no level comes of that", "ccccl", "...S.", 86400, MEMORY_SYN_DATA_LOST, 1, false},
	{"a lost request for a cookie", "C", ".", 0, MEMORY_COOKIE_REQUEST_LOST, 1, false},
	{"two of them", "CC", ".S", 300, MEMORY_COOKIE_REQUEST_LOST, 0, true},
	{"an empty SYN with a cookie counts", "CE", ".S", 300, MEMORY_COOKIE_REQUEST_LOST, 0, true},
	{"one went through meanwhile", "CcC", "...", 0, MEMORY_COOKIE_REQUEST_LOST, 1, false},
	{"with data lost", "Cl", ".S", 300, MEMORY_SYN_DATA_LOST, 0, true},
	{"ordinary failures", "xxxxxxxxxxxx", "............", 0, MEMORY_NO_REASON, 0, false},
	{"a request for a cookie that was never answered", "X", ".", 0, MEMORY_COOKIE_REQUEST_LOST,
	 1, false},
	{"a server that is silent", "XXXX", ".SSS", 1200, MEMORY_COOKIE_REQUEST_LOST, 0, false},
	{"many first ones at the same time", "qqqqqqqqqq", "..........", 0, MEMORY_NO_REASON, 0,
	 false},
	{"nothing but successes", "aaaaaaaaaaaa", "............", 0, MEMORY_NO_REASON, 0, false},
};

static void check_row(const struct row *row)
{
	struct standing standing = {0};
	uint32_t seconds = 0;
	bool suspicious = false;

	for (const char *at = row->connections; *at; at++) {
		struct judgement judgement = judge(standing, &experiences[(int)*at], 300);
		bool expected = row->suspended[at - row->connections] == 'S';

		check(judgement.suspend == expected, "%s: %ssuspended after connection %d",
		      row->what, expected ? "not " : "", (int)(at - row->connections) + 1);
		if (judgement.suspend) {
			seconds = judgement.suspend_for_s;
			suspicious = judgement.suspicious_path;
		}
		standing = judgement.standing;
	}
	check(seconds == row->seconds, "%s: for %u s, not %u", row->what, seconds, row->seconds);
	check(standing.reason == row->reason, "%s: reason %u, not %u", row->what,
	      (unsigned int)standing.reason, (unsigned int)row->reason);
	check(standing.strikes == row->strikes, "%s: %u strikes, not %u", row->what,
	      (unsigned int)standing.strikes, row->strikes);
	check(suspicious == row->suspicious_path, "%s: the path is %ssuspected", row->what,
	      suspicious ? "" : "not ");
}

static void check_base(void)
{
	static const uint32_t seconds[] = {7, 14, 28, 56};
	struct standing standing = {.strikes = 1};

	for (size_t i = 0; i < COUNT(seconds); i++) {
		struct judgement judgement = judge(standing, &experiences['l'], 7);

		check(judgement.suspend_for_s == seconds[i], "suspend=7, turn %zu: %u s", i,
		      judgement.suspend_for_s);
		standing = judgement.standing;
	}
}

/* xorshift: the same numbers everywhere. */
static uint32_t random_number(void)
{
	static uint32_t state = 2463534242u;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

/* Standings come from a file that others may have scribbled on. */
static void check_any_standing(void)
{
	static const char kinds[] = "anlrfscCxXeE";

	for (unsigned int i = 0; i < 200000; i++) {
		uint8_t bytes[sizeof(struct standing)] = {0};
		struct standing standing;
		struct judgement judgement;
		uint32_t base_s = random_number() % 86401;

		for (size_t j = 0; j < sizeof(bytes); j++)
			bytes[j] = (uint8_t)random_number();
		memcpy(&standing, bytes, sizeof(standing));
		judgement = judge(standing, &experiences[(int)kinds[i % strlen(kinds)]], base_s);
		check(!judgement.suspend || judgement.suspend_for_s <= SUSPENSION_MOST_S,
		      "suspended for %u s", judgement.suspend_for_s);
	}
}

/* However it began, a destination that fails again and again is suspended. */
static void check_recovery(void)
{
	for (unsigned int count = 0; count <= UINT8_MAX; count++) {
		struct standing standing = {.miss_count = (uint8_t)count, .asked = (uint8_t)count};
		unsigned int misses = 0, asks = 0;

		while (misses < 9 && !judge(standing, &experiences['n'], 300).suspend) {
			standing = judge(standing, &experiences['n'], 300).standing;
			misses++;
		}
		check(misses < 9, "a miss count of %u: never suspended", count);
		standing = (struct standing){.asked = (uint8_t)count};
		while (asks < 5 && !judge(standing, &experiences['c'], 300).suspend) {
			standing = judge(standing, &experiences['c'], 300).standing;
			asks++;
		}
		check(asks < 5, "%u cookies asked for: never suspended", count);
	}
}

int main(void)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		check_row(&rows[i]);
	check_base();
	check_any_standing();
	check_recovery();
	return check_result();
}
