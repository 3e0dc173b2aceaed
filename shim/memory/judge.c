/* SPDX-License-Identifier: MIT */
/* The rules of suspension. */
#include "shim/memory/judge.h"

#define STRIKES_TO_SUSPEND    2
#define LEVEL_MOST	      12
#define MISSES_KEPT	      8
#define MISSES_TO_SUSPEND     5 /* most of the last 8 */
#define COOKIES_ASKED_IN_VAIN 4

static unsigned int count_bits(uint8_t bits)
{
	unsigned int count = 0;

	for (; bits; bits &= (uint8_t)(bits - 1))
		count++;
	return count;
}

static uint32_t doubled(uint32_t base_s, unsigned int level)
{
	uint64_t seconds = (uint64_t)base_s << (level < LEVEL_MOST ? level : LEVEL_MOST);

	return seconds < SUSPENSION_MOST_S ? (uint32_t)seconds : SUSPENSION_MOST_S;
}

static void suspend(struct judgement *judgement, enum memory_reason reason, uint32_t base_s)
{
	struct standing *standing = &judgement->standing;

	judgement->suspend = true;
	judgement->suspend_for_s = doubled(base_s, standing->level);
	standing->reason = (uint8_t)reason;
	standing->strikes = 0;
	standing->misses = 0;
	standing->miss_count = 0;
	if (standing->level < LEVEL_MOST)
		standing->level++;
}

static void strike(struct judgement *judgement, enum memory_reason reason, unsigned int weight,
		   uint32_t base_s)
{
	struct standing *standing = &judgement->standing;
	unsigned int strikes = standing->strikes + weight;

	standing->reason = (uint8_t)reason;
	standing->strikes = (uint8_t)(strikes < UINT8_MAX ? strikes : UINT8_MAX);
	if (standing->strikes >= STRIKES_TO_SUSPEND || standing->level > 0) {
		suspend(judgement, reason, base_s);
		/* A server that is down says nothing about the path to others. */
		judgement->suspicious_path = reason != MEMORY_SYN_DATA_REFUSED;
	}
}

static void note_acknowledgement(struct judgement *judgement, bool acknowledged, uint32_t base_s)
{
	struct standing *standing = &judgement->standing;

	standing->misses = (uint8_t)(standing->misses << 1 | !acknowledged);
	if (standing->miss_count < MISSES_KEPT)
		standing->miss_count++;
	if (acknowledged) {
		standing->strikes = 0;
		standing->level = 0;
	} else if (standing->miss_count >= MISSES_KEPT &&
		   count_bits(standing->misses) >= MISSES_TO_SUSPEND) {
		suspend(judgement, MEMORY_NOT_ACKNOWLEDGED, base_s);
	}
}

static void judge_data(struct judgement *judgement, const struct experience *experience,
		       uint32_t base_s)
{
	judgement->standing.asked = 0;
	if (!experience->established)
		strike(judgement, MEMORY_SYN_DATA_REFUSED, 2, base_s);
	else if (experience->reset)
		strike(judgement, MEMORY_SYN_DATA_RESET, 1, base_s);
	else if (experience->retransmitted)
		strike(judgement, MEMORY_SYN_DATA_LOST, 1, base_s);
	else
		note_acknowledgement(judgement, experience->acknowledged, base_s);
}

/* A path that eats every SYN with the option shows it on SYNs without data, too. */
static void judge_empty(struct judgement *judgement, const struct experience *experience,
			uint32_t base_s)
{
	struct standing *standing = &judgement->standing;

	if (!experience->established && !experience->retransmitted)
		return; /* an ordinary failure, told to the program as ever */
	if (experience->retransmitted) {
		strike(judgement, MEMORY_COOKIE_REQUEST_LOST, 1, base_s);
		/* Unanswered for as long as its program waited: that may be the server. */
		judgement->suspicious_path = judgement->suspicious_path && experience->established;
		return;
	}
	if (standing->reason == MEMORY_COOKIE_REQUEST_LOST)
		standing->strikes = 0;
	if (experience->syn == SYN_EMPTY) {
		standing->asked = 0;
		return;
	}
	/* The first ones, perhaps many at the same time, could not have had one. */
	if (!experience->cookie_expected)
		return;
	if (standing->asked < UINT8_MAX)
		standing->asked++;
	if (standing->asked >= COOKIES_ASKED_IN_VAIN) {
		standing->asked = 0;
		standing->reason = MEMORY_NO_COOKIE;
		judgement->suspend = true;
		judgement->suspend_for_s = doubled(base_s, LEVEL_MOST);
	}
}

struct judgement judge(struct standing standing, const struct experience *experience,
		       uint32_t base_s)
{
	struct judgement judgement = {.standing = standing};

	if (experience->stalled)
		strike(&judgement, MEMORY_STALLED, 2, base_s);
	else if (experience->syn == SYN_CARRIED_DATA)
		judge_data(&judgement, experience, base_s);
	else
		judge_empty(&judgement, experience, base_s);
	return judgement;
}

bool carried_data(const struct experience *experience)
{
	return experience->syn == SYN_CARRIED_DATA && experience->established && !experience->reset;
}

bool saved_round_trip(const struct experience *experience)
{
	return carried_data(experience) && experience->acknowledged && !experience->retransmitted;
}
