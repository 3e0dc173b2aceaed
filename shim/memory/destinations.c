/* SPDX-License-Identifier: MIT */
/*
 * Destinations in the memory: sets of eight, found by a tag. An entry is claimed by its tag and
 * believed by its address: whoever finds its own tag on an entry with another address (a claimer
 * was killed, or the file was scribbled on) makes it new before it uses it.
 */
#include "shim/memory/destinations.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "shim/memory/file.h"
#include "shim/memory/judge.h"
#include "shim/memory/place.h"
#include "shim/memory/servers.h"
#include "shim/memory/tally.h"
#include "shim/memory/trial.h"

/* Three suspensions of different destinations within this time: it is the path that we share. */
#define PAUSE_WINDOW_S	   60u
#define PAUSE_DESTINATIONS 3u
#define PAUSE_FACTOR	   12u /* of the first suspension: 1 h for 5 min */

#define RTT_MOST_US 10000000u

static uint32_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return (uint32_t)now.tv_sec;
}

static bool is_entry_of(const struct memory_entry *entry, const struct memory_place *key)
{
	return atomic_load_explicit(&entry->port, memory_order_acquire) ==
		       (key->port | MEMORY_PORT_SET) &&
	       atomic_load(&entry->address[0]) == key->address[0] &&
	       atomic_load(&entry->address[1]) == key->address[1];
}

/* The address comes last: until then nobody believes the entry. */
static void make_new(struct memory_entry *entry, const struct memory_place *key, uint32_t now)
{
	atomic_store(&entry->port, 0);
	atomic_store(&entry->last_success_s, 0);
	atomic_store(&entry->last_used_s, now);
	atomic_store(&entry->suspended_until_s, 0);
	atomic_store(&entry->standing, 0);
	atomic_store(&entry->rtt_us, 0);
	atomic_store(&entry->connections, 0);
	atomic_store(&entry->in_syn, 0);
	atomic_store(&entry->not_acknowledged, 0);
	atomic_store(&entry->lost, 0);
	atomic_store(&entry->failed, 0);
	atomic_store(&entry->round_trips_saved, 0);
	atomic_store(&entry->saved_us, 0);
	for (unsigned int i = 0; i < 8; i++)
		atomic_store(&entry->name[i], 0);
	atomic_store(&entry->address[0], key->address[0]);
	atomic_store(&entry->address[1], key->address[1]);
	atomic_store_explicit(&entry->port, key->port | MEMORY_PORT_SET, memory_order_release);
}

static unsigned int first_of_set(const struct memory_place *key)
{
	return (unsigned int)(key->tag & (MEMORY_SETS - 1)) * MEMORY_WAYS;
}

static struct memory_entry *find(struct memory_file *file, const struct memory_place *key)
{
	unsigned int first = first_of_set(key);

	for (unsigned int i = first; i < first + MEMORY_WAYS; i++)
		if (atomic_load_explicit(&file->tags[i], memory_order_acquire) == key->tag)
			return is_entry_of(&file->entries[i], key) ? &file->entries[i] : NULL;
	return NULL;
}

/* A free place of the set, else the one that was not used for the longest time. *before is the tag
 * for which it was chosen. */
static unsigned int place_for(struct memory_file *file, const struct memory_place *key,
			      uint64_t *before)
{
	unsigned int first = first_of_set(key), stalest = first;
	uint32_t oldest = UINT32_MAX;

	for (unsigned int i = first; i < first + MEMORY_WAYS; i++) {
		uint64_t tag = atomic_load(&file->tags[i]);
		uint32_t used = atomic_load(&file->entries[i].last_used_s);

		if (i == first || tag == 0 || tag == key->tag || used < oldest) {
			oldest = used;
			stalest = i;
			*before = tag;
		}
		if (tag == 0 || tag == key->tag)
			break;
	}
	return stalest;
}

static struct memory_entry *find_or_claim(struct memory_file *file, const struct memory_place *key,
					  uint32_t now)
{
	struct memory_entry *entry = find(file, key);
	unsigned int place;
	uint64_t before = 0;

	if (entry)
		return entry;
	place = place_for(file, key, &before);
	entry = &file->entries[place];
	if (!memory_file_has_room(entry, sizeof(*entry)))
		return NULL;
	/* Lost to somebody else's destination: this one is learned another time. */
	if (!atomic_compare_exchange_strong(&file->tags[place], &before, key->tag))
		return find(file, key);
	make_new(entry, key, now);
	return entry;
}

/* Times in the file that cannot be are no times. */
static bool is_suspended(uint32_t until_s, uint32_t now)
{
	return until_s > now && until_s - now <= SUSPENSION_MOST_S;
}

