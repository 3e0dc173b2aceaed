/* SPDX-License-Identifier: MIT */
/* Building the index: rules into groups, groups over the ports. Memory comes from the arena. */
#include "arena.h"
#include "index.h"
#include "payload.h"
#include "rules.h"

/* uthash asks for memory by these names; without it an item is left out and `failed` is set. */
#define HASH_NONFATAL_OOM	  1
#define uthash_malloc(size)	  arena_take(&build->scratch, size)
#define uthash_free(memory, size) ((void)(memory))
#define uthash_nonfatal_oom(item) (build->failed = true)
#include <uthash.h>

#define PORTS 65536u

struct member {
	const struct policy_rule *rule;
	struct member *next;
};

struct group {
	UT_hash_handle hh;
	uint64_t hash;
	struct member *first, *last; /* in the order of their rules */
	uint32_t first_range, range_count;
	char key[]; /* what tells it from others, byte by byte */
};

/* A set of port numbers that can be walked in order. */
struct port_set {
	uint64_t words[PORTS / 64];
	uint64_t summary[PORTS / 64 / 64]; /* a bit for each word that is not 0 */
};

struct build {
	struct policy *policy;
	struct arena scratch; /* what is thrown away afterwards */
	struct group *groups;
	struct index *index;
	struct index_range *ranges;
	uint32_t range_room;
	struct port_set *set;
	uint32_t *bounds; /* where something begins or ends in the group at hand, ascending */
	uint32_t *owners; /* of the ports from bound to bound: a rule */
	uint32_t *skips;  /* from a bound to one that is not past the next without an owner */
	uint32_t bound_count;
	bool failed;
};

/* ---- into groups ---- */

static struct group *new_group(struct build *build, uint64_t hash, const char *key, size_t length)
{
	struct group *group = arena_take(&build->scratch, sizeof(*group) + length);

	if (!group) {
		build->failed = true;
		return NULL;
	}
	group->hash = hash;
	memcpy(group->key, key, length);
	HASH_ADD_KEYPTR(hh, build->groups, group->key, length, group);
	return group;
}

static void add_member(struct build *build, uint64_t hash, const char *key, size_t length,
		       const struct policy_rule *rule)
{
	struct member *member = arena_take(&build->scratch, sizeof(*member));
	struct group *group;

	HASH_FIND(hh, build->groups, key, length, group);
	if (!group)
		group = new_group(build, hash, key, length);
	if (!group || !member) {
		build->failed = true;
		return;
	}
	member->rule = rule;
	if (group->last)
		group->last->next = member;
	else
		group->first = member;
	group->last = member;
}

static const char *program_of(const struct policy_rule *rule)
{
	return rule->program ? rule->program : "";
}

/* A key is the kind, the name and the program, each with its NUL; names have none inside. */
static void add_to_named(struct build *build, enum index_kind kind, const char *name,
			 const struct policy_rule *rule)
{
	const char *program = program_of(rule);
	size_t name_size = strlen(name) + 1, program_size = strlen(program) + 1;
	char *key = arena_take(&build->scratch, 1 + name_size + program_size);

	if (!key) {
		build->failed = true;
		return;
	}
	key[0] = (char)kind;
	memcpy(key + 1, name, name_size);
	memcpy(key + 1 + name_size, program, program_size);
	add_member(build, index_hash_name(kind, name, program), key, 1 + name_size + program_size,
		   rule);
}

static void add_to_network(struct build *build, const struct policy_rule *rule)
{
	enum { FIXED = 3 + sizeof(rule->network) };
	const char *program = program_of(rule);
	size_t program_size = strlen(program) + 1;
	char *key = arena_take(&build->scratch, FIXED + program_size);
	struct index_lengths *lengths =
		rule->family == AF_INET ? &build->index->inet : &build->index->inet6;

	if (!key) {
		build->failed = true;
		return;
	}
	lengths->words[rule->prefix_bits / 64] |= 1ull << rule->prefix_bits % 64;
	key[0] = INDEX_NETWORK;
	key[1] = (char)rule->family;
	key[2] = (char)rule->prefix_bits;
	memcpy(key + 3, rule->network, sizeof(rule->network));
	memcpy(key + FIXED, program, program_size);
	add_member(build,
		   index_hash_network(rule->family, rule->prefix_bits, rule->network, program), key,
		   FIXED + program_size, rule);
}

