/* SPDX-License-Identifier: MIT */
/* Which rule speaks for a destination. Reads only what never changes: rules and learned names. */
#include "address.h"
#include "hostname.h"
#include "image.h"
#include "index.h"
#include "names.h"
#include "payload.h"
#include "rules.h"

#include <string.h>

/* What a rule is asked. */
struct query {
	struct address address;
	uint16_t port;
	const char *program; /* "" where it is not known */
	const char *name;    /* NULL where none is known */
};

static bool ports_match(const struct policy_rule *rule, uint16_t port)
{
	for (size_t i = 0; i < rule->port_count; i++) {
		if (port >= rule->ports[i].first && port <= rule->ports[i].last)
			return true;
	}
	return rule->port_count == 0;
}

/* The suffix has its dot, so `.example.com` is not under itself nor above `badexample.com`. */
static bool is_under(const char *name, const char *suffix)
{
	size_t length = strlen(name), suffix_length = strlen(suffix);

	return length > suffix_length && strcmp(name + length - suffix_length, suffix) == 0;
}

/* A learned name outside ASCII (AI_IDN) may be any xn-- name: then a deny rule might mean it and
 * an allow rule might not. */
static bool name_matches(const struct policy_rule *rule, const char *name)
{
	if (!name)
		return false;
	if (hostname_is_foreign(name))
		return rule->verb == POLICY_DENY;
	return rule->destination == POLICY_HOST ? strcmp(name, rule->name) == 0
						: is_under(name, rule->name);
}

static bool destination_matches(const struct policy_rule *rule, const struct query *query)
{
	switch (rule->destination) {
	case POLICY_ANY_HOST:
		return true;
	case POLICY_NETWORK:
		return address_is_in(&query->address, rule->family, rule->network,
				     rule->prefix_bits);
	case POLICY_HOST:
	case POLICY_SUFFIX:
		return name_matches(rule, query->name);
	}
	return false;
}

static bool rule_matches(const struct policy_rule *rule, const struct query *query)
{
	return ports_match(rule, query->port) &&
	       (!rule->program || strcmp(rule->program, query->program) == 0) &&
	       destination_matches(rule, query);
}

static const struct policy_rule *first_by_scan(const struct policy *policy,
					       const struct query *query)
{
	const struct policy_rule *rule = policy->first;

	while (rule && !rule_matches(rule, query))
		rule = rule->next;
	return rule;
}

/* ---- by the index ---- */

/* The first rule found so far, among groups asked one after the other. */
struct search {
	const struct policy *policy;
	const struct query *query;
	bool (*matches)(const struct policy_rule *rule, const struct query *query);
	const struct policy_rule *found;
};

/* Two groups may have the same hash, and an image may lie: the rule itself has the last word. */
static void ask_group(struct search *search, uint64_t hash)
{
	uint32_t slot = 0;

	while (slot != INDEX_NO_RULE) {
		uint32_t position =
			index_find(search->policy->index, hash, search->query->port, &slot);
		const struct policy_rule *rule;

		if (position == INDEX_NO_RULE ||
		    (search->found && position > search->found->position))
			continue;
		rule = policy_rule_at(search->policy, position);
		if (rule && search->matches(rule, search->query))
			search->found = rule;
	}
}

static void ask_networks(struct search *search, const char *program)
{
	const struct index *index = search->policy->index;
	struct address address = search->query->address;
	const struct index_lengths *lengths =
		address.family == AF_INET ? &index->inet : &index->inet6;

	for (unsigned int bits = address_bits(address.family) + 1; bits-- > 0;) {
		if (!index_has_length(lengths, bits))
			continue;
		address_clear_below(&address, bits);
		ask_group(search, index_hash_network(address.family, bits, address.bytes, program));
	}
}

static void ask_names(struct search *search, const char *program)
{
	const char *name = search->query->name;

	if (hostname_is_foreign(name)) {
		ask_group(search, index_hash_name(INDEX_FOREIGN, "", program));
		return;
	}
	ask_group(search, index_hash_name(INDEX_HOST, name, program));
	for (name = strchr(name, '.'); name; name = strchr(name + 1, '.'))
		ask_group(search, index_hash_name(INDEX_SUFFIX, name, program));
}

static void ask_for_program(struct search *search, const char *program)
{
	ask_group(search, index_hash_name(INDEX_ANY, "", program));
	ask_networks(search, program);
	if (search->query->name)
		ask_names(search, program);
}

static const struct policy_rule *first_by_index(const struct policy *policy,
						const struct query *query)
{
	struct search search = {policy, query, rule_matches, NULL};

	ask_for_program(&search, "");
	if (policy->index->has_programs && *query->program)
		ask_for_program(&search, query->program);
	return search.found;
}

const struct policy_rule *policy_rule_at(const struct policy *policy, uint32_t position)
{
	const struct policy_rule *rule, *read;

	if (position >= policy->count)
		return NULL;
	rule = atomic_load_explicit(&policy->rules[position], memory_order_acquire);
	if (rule || !policy->image)
		return rule;
	read = image_read_rule(policy, IMAGE_RULES, position);
	/* Two threads may read it at once: both go on with the first one's. */
	if (!read || atomic_compare_exchange_strong(&policy->rules[position], &rule, read))
		return read;
	return rule;
}

static bool is_damaged(const struct policy *policy)
{
	return policy->image && atomic_load(&policy->image->damaged);
}

