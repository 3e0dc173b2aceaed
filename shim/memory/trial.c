/* SPDX-License-Identifier: MIT */
/* Two histograms a rule, and the comparison of their medians. */
#include "shim/memory/trial.h"

#include <string.h>

#include "shim/memory/judge.h"

/* The first bucket ends at 2^8 us; each octave has eight buckets of equal width; the last bucket
 * takes what is longer than a second. */
#define FIRST_OCTAVE 8u
#define OCTAVE_BITS  3u

static unsigned int bucket_of(uint64_t us)
{
	unsigned int octave, bucket;

	if (us >> FIRST_OCTAVE == 0)
		return 0;
	octave = 63u - (unsigned int)__builtin_clzll(us);
	bucket = ((octave - FIRST_OCTAVE) << OCTAVE_BITS) +
		 (unsigned int)(us >> (octave - OCTAVE_BITS) & ((1u << OCTAVE_BITS) - 1));
	return bucket < TRIAL_BUCKETS ? bucket : TRIAL_BUCKETS - 1;
}

/* The middle of a bucket. */
static uint32_t us_of(unsigned int bucket)
{
	unsigned int octave = FIRST_OCTAVE + (bucket >> OCTAVE_BITS);
	unsigned int step = bucket & ((1u << OCTAVE_BITS) - 1);

	return (1u << octave) + (2 * step + 1) * (1u << octave >> (OCTAVE_BITS + 1));
}

static uint32_t count_of(const _Atomic(uint32_t) buckets[TRIAL_BUCKETS])
{
	uint32_t count = 0;

	for (unsigned int i = 0; i < TRIAL_BUCKETS; i++)
		count += atomic_load(&buckets[i]);
	return count;
}

static unsigned int median_bucket(const _Atomic(uint32_t) buckets[TRIAL_BUCKETS], uint32_t count)
{
	uint32_t seen = 0;

	for (unsigned int i = 0; i < TRIAL_BUCKETS; i++) {
		seen += atomic_load(&buckets[i]);
		if (seen > count / 2)
			return i;
	}
	return TRIAL_BUCKETS - 1;
}

uint32_t trial_median(const _Atomic(uint32_t) buckets[TRIAL_BUCKETS], uint32_t *count)
{
	*count = count_of(buckets);
	return *count ? us_of(median_bucket(buckets, *count)) : 0;
}

/* FNV-1a. */
static uint64_t tag_of(const char *rule)
{
	uint64_t tag = 0xcbf29ce484222325ull;

	for (; *rule; rule++)
		tag = (tag ^ (unsigned char)*rule) * 0x100000001b3ull;
	return tag + (tag == 0);
}

static void note_text(struct memory_trial *trial, const char *rule)
{
	uint64_t words[sizeof(trial->text) / sizeof(trial->text[0])] = {0};

	memcpy(words, rule, strnlen(rule, sizeof(words)));
	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		atomic_store(&trial->text[i], words[i]);
}

/* The rule's record; `claim`: a free one if it has none yet. There is room for MEMORY_TRIALS rules;
 * others have no control group. */
static struct memory_trial *find(struct memory_file *file, const char *rule, bool claim)
{
	uint64_t tag = tag_of(rule);

	for (unsigned int i = 0; i < MEMORY_TRIALS; i++) {
		struct memory_trial *trial = &file->trials[i];
		uint64_t found = atomic_load(&trial->tag);

		if (found == 0 && claim && atomic_compare_exchange_strong(&trial->tag, &found, tag))
			note_text(trial, rule);
		else if (found != tag)
			continue;
		return trial;
	}
	return NULL;
}

/* Times that cannot be are no times. */
uint32_t trial_suspended_until(const struct memory_trial *trial, uint32_t now_s)
{
	uint32_t until = atomic_load(&trial->suspended_until_s);

	return until > now_s && until - now_s <= SUSPENSION_MOST_S ? until : 0;
}

bool trial_is_suspended(struct memory_file *file, const char *rule, uint32_t now_s)
{
	const struct memory_trial *trial = find(file, rule, false);

	return trial && trial_suspended_until(trial, now_s);
}

static bool has_lost(const struct memory_trial *trial)
{
	uint32_t treated = count_of(trial->treated), control = count_of(trial->control);

	return treated >= MEMORY_TRIAL_LEAST && control >= MEMORY_TRIAL_LEAST &&
	       median_bucket(trial->treated, treated) > median_bucket(trial->control, control);
}

/* After a suspension the comparison begins anew. */
static void start_over(struct memory_trial *trial)
{
	for (unsigned int i = 0; i < TRIAL_BUCKETS; i++) {
		atomic_store(&trial->treated[i], 0);
		atomic_store(&trial->control[i], 0);
	}
}

void trial_note(struct memory_file *file, const char *rule, bool control, uint64_t us,
		uint32_t now_s, uint32_t suspend_s)
{
	struct memory_trial *trial = find(file, rule, true);

	if (!trial)
		return;
	atomic_fetch_add(control ? &trial->control[bucket_of(us)] : &trial->treated[bucket_of(us)],
			 1);
	if (has_lost(trial)) {
		atomic_store(&trial->suspended_until_s, now_s + suspend_s);
		start_over(trial);
	}
}
