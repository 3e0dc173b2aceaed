/* SPDX-License-Identifier: MIT */
/* Making an image of a policy that was read from text. */
#include "hash.h"
#include "image.h"
#include "index.h"
#include "rules.h"

struct writing {
	const struct policy *policy;
	uint8_t *bytes; /* NULL while it is only measured */
	struct image_header header;
	uint64_t ports, words; /* how many are there so far */
};

static uint64_t round_up(uint64_t size, uint64_t step)
{
	return (size + step - 1) / step * step;
}

static uint8_t *place(const struct writing *writing, enum image_part part)
{
	return writing->bytes + writing->header.parts[part].at;
}

/* Puts bytes behind the words that are there; returns where. */
static uint32_t put_word(struct writing *writing, const void *word, size_t size)
{
	uint64_t at = writing->words;

	if (writing->bytes && size > 0)
		memcpy(place(writing, IMAGE_WORDS) + at, word, size);
	writing->words += size;
	return (uint32_t)at;
}

static uint32_t put_string(struct writing *writing, const char *string)
{
	return string ? put_word(writing, string, strlen(string) + 1) : IMAGE_NOTHING;
}

static uint32_t put_ports(struct writing *writing, const struct policy_rule *rule)
{
	uint64_t at = writing->ports;

	if (writing->bytes && rule->port_count)
		memcpy(place(writing, IMAGE_PORTS) + at * sizeof(*rule->ports), rule->ports,
		       rule->port_count * sizeof(*rule->ports));
	writing->ports += rule->port_count;
	return (uint32_t)at;
}

static void put_rule(struct writing *writing, enum image_part part, const struct policy_rule *rule,
		     uint32_t file)
{
	struct image_rule to = {
		.verb = rule->verb,
		.destination = rule->destination,
		.family = rule->family,
		.prefix_bits = rule->prefix_bits,
		.ports = put_ports(writing, rule),
		.port_count = (uint32_t)rule->port_count,
		.name = put_string(writing, rule->name),
		.program = put_string(writing, rule->program),
		.prefix = put_word(writing, rule->prefix, rule->prefix_length),
		.prefix_length = (uint32_t)rule->prefix_length,
		.file = file,
		.text = put_string(writing, rule->text),
		.payload = rule->payload,
		.hold_us = rule->hold_us,
		.verify = rule->verify,
		.minrtt_us = rule->minrtt_us,
		.suspend_s = rule->suspend_s,
		.max_bytes = rule->max_bytes,
		.control_share = rule->control_share,
		.supervise = rule->supervise,
		.backlog = rule->backlog,
		.key = put_string(writing, rule->key),
		.line = rule->line,
	};

	memcpy(to.network, rule->network, sizeof(to.network));
	if (writing->bytes)
		memcpy(place(writing, part) + rule->position * sizeof(to), &to, sizeof(to));
}

/* Rules of one file share its name: it is one string, and they follow each other. */
static void put_rules(struct writing *writing, enum image_part part,
		      const struct policy_rule *first)
{
	const char *file = NULL;
	uint32_t file_at = IMAGE_NOTHING;

	for (const struct policy_rule *rule = first; rule; rule = rule->next) {
		if (rule->file != file)
			file_at = put_string(writing, rule->file);
		file = rule->file;
		put_rule(writing, part, rule, file_at);
	}
}

static void put_all_rules(struct writing *writing)
{
	put_rules(writing, IMAGE_RULES, writing->policy->first);
	put_rules(writing, IMAGE_LISTEN, writing->policy->first_listen);
}

static uint32_t put_sources(struct writing *writing)
{
	uint32_t count = 0;

	for (const struct source *source = writing->policy->sources; source;
	     source = source->next, count++) {
		struct image_source to = {
			.device = source->device,
			.inode = source->inode,
			.size = source->size,
			.modified_ns = source->modified_ns,
			.changed_ns = source->changed_ns,
			.is_directory = source->is_directory,
			.path = put_string(writing, source->path),
		};

		if (!writing->bytes)
			continue;
		to.hash = source_hash(source);
		memcpy(place(writing, IMAGE_SOURCES) + count * sizeof(to), &to, sizeof(to));
	}
	return count;
}