static bool is_fresh(uint32_t success_s, uint32_t now)
{
	return success_s != 0 && success_s <= now && now - success_s <= MEMORY_FRESH_S;
}

static uint32_t believable_rtt(const struct memory_entry *entry)
{
	uint32_t rtt = atomic_load(&entry->rtt_us);

	return rtt <= RTT_MOST_US ? rtt : 0;
}

void memory_configure(const char *setting, const char *runtime)
{
	memory_file_configure(setting, runtime);
}

enum advice memory_advice(const struct sockaddr *address, socklen_t length,
			  const struct policy_rule *rule, uint32_t *rtt_us)
{
	enum advice unknown = rule->verify ? ADVICE_VERIFY : ADVICE_HOLD;
	struct memory_file *file = memory_file();
	struct memory_entry *entry;
	struct memory_place key;
	uint32_t now = now_s();

	*rtt_us = 0;
	if (!file || !memory_place_of(address, length, &key))
		return unknown;
	if (is_suspended(atomic_load(&file->header.paused_until_s), now))
		return ADVICE_PLAIN;
	if (rule->control_share && trial_is_suspended(file, rule->text, now))
		return ADVICE_PLAIN;
	entry = find(file, &key);
	if (!entry)
		return unknown;
	if (is_suspended(atomic_load(&entry->suspended_until_s), now))
		return ADVICE_PLAIN;
	*rtt_us = believable_rtt(entry);
	if (!is_fresh(atomic_load(&entry->last_success_s), now))
		return unknown;
	if (*rtt_us && *rtt_us < rule->minrtt_us)
		return ADVICE_NO_GAIN;
	return ADVICE_HOLD;
}

static struct standing standing_of(uint64_t word)
{
	struct standing standing;

	memcpy(&standing, &word, sizeof(standing));
	if (standing.reason >= MEMORY_REASONS)
		standing.reason = MEMORY_NO_REASON;
	return standing;
}

static uint64_t word_of(struct standing standing)
{
	uint64_t word = 0;

	_Static_assert(sizeof(standing) <= sizeof(word), "a standing is one word");
	memcpy(&word, &standing, sizeof(standing));
	return word;
}

static struct judgement apply_judgement(struct memory_entry *entry,
					const struct experience *experience, uint32_t base_s)
{
	uint64_t before = atomic_load(&entry->standing);
	struct judgement judgement;

	do
		judgement = judge(standing_of(before), experience, base_s);
	while (!atomic_compare_exchange_weak(&entry->standing, &before,
					     word_of(judgement.standing)));
	return judgement;
}

static uint32_t pause_s(uint32_t base_s)
{
	uint32_t pause = base_s * PAUSE_FACTOR; /* base_s is at most a day */

	return pause < SUSPENSION_MOST_S ? pause : SUSPENSION_MOST_S;
}

/* Several destinations failing together mean that the path is at fault: everything rests. */
static void note_suspension(struct memory_file *file, const struct memory_place *key, uint32_t now,
			    uint32_t base_s)
{
	uint32_t mark = (uint32_t)key->tag, marks[MEMORY_SUSPENSIONS] = {0}, others = 0;
	unsigned int slot = atomic_fetch_add(&file->header.suspension_count, 1);

	atomic_store(&file->header.suspensions[slot % MEMORY_SUSPENSIONS],
		     (uint64_t)now << 32 | mark);
	for (unsigned int i = 0; i < MEMORY_SUSPENSIONS; i++) {
		uint64_t noted = atomic_load(&file->header.suspensions[i]);
		uint32_t when = (uint32_t)(noted >> 32);
		bool counted = when > now || now - when > PAUSE_WINDOW_S;

		for (unsigned int j = 0; j < others && !counted; j++)
			counted = marks[j] == (uint32_t)noted;
		if (!counted)
			marks[others++] = (uint32_t)noted;
	}
	if (others >= PAUSE_DESTINATIONS)
		atomic_store(&file->header.paused_until_s, now + pause_s(base_s));
}

static void add(_Atomic(uint32_t) *counter, bool happened, uint32_t times)
{
	if (happened)
		atomic_fetch_add_explicit(counter, times, memory_order_relaxed);
}

static void note_rtt(struct memory_entry *entry, uint32_t rtt_us)
{
	uint32_t before = believable_rtt(entry);

	if (rtt_us == 0 || rtt_us > RTT_MOST_US)
		return;
	atomic_store(&entry->rtt_us, before ? (uint32_t)((3ull * before + rtt_us) / 4) : rtt_us);
}

