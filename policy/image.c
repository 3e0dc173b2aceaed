/* SPDX-License-Identifier: MIT */
/* Reading an image. Writing one is in image_write.c. */
#include "image.h"

#include "chunk.h"
#include "hash.h"
#include "index.h"
#include "rules.h"

static const size_t sizes[IMAGE_PARTS] = {
	[IMAGE_HASHES] = sizeof(uint64_t),	     [IMAGE_SOURCES] = sizeof(struct image_source),
	[IMAGE_RULES] = sizeof(struct image_rule),   [IMAGE_LISTEN] = sizeof(struct image_rule),
	[IMAGE_PORTS] = sizeof(struct policy_ports), [IMAGE_SLOTS] = sizeof(struct index_slot),
	[IMAGE_RANGES] = sizeof(struct index_range), [IMAGE_WORDS] = 1,
};

static bool parts_fit(const struct image_header *header)
{
	for (int part = 0; part < IMAGE_PARTS; part++) {
		uint64_t at = header->parts[part].at;

		if (at % 8 != 0 || at > header->size ||
		    header->parts[part].count > (header->size - at) / sizes[part] ||
		    header->parts[part].count > UINT32_MAX)
			return false;
	}
	return true;
}

static size_t rounded_to_pages(uint64_t size)
{
	return (size_t)((size + IMAGE_PAGE - 1) / IMAGE_PAGE * IMAGE_PAGE);
}

uint64_t image_hash_head(const uint8_t *bytes, size_t head)
{
	struct image_header header;

	memcpy(&header, bytes, sizeof(header));
	header.head_hash = 0;
	return hash_bytes(hash_bytes(HASH_START, &header, sizeof(header)), bytes + sizeof(header),
			  head - sizeof(header));
}

static bool is_image(const struct image_header *header, size_t size)
{
	return size >= IMAGE_PAGE && memcmp(header->magic, IMAGE_MAGIC, sizeof(IMAGE_MAGIC)) == 0 &&
	       header->version == IMAGE_VERSION && header->order == IMAGE_ORDER &&
	       header->size == size && size % IMAGE_PAGE == 0 && parts_fit(header) &&
	       header->parts[IMAGE_HASHES].at == sizeof(*header);
}

struct image *image_open(struct arena *arena, const uint8_t *bytes, size_t size)
{
	const struct image_header *header = (const struct image_header *)bytes;
	struct image *image = arena_take(arena, sizeof(*image));
	uint64_t pages;
	size_t head;

	if (!image || !is_image(header, size))
		return NULL;
	pages = header->parts[IMAGE_HASHES].count;
	head = rounded_to_pages(sizeof(*header) + pages * sizeof(uint64_t));
	if (head > size || (size - head) / IMAGE_PAGE != pages ||
	    header->head_hash != image_hash_head(bytes, head))
		return NULL;
	image->bytes = bytes;
	image->header = header;
	image->head = head;
	image->checked = arena_take(arena, pages);
	return image->checked ? image : NULL;
}

static bool check_page(struct image *image, size_t page)
{
	const uint64_t *hashes =
		(const uint64_t *)(image->bytes + image->header->parts[IMAGE_HASHES].at);

	if (atomic_load_explicit(&image->checked[page], memory_order_relaxed))
		return true;
	if (hash_bytes(HASH_START, image->bytes + image->head + page * IMAGE_PAGE, IMAGE_PAGE) !=
	    hashes[page]) {
		atomic_store(&image->damaged, true);
		return false;
	}
	atomic_store_explicit(&image->checked[page], 1, memory_order_relaxed);
	return true;
}

bool image_check(struct image *image, const void *at, size_t size)
{
	size_t from = (size_t)((const uint8_t *)at - image->bytes), to = from + size;

	if (to > image->header->size || from < image->head)
		return false;
	for (size_t page = (from - image->head) / IMAGE_PAGE; page * IMAGE_PAGE + image->head < to;
	     page++)
		if (!check_page(image, page))
			return false;
	return true;
}

const void *image_at(struct image *image, enum image_part part, uint64_t first, uint64_t count,
		     size_t size)
{
	const uint8_t *at = image->bytes + image->header->parts[part].at;
	uint64_t there = image->header->parts[part].count;

	if (first > there || count > there - first)
		return NULL;
	at += first * size;
	return count == 0 || image_check(image, at, count * size) ? at : NULL;
}

/* Looked at a page at a time, so that no more is checked than the string is in. */
const char *image_string(struct image *image, uint32_t at)
{
	uint64_t count = image->header->parts[IMAGE_WORDS].count;
	const char *string = image_at(image, IMAGE_WORDS, at, 0, 1);

	for (uint64_t length = 0; string && at + length < count; length++) {
		if (!image_check(image, string + length, 1))
			return NULL;
		if (!string[length])
			return string;
	}
	return NULL;
}

/* ---- rules ---- */

/* Sets *string; a word that is not there is NULL and fine. */
static bool read_string(struct image *image, uint32_t at, const char **string)
{
	if (at == IMAGE_NOTHING)
		return true;
	*string = image_string(image, at);
	return *string != NULL;
}

