/* SPDX-License-Identifier: MIT */
/*
 * A slot for each of a few destinations, one of two. Each has a lock that nobody waits for: who
 * finds it taken (another thread; a signal handler, by what it interrupted) asks and tells the
 * memory itself.
 */
#include "shim/memory/recent.h"

#include <string.h>

#include "shim/clock.h"

#define SLOTS 64u

/* How much a slot gathers before it is written down. */
#define BEHIND_MOST 1024u

struct slot {
	_Atomic(bool) taken;
	struct memory_place place;
	const struct policy_rule *rule;
	uint64_t tick; /* of the clock; 0: nothing is known */
	uint32_t rtt_us;
	uint32_t behind;	      /* successes that are not written down */
	struct experience experience; /* the last one of them */
	union memory_address address;
	socklen_t length;
};

static struct slot slots[SLOTS];
static _Atomic(bool) is_behind; /* some slot may be */

static void give_back(struct slot *slot)
{
	atomic_store_explicit(&slot->taken, false, memory_order_release);
}

static bool is_at(const struct slot *slot, const struct memory_place *place)
{
	return slot->place.tag == place->tag && slot->place.port == place->port &&
	       slot->place.address[0] == place->address[0] &&
	       slot->place.address[1] == place->address[1];
}

static bool is_of(const struct slot *slot, const struct memory_place *place,
		  const struct policy_rule *rule)
{
	return slot->tick == clock_coarse_ns() && slot->rule == rule && is_at(slot, place);
}

/* The destination's slot, taken, or another that it may have; NULL: there is none at this moment.
 */
static struct slot *take(const struct memory_place *place)
{
	const uint64_t choices[] = {place->tag, place->tag / SLOTS};
	struct slot *other = NULL;

	for (unsigned int i = 0; i < 2; i++) {
		struct slot *slot = &slots[choices[i] % SLOTS];

		if (atomic_exchange_explicit(&slot->taken, true, memory_order_acquire))
			continue;
		if (is_at(slot, place)) {
			if (other)
				give_back(other);
			return slot;
		}
		if (!other && slot->tick != clock_coarse_ns())
			other = slot;
		else
			give_back(slot);
	}
	return other;
}

static void write_down(struct slot *slot)
{
	uint32_t count = slot->behind;

	slot->behind = 0;
	if (count)
		memory_record_several(&slot->address.any, slot->length, slot->rule,
				      &slot->experience, count);
}

static void remember_good(struct slot *slot, const struct memory_place *place,
			  const struct sockaddr *address, socklen_t length,
			  const struct policy_rule *rule, uint32_t rtt_us)
{
	slot->tick = clock_coarse_ns();
	slot->place = *place;
	slot->rule = rule;
	slot->rtt_us = rtt_us;
	slot->length = length;
	memcpy(&slot->address, address, length);
}

enum advice recent_advice(const struct sockaddr *address, socklen_t length,
			  const struct policy_rule *rule, uint32_t *rtt_us)
{
	enum advice advice = ADVICE_HOLD;
	struct memory_place place;
	struct slot *slot = NULL;

	/* A control group can be suspended by each connection. */
	if (!rule->control_share && length <= sizeof(union memory_address) &&
	    memory_place_of(address, length, &place))
		slot = take(&place);
	if (!slot)
		return memory_advice(address, length, rule, rtt_us);
	if (is_of(slot, &place, rule)) {
		*rtt_us = slot->rtt_us;
	} else {
		write_down(slot);
		slot->tick = 0;
		advice = memory_advice(address, length, rule, rtt_us);
		/* Only what is remembered: the first contact is to be written down at once. */
		if (advice == ADVICE_HOLD && *rtt_us)
			remember_good(slot, &place, address, length, rule, *rtt_us);
	}
	give_back(slot);
	return advice;
}

static bool has_gone_well(const struct experience *experience)
{
	return experience->syn == SYN_CARRIED_DATA && experience->established &&
	       experience->acknowledged && !experience->retransmitted && !experience->reset &&
	       !experience->stalled;
}

bool recent_note(const struct sockaddr *address, socklen_t length, const struct policy_rule *rule,
		 const struct experience *experience)
{
	struct memory_place place;
	struct slot *slot;
	bool noted;

	if (length > sizeof(union memory_address) || !memory_place_of(address, length, &place))
		return false;
	slot = take(&place);
	if (!slot)
		return false;
	noted = has_gone_well(experience) && is_of(slot, &place, rule) &&
		slot->behind < BEHIND_MOST;
	if (noted) {
		slot->experience = *experience;
		slot->behind++;
		atomic_store(&is_behind, true);
	} else {
		write_down(slot);
		slot->tick = 0;
	}
	give_back(slot);
	return noted;
}

bool recent_is_behind(void)
{
	return atomic_load_explicit(&is_behind, memory_order_relaxed);
}

void recent_flush(void)
{
	if (!recent_is_behind() || !atomic_exchange(&is_behind, false))
		return;
	for (unsigned int i = 0; i < SLOTS; i++) {
		if (atomic_exchange_explicit(&slots[i].taken, true, memory_order_acquire)) {
			atomic_store(&is_behind, true);
			continue;
		}
		write_down(&slots[i]);
		give_back(&slots[i]);
	}
}

void recent_after_fork(void)
{
	atomic_store(&is_behind, false);
	for (unsigned int i = 0; i < SLOTS; i++) {
		slots[i].behind = 0;
		slots[i].tick = 0;
		give_back(&slots[i]);
	}
}