static void note_name(struct memory_entry *entry, const char *name)
{
	uint64_t words[8] = {0};

	if (!name)
		return;
	memcpy(words, name, strnlen(name, sizeof(words)));
	for (unsigned int i = 0; i < 8; i++)
		if (atomic_load(&entry->name[i]) != words[i])
			atomic_store(&entry->name[i], words[i]);
}

static void note_counts(struct memory_entry *entry, const struct experience *experience,
			uint32_t times)
{
	bool data = carried_data(experience), saved = saved_round_trip(experience);

	add(&entry->connections, true, times);
	add(&entry->in_syn, data, times);
	add(&entry->not_acknowledged,
	    data && !experience->acknowledged && !experience->retransmitted, times);
	add(&entry->lost, experience->retransmitted, times);
	add(&entry->failed, !experience->established || experience->reset, times);
	add(&entry->round_trips_saved, saved, times);
	if (saved)
		atomic_fetch_add(&entry->saved_us, (uint64_t)times * believable_rtt(entry));
}

static void record(const struct sockaddr *address, socklen_t length, const struct policy_rule *rule,
		   const struct experience *experience, const char *name, uint32_t times)
{
	struct memory_file *file = memory_file();
	struct memory_entry *entry;
	struct judgement judgement = {0};
	struct memory_place key;
	uint32_t now = now_s();

	if (!file || !memory_place_of(address, length, &key) ||
	    !(entry = find_or_claim(file, &key, now))) {
		tally_note(experience, experience->rtt_us, false);
		return;
	}
	atomic_store(&entry->last_used_s, now);
	if (!experience->stalled) {
		/* A destination that did not answer is not known to be good any more. */
		atomic_store(&entry->last_success_s, experience->established ? now : 0);
		if (!experience->retransmitted)
			note_rtt(entry, experience->rtt_us);
		note_counts(entry, experience, times);
		note_name(entry, name);
	}
	/* What has gone well is forgotten after the last eight. */
	for (uint32_t i = 0; i < times && i < 8; i++)
		judgement = apply_judgement(entry, experience, rule->suspend_s);
	if (judgement.suspend) {
		atomic_store(&entry->suspended_until_s, now + judgement.suspend_for_s);
		if (judgement.suspicious_path)
			note_suspension(file, &key, now, rule->suspend_s);
	}
	tally_note(experience, believable_rtt(entry), judgement.suspend);
}

void memory_record(const struct sockaddr *address, socklen_t length, const struct policy_rule *rule,
		   const struct experience *experience, const char *name)
{
	record(address, length, rule, experience, name, 1);
}

void memory_record_several(const struct sockaddr *address, socklen_t length,
			   const struct policy_rule *rule, const struct experience *success,
			   uint32_t count)
{
	record(address, length, rule, success, NULL, count);
}

void memory_record_first_byte(const struct policy_rule *rule, bool control, uint64_t us)
{
	struct memory_file *file = memory_file();

	if (file)
		trial_note(file, rule->text, control, us, now_s(), pause_s(rule->suspend_s));
}

static void address_of(const struct memory_entry *entry, struct remembered *remembered)
{
	const struct memory_place place = {
		.address = {atomic_load(&entry->address[0]), atomic_load(&entry->address[1])},
		.port = atomic_load(&entry->port) & 0xffff,
	};

	memory_address_of(&place, &remembered->address);
}

/* Whatever stands there, only what may stand in a text is passed on. `text` has room for one byte
 * more than the words. */
static void text_of(const _Atomic(uint64_t) *words, size_t count, char *text)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t word = atomic_load(&words[i]);

		memcpy(text + i * sizeof(word), &word, sizeof(word));
	}
	text[count * sizeof(*words)] = '\0';
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static struct remembered recall(const struct memory_entry *entry)
{
	struct standing standing = standing_of(atomic_load(&entry->standing));
	struct remembered remembered = {
		.last_success_s = atomic_load(&entry->last_success_s),
		.last_used_s = atomic_load(&entry->last_used_s),
		.suspended_until_s = atomic_load(&entry->suspended_until_s),
		.reason = (enum memory_reason)standing.reason,
		.strikes = standing.strikes,
		.rtt_us = believable_rtt(entry),
		.connections = atomic_load(&entry->connections),
		.in_syn = atomic_load(&entry->in_syn),
		.not_acknowledged = atomic_load(&entry->not_acknowledged),
		.lost = atomic_load(&entry->lost),
		.failed = atomic_load(&entry->failed),
		.round_trips_saved = atomic_load(&entry->round_trips_saved),
		.saved_us = atomic_load(&entry->saved_us),
	};

	if (!is_suspended(remembered.suspended_until_s, now_s()))
		remembered.suspended_until_s = 0;
	address_of(entry, &remembered);
	text_of(entry->name, 8, remembered.name);
	return remembered;
}

