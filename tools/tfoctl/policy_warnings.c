/* SPDX-License-Identifier: MIT */
/*
 * Rules that are right and look wrong. For each destination the ports that rules have decided so
 * far are kept as intervals, each with its rule; a rule adds those that are left, and if none are,
 * it can never match. Which destinations cover which is asked by hash, one prefix length or one
 * label at a time, so that a hundred thousand rules are no trouble.
 */
#include "policy.h"

#include "policy/key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Memory that runs out ends the search, and what was not found is not warned of. */
#define uthash_fatal(message) ((void)0)
#define HASH_NONFATAL_OOM     1
#include <uthash.h>

/* A port range is looked at in at most so many pieces: who writes more than that is not helped by
 * a warning. */
#define PIECES_MOST 128

struct interval {
	unsigned int first, last;
	const struct policy_rule *rule; /* that decides for these ports */
};

/* Destination and program, as bytes. */
struct subject {
	size_t length;
	char bytes[600];
};

/* What is decided for one destination and one program, or all. */
struct decided {
	UT_hash_handle hh;
	struct interval *intervals; /* in order, apart from each other */
	size_t count;
	char key[];
};

struct search {
	struct decided *table;
	bool lengths[2][129]; /* of the prefixes that occur, of IPv4 and of IPv6 */
	rule_warning *warn;
	void *context;
};

/* The destinations that cover that of a rule, itself among them, for one program or all. */
#define COVERS_MOST 260
struct covers {
	struct decided *of[COVERS_MOST];
	size_t count;
};

static void add_bytes(struct subject *key, const void *bytes, size_t length)
{
	memcpy(key->bytes + key->length, bytes, length);
	key->length += length;
}

static void add_program(struct subject *key, const char *program)
{
	if (program)
		add_bytes(key, program, strlen(program));
}

static void key_of_any(struct subject *key, const char *program)
{
	*key = (struct subject){0};
	add_bytes(key, "*", 2);
	add_program(key, program);
}

/* `name` as rules have it: a suffix with its dot. */
static void key_of_name(struct subject *key, const char *name, const char *program)
{
	*key = (struct subject){0};
	add_bytes(key, name, strlen(name) + 1);
	add_program(key, program);
}

static void key_of_network(struct subject *key, const struct policy_rule *rule, unsigned int bits,
			   const char *program)
{
	uint8_t network[16];
	uint8_t header[3] = {'/', (uint8_t)(rule->family == AF_INET6), (uint8_t)bits};

	memcpy(network, rule->network, sizeof(network));
	for (unsigned int i = bits / 8; i < sizeof(network); i++)
		network[i] &= i == bits / 8 ? (uint8_t)(0xff00 >> bits % 8) : 0;
	*key = (struct subject){0};
	add_bytes(key, header, sizeof(header));
	add_bytes(key, network, sizeof(network));
	add_program(key, program);
}

static void key_of(struct subject *key, const struct policy_rule *rule)
{
	if (rule->destination == POLICY_ANY_HOST)
		key_of_any(key, rule->program);
	else if (rule->destination == POLICY_NETWORK)
		key_of_network(key, rule, rule->prefix_bits, rule->program);
	else
		key_of_name(key, rule->name, rule->program);
}

static void look_up(const struct search *search, struct covers *covers, const struct subject *key)
{
	struct decided *found;

	HASH_FIND(hh, search->table, key->bytes, key->length, found);
	if (found && covers->count < COVERS_MOST)
		covers->of[covers->count++] = found;
}

static void look_up_networks(const struct search *search, struct covers *covers,
			     const struct policy_rule *rule, const char *program)
{
	struct subject key;

	for (unsigned int bits = 0; bits <= rule->prefix_bits; bits++) {
		if (!search->lengths[rule->family == AF_INET6][bits])
			continue;
		key_of_network(&key, rule, bits, program);
		look_up(search, covers, &key);
	}
}

/* The name itself, and each suffix that it ends in. */
static void look_up_names(const struct search *search, struct covers *covers,
			  const struct policy_rule *rule, const char *program)
{
	struct subject key;

	key_of_name(&key, rule->name, program);
	look_up(search, covers, &key);
	for (const char *dot = strchr(rule->name + 1, '.'); dot; dot = strchr(dot + 1, '.')) {
		key_of_name(&key, dot, program);
		look_up(search, covers, &key);
	}
}

static void look_up_covers(const struct search *search, struct covers *covers,
			   const struct policy_rule *rule, const char *program)
{
	struct subject key;

	key_of_any(&key, program);
	look_up(search, covers, &key);
	if (rule->destination == POLICY_NETWORK)
		look_up_networks(search, covers, rule, program);
	else if (rule->destination != POLICY_ANY_HOST)
		look_up_names(search, covers, rule, program);
}