static void add_rule(struct build *build, const struct policy_rule *rule)
{
	if (rule->program)
		build->index->has_programs = true;
	switch (rule->destination) {
	case POLICY_ANY_HOST:
		add_to_named(build, INDEX_ANY, "", rule);
		return;
	case POLICY_NETWORK:
		add_to_network(build, rule);
		return;
	case POLICY_HOST:
		add_to_named(build, INDEX_HOST, rule->name, rule);
		break;
	case POLICY_SUFFIX:
		add_to_named(build, INDEX_SUFFIX, rule->name, rule);
		break;
	}
	if (rule->verb == POLICY_DENY)
		add_to_named(build, INDEX_FOREIGN, "", rule);
	else if (payload_may_name_host(rule->payload))
		add_to_named(build, INDEX_NAMED, "", rule);
}

/* ---- over the ports ---- */

static void port_set_add(struct port_set *set, unsigned int port)
{
	if (port >= PORTS)
		return;
	set->words[port / 64] |= 1ull << port % 64;
	set->summary[port / 4096] |= 1ull << port / 64 % 64;
}

/* Takes the ports out, in order. */
static uint32_t port_set_empty(struct port_set *set, uint32_t *ports)
{
	uint32_t count = 0;

	for (unsigned int i = 0; i < PORTS / 4096; i++) {
		for (; set->summary[i]; set->summary[i] &= set->summary[i] - 1) {
			unsigned int word = i * 64 + (unsigned int)__builtin_ctzll(set->summary[i]);

			for (; set->words[word]; set->words[word] &= set->words[word] - 1)
				ports[count++] =
					word * 64 + (unsigned int)__builtin_ctzll(set->words[word]);
		}
	}
	return count;
}

static const struct policy_ports every_port = {0, PORTS - 1};

/* Calls `visit` for each piece of a rule's ports. */
static void each_ports(struct build *build, const struct policy_rule *rule,
		       void (*visit)(struct build *build, const struct policy_rule *rule,
				     const struct policy_ports *ports))
{
	for (size_t i = 0; i < rule->port_count; i++)
		visit(build, rule, &rule->ports[i]);
	if (rule->port_count == 0)
		visit(build, rule, &every_port);
}

static void note_bounds(struct build *build, const struct policy_rule *rule,
			const struct policy_ports *ports)
{
	(void)rule;
	port_set_add(build->set, ports->first);
	port_set_add(build->set, ports->last + 1u);
}