static void put_index(struct writing *writing)
{
	const struct index *index = writing->policy->index;

	memcpy(place(writing, IMAGE_SLOTS), index->slots,
	       index->slot_count * sizeof(*index->slots));
	memcpy(place(writing, IMAGE_RANGES), index->ranges,
	       index->range_count * sizeof(*index->ranges));
}

/* The parts behind the head, in the order of their numbers. */
static uint64_t lay_out(struct image_header *header, uint64_t from)
{
	static const size_t sizes[IMAGE_PARTS] = {
		[IMAGE_SOURCES] = sizeof(struct image_source),
		[IMAGE_RULES] = sizeof(struct image_rule),
		[IMAGE_LISTEN] = sizeof(struct image_rule),
		[IMAGE_PORTS] = sizeof(struct policy_ports),
		[IMAGE_SLOTS] = sizeof(struct index_slot),
		[IMAGE_RANGES] = sizeof(struct index_range),
		[IMAGE_WORDS] = 1,
	};

	for (int part = IMAGE_SOURCES; part < IMAGE_PARTS; part++) {
		header->parts[part].at = from;
		from = round_up(from + header->parts[part].count * sizes[part], 8);
	}
	return round_up(from, IMAGE_PAGE);
}

/* How many there are of everything is known; where it goes follows. */
static void plan(struct writing *writing)
{
	struct image_header *header = &writing->header;
	const struct index *index = writing->policy->index;
	uint64_t head;

	memcpy(header->magic, IMAGE_MAGIC, sizeof(IMAGE_MAGIC));
	header->version = IMAGE_VERSION;
	header->order = IMAGE_ORDER;
	header->has_names = writing->policy->has_names;
	header->has_programs = index->has_programs;
	header->named_denial = writing->policy->named_denial;
	header->allowed_ports = writing->policy->allowed_ports;
	memcpy(header->lengths[0], &index->inet, sizeof(index->inet));
	memcpy(header->lengths[1], &index->inet6, sizeof(index->inet6));
	header->parts[IMAGE_RULES].count = writing->policy->count;
	header->parts[IMAGE_LISTEN].count = writing->policy->listen_count;
	header->parts[IMAGE_PORTS].count = writing->ports;
	header->parts[IMAGE_SLOTS].count = index->slot_count;
	header->parts[IMAGE_RANGES].count = index->range_count;
	header->parts[IMAGE_WORDS].count = writing->words;
	header->parts[IMAGE_HASHES].at = sizeof(*header);
	header->parts[IMAGE_HASHES].count = lay_out(header, 0) / IMAGE_PAGE;
	head = round_up(sizeof(*header) + header->parts[IMAGE_HASHES].count * sizeof(uint64_t),
			IMAGE_PAGE);
	header->size = lay_out(header, head);
}

static void seal(struct writing *writing)
{
	struct image_header *header = (struct image_header *)writing->bytes;
	uint64_t count = writing->header.parts[IMAGE_HASHES].count;
	uint64_t head = writing->header.size - count * IMAGE_PAGE;
	uint64_t *hashes = (uint64_t *)place(writing, IMAGE_HASHES);

	memcpy(header, &writing->header, sizeof(*header));
	for (uint64_t page = 0; page < count; page++)
		hashes[page] = hash_bytes(HASH_START, writing->bytes + head + page * IMAGE_PAGE,
					  IMAGE_PAGE);
	header->head_hash = image_hash_head(writing->bytes, head);
}

const uint8_t *policy_image(struct policy *policy, size_t *size)
{
	struct writing writing = {.policy = policy};

	if (!policy->index && !index_build(policy))
		return NULL;
	put_all_rules(&writing);
	writing.header.parts[IMAGE_SOURCES].count = put_sources(&writing);
	if (writing.words >= IMAGE_NOTHING || writing.ports >= IMAGE_NOTHING)
		return NULL;
	plan(&writing);
	writing.bytes = arena_take(&policy->arena, writing.header.size);
	if (!writing.bytes)
		return NULL;
	writing.ports = writing.words = 0;
	put_all_rules(&writing);
	put_sources(&writing);
	put_index(&writing);
	seal(&writing);
	*size = writing.header.size;
	return writing.bytes;
}