/* The first interval that ends at or behind a port. */
static size_t place_of(const struct decided *decided, unsigned int port)
{
	size_t low = 0, high = decided->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (decided->intervals[middle].last < port)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Of the intervals that a port is in, the one whose rule stands first. */
static const struct interval *decision_at(const struct covers *covers, unsigned int port)
{
	const struct interval *found = NULL;

	for (size_t i = 0; i < covers->count; i++) {
		const struct decided *decided = covers->of[i];
		size_t place = place_of(decided, port);
		const struct interval *at = &decided->intervals[place];

		if (place < decided->count && at->first <= port &&
		    (!found || at->rule->position < found->rule->position))
			found = at;
	}
	return found;
}

/* Who decides for the ports of a rule before it. */
struct verdict {
	const struct policy_rule *first; /* one of them, NULL: nobody for some port */
	bool is_one;			 /* and it alone */
	bool is_mixed;			 /* some of them say otherwise than the rule */
	unsigned int pieces;
};

static bool decide_range(const struct covers *covers, struct policy_ports ports,
			 const struct policy_rule *rule, struct verdict *verdict)
{
	unsigned int port = ports.first;

	while (port <= ports.last) {
		const struct interval *at = decision_at(covers, port);

		if (!at || ++verdict->pieces > PIECES_MOST)
			return false;
		if (!verdict->first)
			verdict->first = at->rule;
		verdict->is_one &= verdict->first == at->rule;
		verdict->is_mixed |= at->rule->verb != rule->verb;
		port = at->last + 1;
	}
	return true;
}

static struct policy_ports range_of(const struct policy_rule *rule, size_t i)
{
	return rule->port_count ? rule->ports[i] : (struct policy_ports){1, UINT16_MAX};
}

static size_t range_count(const struct policy_rule *rule)
{
	return rule->port_count ? rule->port_count : 1;
}

static bool is_decided(const struct search *search, const struct policy_rule *rule,
		       struct verdict *verdict)
{
	struct covers covers = {.count = 0};

	look_up_covers(search, &covers, rule, NULL);
	if (rule->program)
		look_up_covers(search, &covers, rule, rule->program);
	*verdict = (struct verdict){.is_one = true};
	for (size_t i = 0; i < range_count(rule); i++) {
		if (!decide_range(&covers, range_of(rule, i), rule, verdict))
			return false;
	}
	return verdict->first != NULL;
}

/* Puts an interval where it belongs; there is nothing of it yet. */
static bool insert(struct decided *decided, struct interval interval)
{
	size_t place = place_of(decided, interval.first);
	struct interval *more = decided->intervals;

	if ((decided->count & (decided->count - 1)) == 0)
		more = reallocarray(more, decided->count ? 2 * decided->count : 1, sizeof(*more));
	if (!more)
		return false;
	decided->intervals = more;
	memmove(more + place + 1, more + place, (decided->count - place) * sizeof(*more));
	more[place] = interval;
	decided->count++;
	return true;
}

/* Adds what of the ports is not decided yet. */
static void add_range(struct decided *decided, struct policy_ports ports,
		      const struct policy_rule *rule)
{
	unsigned int port = ports.first, end;

	while (port <= ports.last) {
		size_t place = place_of(decided, port);
		const struct interval *next = &decided->intervals[place];

		if (place < decided->count && next->first <= port) {
			port = next->last + 1;
			continue;
		}
		end = place < decided->count && next->first <= ports.last ? next->first - 1
									  : ports.last;
		if (!insert(decided, (struct interval){port, end, rule}))
			return;
		port = end + 1;
	}
}

static struct decided *decided_for(struct search *search, const struct policy_rule *rule)
{
	struct decided *decided;
	struct subject key;

	key_of(&key, rule);
	HASH_FIND(hh, search->table, key.bytes, key.length, decided);
	if (decided)
		return decided;
	decided = calloc(1, sizeof(*decided) + key.length);
	if (!decided)
		return NULL;
	memcpy(decided->key, key.bytes, key.length);
	HASH_ADD_KEYPTR(hh, search->table, decided->key, key.length, decided);
	return decided;
}

static void add_rule(struct search *search, const struct policy_rule *rule)
{
	struct decided *decided = decided_for(search, rule);

	if (!decided)
		return;
	if (rule->destination == POLICY_NETWORK)
		search->lengths[rule->family == AF_INET6][rule->prefix_bits] = true;
	for (size_t i = 0; i < range_count(rule); i++)
		add_range(decided, range_of(rule, i), rule);
}

static const char *has_decided(const struct policy_rule *rule)
{
	switch (rule->verb) {
	case POLICY_ALLOW:
		return "allows";
	case POLICY_DENY:
		return "denies";
	case POLICY_LISTEN:
		break;
	}
	return "is for";
}

static void warn_of_shadow(const struct search *search, const struct policy_rule *rule,
			   const struct verdict *verdict)
{
	const struct policy_rule *first = verdict->first;
	char sentence[512];

	if (verdict->is_one)
		snprintf(sentence, sizeof(sentence),
			 "this rule never matches: %s:%u %s all that it names%s", first->file,
			 first->line, has_decided(first), verdict->is_mixed ? "" : " as well");
	else
		snprintf(sentence, sizeof(sentence),
			 "this rule never matches: %s:%u and other rules before this one decide "
			 "for all that it names%s",
			 first->file, first->line,
			 verdict->is_mixed ? ", some of them the other way" : "");
	search->warn(rule, sentence, search->context);
}

/* ---- what rides where it should not ---- */

static const struct {
	uint16_t port;
	const char *service;
} speak_first[] = {
	{21, "ftp"},	 {22, "ssh"},	{23, "telnet"}, {24, "lmtp"},	     {25, "smtp"},
	{110, "pop3"},	 {119, "nntp"}, {143, "imap"},	{587, "submission"}, {3306, "mysql"},
	{4190, "sieve"}, {5900, "vnc"}, {6600, "mpd"},
};

/* In a longer range a port is there by chance. */
#define MEANT_WIDTH 16

static const uint16_t tls_ports[] = {443, 465, 563, 636, 853,  989,  990,
				     992, 993, 994, 995, 5671, 8443, 8883};

/* Whether a rule names a port, in a range of at most so many. */
static bool has_port(const struct policy_rule *rule, uint16_t port, unsigned int widest)
{
	for (size_t i = 0; i < range_count(rule); i++) {
		struct policy_ports range = range_of(rule, i);

		if (port >= range.first && port <= range.last &&
		    (unsigned int)range.last - range.first < widest)
			return true;
	}
	return false;
}

static void warn_of_first_word(const struct search *search, const struct policy_rule *rule)
{
	char sentence[256];

	for (size_t i = 0; i < sizeof(speak_first) / sizeof(*speak_first); i++) {
		if (!has_port(rule, speak_first[i].port, UINT16_MAX))
			continue;
		snprintf(sentence, sizeof(sentence),
			 "on port %u (%s) the server speaks first: nothing can be gained there",
			 speak_first[i].port, speak_first[i].service);
		search->warn(rule, sentence, search->context);
		return;
	}
}

static void warn_of_tls(const struct search *search, const struct policy_rule *rule)
{
	char sentence[256];

	for (size_t i = 0; i < sizeof(tls_ports) / sizeof(*tls_ports); i++) {
		if (!has_port(rule, tls_ports[i], MEANT_WIDTH))
			continue;
		snprintf(sentence, sizeof(sentence),
			 "port %u is for TLS: any lets early data ride, which the server may act "
			 "on twice; tls does not",
			 tls_ports[i]);
		search->warn(rule, sentence, search->context);
		return;
	}
}

static void free_search(struct search *search)
{
	struct decided *decided = search->table, *next;

	HASH_CLEAR(hh, search->table); /* its buckets; what is in them is still chained */
	for (; decided; decided = next) {
		next = decided->hh.next;
		free(decided->intervals);
		free(decided);
	}
}

/* ---- keys ---- */

/* As this user finds it: the library says the same of it, but only to the log of the server. */
static void warn_of_key(const struct search *search, const struct policy_rule *rule)
{
	struct policy_problem problem = {.file = ""};
	char sentence[600];
	struct key key;

	if (!rule->key || key_read(rule->key, &key, &problem) == 0)
		return;
	snprintf(sentence, sizeof(sentence), "its key does not count: %s: %s", problem.file,
		 problem.sentence);
	search->warn(rule, sentence, search->context);
}

/* ---- together ---- */

static void warn_of_options(const struct search *search, const struct policy_rule *rule)
{
	if (rule->payload == POLICY_PAYLOAD_ANY || rule->payload == POLICY_PAYLOAD_PREFIX)
		warn_of_first_word(search, rule);
	if (rule->payload == POLICY_PAYLOAD_ANY)
		warn_of_tls(search, rule);
	warn_of_key(search, rule);
}

/* Rules that are asked one after the other, and so may stand in each other's way. */
static void look_through(const struct policy_rule *rule, rule_warning *warn, void *context)
{
	struct search search = {.warn = warn, .context = context};
	struct verdict verdict;

	for (; rule; rule = rule->next) {
		if (is_decided(&search, rule, &verdict)) {
			warn_of_shadow(&search, rule, &verdict);
			continue;
		}
		add_rule(&search, rule);
		warn_of_options(&search, rule);
	}
	free_search(&search);
}

void find_rule_warnings(const struct policy *policy, rule_warning *warn, void *context)
{
	look_through(policy_first_rule(policy), warn, context);
	look_through(policy_first_listen_rule(policy), warn, context);
}