static bool read_words(struct image *image, const struct image_rule *from, struct policy_rule *rule)
{
	if (from->prefix_length) {
		rule->prefix = image_at(image, IMAGE_WORDS, from->prefix, from->prefix_length, 1);
		if (!rule->prefix)
			return false;
	}
	rule->ports = image_at(image, IMAGE_PORTS, from->ports, from->port_count,
			       sizeof(struct policy_ports));
	return rule->ports && read_string(image, from->name, &rule->name) &&
	       read_string(image, from->program, &rule->program) &&
	       read_string(image, from->key, &rule->key) &&
	       read_string(image, from->file, &rule->file) &&
	       read_string(image, from->text, &rule->text) && rule->file && rule->text;
}

static bool is_possible(const struct image_rule *from, enum image_part part)
{
	bool is_verb =
		part == IMAGE_LISTEN ? from->verb == POLICY_LISTEN : from->verb <= POLICY_DENY;

	return is_verb && from->destination <= POLICY_SUFFIX && from->prefix_bits <= 128 &&
	       from->payload <= POLICY_PAYLOAD_PREFIX &&
	       (from->payload != POLICY_PAYLOAD_PREFIX || from->prefix_length > 0) &&
	       (from->destination < POLICY_HOST || from->name != IMAGE_NOTHING);
}

struct policy_rule *image_read_rule(const struct policy *policy, enum image_part part,
				    uint32_t position)
{
	struct image *image = policy->image;
	const struct image_rule *from = image_at(image, part, position, 1, sizeof(*from));
	struct policy_rule *rule =
		from && is_possible(from, part) ? chunk_take(sizeof(*rule)) : NULL;

	if (!rule)
		return NULL;
	*rule = (struct policy_rule){
		.verb = from->verb,
		.destination = from->destination,
		.family = (sa_family_t)from->family,
		.prefix_bits = from->prefix_bits,
		.port_count = from->port_count,
		.payload = from->payload,
		.prefix_length = from->prefix_length,
		.hold_us = from->hold_us,
		.verify = from->verify,
		.minrtt_us = from->minrtt_us,
		.suspend_s = from->suspend_s,
		.max_bytes = from->max_bytes,
		.control_share = from->control_share,
		.supervise = from->supervise,
		.backlog = from->backlog,
		.line = from->line,
		.position = position,
		.policy = policy,
	};
	memcpy(rule->network, from->network, sizeof(rule->network));
	return read_words(image, from, rule) ? rule : NULL;
}

/* ---- the whole ---- */

static struct index_lengths lengths_of(const struct image_header *header, int family)
{
	struct index_lengths lengths;

	memcpy(&lengths, header->lengths[family], sizeof(lengths));
	return lengths;
}

static bool adopt_index(struct policy *policy)
{
	const struct image_header *header = policy->image->header;
	struct index *index = arena_take(&policy->arena, sizeof(*index));
	uint64_t slots = header->parts[IMAGE_SLOTS].count;

	policy->rules = arena_take(&policy->arena, policy->count * sizeof(*policy->rules));
	if (!index || !policy->rules || slots == 0 || (slots & (slots - 1)) != 0)
		return false;
	*index = (struct index){
		.slots = image_at(policy->image, IMAGE_SLOTS, 0, 0, sizeof(*index->slots)),
		.slot_count = (uint32_t)slots,
		.ranges = image_at(policy->image, IMAGE_RANGES, 0, 0, sizeof(*index->ranges)),
		.range_count = (uint32_t)header->parts[IMAGE_RANGES].count,
		.inet = lengths_of(header, 0),
		.inet6 = lengths_of(header, 1),
		.has_programs = header->has_programs,
		.image = policy->image,
	};
	policy->index = index;
	return true;
}

/* At once: there are few, and any of them may be the one. */
static bool adopt_listen_rules(struct policy *policy)
{
	uint32_t count = (uint32_t)policy->image->header->parts[IMAGE_LISTEN].count;

	for (uint32_t position = 0; position < count; position++) {
		struct policy_rule *rule = image_read_rule(policy, IMAGE_LISTEN, position);

		if (!rule)
			return false;
		policy_append_listen_rule(policy, rule);
	}
	return true;
}

static bool adopt_sources(struct policy *policy)
{
	struct image *image = policy->image;

	for (uint64_t i = 0; i < image->header->parts[IMAGE_SOURCES].count; i++) {
		const struct image_source *from =
			image_at(image, IMAGE_SOURCES, i, 1, sizeof(*from));
		struct source *source = arena_take(&policy->arena, sizeof(*source));

		if (!from || !source)
			return false;
		*source = (struct source){
			.path = image_string(image, from->path),
			.device = from->device,
			.inode = from->inode,
			.size = from->size,
			.modified_ns = from->modified_ns,
			.changed_ns = from->changed_ns,
			.is_directory = from->is_directory,
			.next = policy->sources,
		};
		if (!source->path || !source_is_the_same(source, from->hash))
			return false;
		policy->sources = source;
	}
	return true;
}

bool image_adopt(struct policy *policy, const uint8_t *bytes, size_t size)
{
	struct image *image = image_open(&policy->arena, bytes, size);

	if (!image)
		return false;
	policy->image = image;
	policy->count = (unsigned int)image->header->parts[IMAGE_RULES].count;
	policy->has_names = image->header->has_names;
	policy->has_programs = image->header->has_programs;
	policy->named_denial = image->header->named_denial;
	policy->allowed_ports = image->header->allowed_ports;
	return adopt_sources(policy) && adopt_listen_rules(policy) && adopt_index(policy);
}