static uint32_t bound_at(const struct build *build, uint32_t port)
{
	uint32_t low = 0, high = build->bound_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (build->bounds[middle] < port)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The next bound from this one on whose ports have no owner. Each walk halves the way of the next
 * one. */
static uint32_t next_free(struct build *build, uint32_t bound)
{
	while (build->skips[bound] != bound) {
		build->skips[bound] = build->skips[build->skips[bound]];
		bound = build->skips[bound];
	}
	return bound;
}

/* Rules come in order: what has an owner keeps it. */
static void take_ports(struct build *build, const struct policy_rule *rule,
		       const struct policy_ports *ports)
{
	uint32_t bound = next_free(build, bound_at(build, ports->first));

	while (bound < build->bound_count && build->bounds[bound] <= ports->last) {
		build->owners[bound] = rule->position;
		build->skips[bound] = bound + 1;
		bound = next_free(build, bound);
	}
}

static bool make_range_room(struct build *build)
{
	uint32_t room = build->range_room ? build->range_room * 2 : 1024;
	struct index_range *more = arena_take(&build->scratch, room * sizeof(*more));

	if (!more)
		return false;
	if (build->range_room)
		memcpy(more, build->ranges, build->range_room * sizeof(*more));
	build->ranges = more;
	build->range_room = room;
	return true;
}

static void add_range(struct build *build, struct group *group, uint32_t first_port, uint32_t rule)
{
	uint32_t count = build->index->range_count;

	if (group->range_count > 0 && build->ranges[count - 1].rule == rule)
		return;
	if (count == build->range_room && !make_range_room(build)) {
		build->failed = true;
		return;
	}
	build->ranges[count] = (struct index_range){first_port, rule};
	build->index->range_count++;
	group->range_count++;
}

static void lay_out(struct build *build, struct group *group)
{
	for (struct member *member = group->first; member; member = member->next)
		each_ports(build, member->rule, note_bounds);
	build->bound_count = port_set_empty(build->set, build->bounds);
	for (uint32_t i = 0; i <= build->bound_count; i++) {
		build->owners[i] = INDEX_NO_RULE;
		build->skips[i] = i;
	}
	for (struct member *member = group->first; member; member = member->next)
		each_ports(build, member->rule, take_ports);
	group->first_range = build->index->range_count;
	for (uint32_t i = 0; i < build->bound_count && !build->failed; i++)
		add_range(build, group, build->bounds[i], build->owners[i]);
}

/* ---- into slots ---- */

static void put_into_slots(struct index_slot *slots, uint32_t slot_count, const struct group *group)
{
	uint32_t at = (uint32_t)group->hash;

	while (slots[at & (slot_count - 1)].range_count)
		at++;
	slots[at & (slot_count - 1)] =
		(struct index_slot){group->hash, group->first_range, group->range_count};
}

static bool make_slots(struct build *build)
{
	struct arena *arena = &build->policy->arena;
	uint32_t count = 2;
	struct index_slot *slots;
	struct index_range *ranges;

	while (count < 2 * HASH_COUNT(build->groups))
		count *= 2;
	slots = arena_take(arena, count * sizeof(*slots));
	ranges = arena_take(arena, build->index->range_count * sizeof(*ranges));
	if (!slots || !ranges)
		return false;
	for (struct group *group = build->groups; group; group = group->hh.next)
		put_into_slots(slots, count, group);
	memcpy(ranges, build->ranges, build->index->range_count * sizeof(*ranges));
	build->index->slots = slots;
	build->index->slot_count = count;
	build->index->ranges = ranges;
	return true;
}

static bool number_rules(struct policy *policy)
{
	_Atomic(const struct policy_rule *) *rules =
		arena_take(&policy->arena, policy->count * sizeof(*rules));

	if (!rules)
		return false;
	for (const struct policy_rule *rule = policy->first; rule; rule = rule->next)
		atomic_init(&rules[rule->position], rule);
	policy->rules = rules;
	return true;
}

static bool make_room(struct build *build)
{
	build->set = arena_take(&build->scratch, sizeof(*build->set));
	build->bounds = arena_take(&build->scratch, (PORTS + 1) * sizeof(uint32_t));
	build->owners = arena_take(&build->scratch, (PORTS + 1) * sizeof(uint32_t));
	build->skips = arena_take(&build->scratch, (PORTS + 1) * sizeof(uint32_t));
	build->index = arena_take(&build->policy->arena, sizeof(*build->index));
	return build->set && build->bounds && build->owners && build->skips && build->index;
}

static bool build_index(struct build *build)
{
	if (!make_room(build) || !number_rules(build->policy))
		return false;
	for (const struct policy_rule *rule = build->policy->first; rule; rule = rule->next)
		add_rule(build, rule);
	for (struct group *group = build->groups; group && !build->failed; group = group->hh.next)
		lay_out(build, group);
	return !build->failed && make_slots(build);
}

bool index_build(struct policy *policy)
{
	struct build build = {.policy = policy};
	bool built = build_index(&build);

	arena_free(&build.scratch);
	if (built)
		policy->index = build.index;
	return built;
}