/* In a damaged image a rule may be missed that stands first: then none is known. */
static const struct policy_rule *first_match(const struct policy *policy, const struct query *query)
{
	const struct policy_rule *rule = NULL;

	for (; policy && !rule; policy = policy->behind) {
		rule = policy->index ? first_by_index(policy, query) : first_by_scan(policy, query);
		if (is_damaged(policy))
			return NULL;
	}
	return rule;
}

/* ---- several names ---- */

static bool same_class(const struct policy_rule *one, const struct policy_rule *other)
{
	if (one->payload != other->payload || one->prefix_length != other->prefix_length)
		return false;
	return one->payload != POLICY_PAYLOAD_PREFIX ||
	       memcmp(one->prefix, other->prefix, one->prefix_length) == 0;
}

static bool stands_before(const struct policy_rule *one, const struct policy_rule *other)
{
	if (one->policy != other->policy)
		return one->policy->behind == other->policy;
	return one->position < other->position;
}

static const struct policy_rule *narrower(const struct policy_rule *one,
					  const struct policy_rule *other)
{
	if (same_class(one, other))
		return stands_before(one, other) ? one : other;
	if (one->payload == POLICY_PAYLOAD_ANY)
		return other;
	return other->payload == POLICY_PAYLOAD_ANY ? one : NULL;
}

static const struct policy_rule *more_cautious(const struct policy_rule *one,
					       const struct policy_rule *other)
{
	if (one && one->verb == POLICY_DENY)
		return one;
	if (other && other->verb == POLICY_DENY)
		return other;
	return one && other ? narrower(one, other) : NULL;
}

static const struct policy_rule *first_match_of_name(const struct policy *policy,
						     struct query query, const char *name)
{
	query.name = name;
	return first_match(policy, &query);
}

/* Over every name that was learned for the address. NULL in *verdict is a verdict, too; false: no
 * name decides. */
static bool decide_learned(const struct policy *policy, const struct policy_question *question,
			   const struct query *query, const struct policy_rule **verdict)
{
	const struct learned_name *name = NULL;
	bool decided = false;

	while ((name = names_next(question->address, question->length, name))) {
		const struct policy_rule *rule =
			first_match_of_name(policy, *query, names_text(name));

		if (names_is_alias(name) && !(rule && rule->verb == POLICY_DENY))
			continue;
		*verdict = decided ? more_cautious(*verdict, rule) : rule;
		decided = true;
	}
	return decided;
}

static bool make_query(struct query *query, const struct policy_question *question)
{
	query->program = question->program ? question->program : "";
	query->name = NULL;
	return address_from_socket(&query->address, &query->port, question->address,
				   question->length);
}

const struct policy_rule *policy_decide(const struct policy *policy,
					const struct policy_question *question)
{
	const struct policy_rule *verdict, *named;
	struct query query;
	bool learned;

	if (!policy || !make_query(&query, question))
		return NULL;
	if (!policy_has_names(policy))
		return first_match(policy, &query);
	learned = decide_learned(policy, question, &query, &verdict);
	if (!learned && names_overflowed())
		return NULL;
	if (!question->name)
		return learned ? verdict : first_match(policy, &query);
	named = first_match_of_name(policy, query, question->name);
	return learned ? more_cautious(verdict, named) : named;
}

const struct policy_rule *policy_decide_unnamed(const struct policy *policy,
						const struct policy_question *question)
{
	const struct policy_rule *rule = policy_decide(policy, question);

	for (; rule && policy != rule->policy; policy = policy->behind)
		if (policy->named_denial != POLICY_NO_DENIAL)
			return NULL;
	return rule && policy->named_denial < rule->position ? NULL : rule;
}

const struct policy_rule *policy_decide_listen(const struct policy *policy,
					       const struct policy_question *question)
{
	const struct policy_rule *rule = NULL;
	struct query query;

	if (!policy || !make_query(&query, question))
		return NULL;
	for (; policy && !rule; policy = policy->behind) {
		rule = policy->first_listen;
		while (rule && !rule_matches(rule, &query))
			rule = rule->next;
	}
	return rule;
}

static bool is_expected(const struct policy_rule *rule, const struct query *query)
{
	return ports_match(rule, query->port) &&
	       (!rule->program || strcmp(rule->program, query->program) == 0) &&
	       rule->verb == POLICY_ALLOW && rule->destination >= POLICY_HOST &&
	       payload_may_name_host(rule->payload);
}

static const struct policy_rule *expected_by_index(const struct policy *policy,
						   const struct query *query)
{
	struct search search = {policy, query, is_expected, NULL};

	ask_group(&search, index_hash_name(INDEX_NAMED, "", ""));
	if (policy->index->has_programs && *query->program)
		ask_group(&search, index_hash_name(INDEX_NAMED, "", query->program));
	return search.found;
}

static const struct policy_rule *expected_by_scan(const struct policy *policy,
						  const struct query *query)
{
	const struct policy_rule *rule = policy->first;

	while (rule && !is_expected(rule, query))
		rule = rule->next;
	return rule;
}

const struct policy_rule *policy_expect(const struct policy *policy,
					const struct policy_question *question)
{
	const struct policy *whole = policy;
	const struct policy_rule *rule = NULL, *verdict;
	struct query query;

	if (!policy || !policy_has_names(policy) || names_overflowed() ||
	    !make_query(&query, question) || names_next(question->address, question->length, NULL))
		return NULL;
	for (; policy && !rule; policy = policy->behind)
		rule = policy->index ? expected_by_index(policy, &query)
				     : expected_by_scan(policy, &query);
	verdict = rule ? policy_decide(whole, question) : NULL;
	return verdict && stands_before(verdict, rule) ? NULL : rule;
}