/* Entries whose tag is not that of their address are nobody's. */
static bool is_in_use(struct memory_file *file, unsigned int place)
{
	const struct memory_entry *entry = &file->entries[place];
	struct remembered remembered;
	struct memory_place key;

	if (atomic_load(&file->tags[place]) == 0 || !(atomic_load(&entry->port) & MEMORY_PORT_SET))
		return false;
	memset(&remembered, 0, sizeof(remembered));
	address_of(entry, &remembered);
	return memory_place_of(&remembered.address.any, sizeof(remembered.address), &key) &&
	       key.tag == atomic_load(&file->tags[place]);
}

unsigned int memory_each(void (*visit)(const struct remembered *remembered, void *context),
			 void *context)
{
	struct memory_file *file = memory_file();
	unsigned int count = 0;

	for (unsigned int i = 0; file && i < MEMORY_ENTRIES; i++) {
		struct remembered remembered;

		if (!is_in_use(file, i))
			continue;
		remembered = recall(&file->entries[i]);
		visit(&remembered, context);
		count++;
	}
	return count;
}

void memory_each_trial(void (*visit)(const struct remembered_trial *trial, void *context),
		       void *context)
{
	struct memory_file *file = memory_file();

	for (unsigned int i = 0; file && i < MEMORY_TRIALS; i++) {
		const struct memory_trial *trial = &file->trials[i];
		struct remembered_trial remembered = {0};

		if (atomic_load(&trial->tag) == 0)
			continue;
		text_of(trial->text, 16, remembered.rule);
		remembered.suspended_until_s = trial_suspended_until(trial, now_s());
		remembered.treated_median_us =
			trial_median(trial->treated, &remembered.treated_count);
		remembered.control_median_us =
			trial_median(trial->control, &remembered.control_count);
		visit(&remembered, context);
	}
}

static bool is_wanted(const struct memory_entry *entry, const struct memory_place *key)
{
	return atomic_load(&entry->address[0]) == key->address[0] &&
	       atomic_load(&entry->address[1]) == key->address[1] &&
	       (key->port == 0 || (atomic_load(&entry->port) & 0xffff) == key->port);
}

/* With the suspensions that count towards another. */
static void forget_pause(struct memory_file *file)
{
	for (unsigned int i = 0; i < MEMORY_SUSPENSIONS; i++)
		atomic_store(&file->header.suspensions[i], 0);
	atomic_store(&file->header.paused_until_s, 0);
}

unsigned int memory_forget(const struct sockaddr *address, socklen_t length)
{
	struct memory_file *file = memory_file();
	unsigned int count = 0;
	struct memory_place key;

	if (!file || (address && !memory_place_of(address, length, &key)))
		return 0;
	if (!address) {
		forget_pause(file);
		memory_forget_servers();
	}
	for (unsigned int i = 0; i < MEMORY_ENTRIES; i++) {
		if (atomic_load(&file->tags[i]) == 0 ||
		    (address && !is_wanted(&file->entries[i], &key)))
			continue;
		count += is_in_use(file, i);
		atomic_store(&file->entries[i].port, 0);
		atomic_store(&file->tags[i], 0);
	}
	return count;
}

uint32_t memory_paused_until(void)
{
	struct memory_file *file = memory_file();
	uint32_t until = file ? atomic_load(&file->header.paused_until_s) : 0;

	return is_suspended(until, now_s()) ? until : 0;
}

const char *memory_path(void)
{
	return memory_file_path();
}

const char *memory_reason_text(enum memory_reason reason)
{
	static const char *const texts[MEMORY_REASONS] = {
		[MEMORY_NO_REASON] = "",
		[MEMORY_SYN_DATA_LOST] = "SYN with data lost",
		[MEMORY_SYN_DATA_RESET] = "SYN with data reset",
		[MEMORY_SYN_DATA_REFUSED] = "no connection",
		[MEMORY_STALLED] = "stalled after SYN data",
		[MEMORY_COOKIE_REQUEST_LOST] = "cookie request lost",
		[MEMORY_NOT_ACKNOWLEDGED] = "SYN data not acknowledged",
		[MEMORY_NO_COOKIE] = "no cookie given",
	};

	return reason < MEMORY_REASONS ? texts[reason] : "";
}
