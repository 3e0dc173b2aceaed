/* SPDX-License-Identifier: MIT */
/* A small table, in which destinations may evict each other: then one is held once or twice more.
 */
#include "habits.h"

#include <stddef.h>
#include <stdint.h>

#define PLACES	  256
#define IN_VAIN	  2  /* so many deadlines in a row */
#define TRY_EVERY 16 /* connections */

struct habit {
	uint64_t tag;
	unsigned int in_vain, released;
};

static struct habit habits[PLACES];

/* NULL: another destination has the place. */
static struct habit *habit_of(const union memory_address *address, uint64_t *tag)
{
	struct memory_place place;
	struct habit *habit;

	if (!memory_place_of(&address->any, sizeof(*address), &place))
		return NULL;
	habit = &habits[place.tag % PLACES];
	*tag = place.tag;
	return habit;
}

void habits_note_deadline(const union memory_address *address)
{
	uint64_t tag = 0;
	struct habit *habit = habit_of(address, &tag);

	if (!habit)
		return;
	if (habit->tag != tag)
		*habit = (struct habit){.tag = tag};
	habit->in_vain++;
}

void habits_note_data(const union memory_address *address)
{
	uint64_t tag = 0;
	struct habit *habit = habit_of(address, &tag);

	if (habit && habit->tag == tag)
		*habit = (struct habit){0};
}

bool habits_release_at_once(const union memory_address *address)
{
	uint64_t tag = 0;
	const struct habit *habit = habit_of(address, &tag);

	return habit && habit->tag == tag && habit->in_vain >= IN_VAIN;
}

bool habits_advise_release(const union memory_address *address)
{
	uint64_t tag = 0;
	struct habit *habit = habit_of(address, &tag);

	return habits_release_at_once(address) && ++habit->released % TRY_EVERY != 0;
}
