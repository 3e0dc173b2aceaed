/* SPDX-License-Identifier: MIT */
/*
 * The compiled policy. The bytes say which bytes of a good image change: six a change, four for the
 * place and two for what is put there. Where the hashes are as they were, the damage is found, and
 * no rule, or the right one, is the answer. Where they are made to fit, as somebody who may write
 * the file could, any answer is fine that stays within the image.
 */
#include "policy/image.h"
#include "fuzz.h"
#include "policy/chunk.h"
#include "policy/hash.h"
#include "policy/index.h"
#include "policy/payload.h"
#include "policy/rules.h"

#include <arpa/inet.h>

#define CHANGE_SIZE 6
#define HASHES_FIT  1 /* in the first byte */

static const char rules[] = "deny 192.0.2.7 *\n"
			    "allow 10.0.0.0/8 80,8080-8090 http hold=5ms\n"
			    "allow 10.1.0.0/16 443 tls program=curl max=100\n"
			    "allow [2001:db8::]/32 853 tls verify=off\n"
			    "deny bad.example.com 443\n"
			    "allow *.example.com 443 tls control=1/16\n"
			    "allow api.internal 6379 prefix:\"GET \" minrtt=0\n"
			    "allow api.internal 11211 memcached suspend=1m\n"
			    "deny *.internal *\n"
			    "allow * 53 dns supervise=yes\n";

static const struct {
	const char *address, *name, *program;
	uint16_t port;
} questions[] = {
	{"192.0.2.7", NULL, NULL, 80},
	{"10.1.2.3", NULL, "curl", 443},
	{"2001:db8::1", NULL, NULL, 853},
	{"198.51.100.1", "a.example.com", NULL, 443},
	{"198.51.100.1", "api.internal", "wget", 6379},
	{"198.51.100.1", NULL, NULL, 53},
};

#define QUESTIONS (sizeof(questions) / sizeof(*questions))

/* The good image, and its answers: positions, or INDEX_NO_RULE. */
static const uint8_t *good;
static size_t good_size;
static uint32_t answers[QUESTIONS];

/* In the place of the one that never gives memory back. */
static struct taken {
	struct taken *next;
	_Alignas(max_align_t) uint8_t memory[];
} * taken;

void *chunk_take(size_t size)
{
	struct taken *one = calloc(1, sizeof(*one) + size);

	require(one);
	one->next = taken;
	taken = one;
	return one->memory;
}

static void give_back(void)
{
	while (taken) {
		struct taken *next = taken->next;

		free(taken);
		taken = next;
	}
}

static const struct policy_rule *ask(const struct policy *policy, size_t i)
{
	struct sockaddr_storage storage = {.ss_family = AF_INET};
	struct sockaddr_in *inet = (struct sockaddr_in *)&storage;
	struct sockaddr_in6 *inet6 = (struct sockaddr_in6 *)&storage;
	struct policy_question question = {
		.address = (struct sockaddr *)&storage,
		.length = sizeof(storage),
		.program = questions[i].program,
		.name = questions[i].name,
	};

	if (inet_pton(AF_INET, questions[i].address, &inet->sin_addr) == 1) {
		inet->sin_port = htons(questions[i].port);
	} else {
		require(inet_pton(AF_INET6, questions[i].address, &inet6->sin6_addr) == 1);
		inet6->sin6_family = AF_INET6;
		inet6->sin6_port = htons(questions[i].port);
	}
	return policy_decide(policy, &question);
}

static uint32_t position_of(const struct policy_rule *rule)
{
	return rule ? rule->position : INDEX_NO_RULE;
}

static void make_good_image(void)
{
	struct policy *policy = policy_new();
	struct policy_problem problem;

	require(policy);
	require(policy_add_text(policy, "fuzz", rules, strlen(rules), &problem) == 0);
	good = policy_image(policy, &good_size);
	require(good);
	for (size_t i = 0; i < QUESTIONS; i++)
		answers[i] = position_of(ask(policy, i));
	require(answers[0] == 0 && answers[1] == 2 && answers[4] == 6);
}

static void change(uint8_t *image, const uint8_t *bytes, size_t length)
{
	for (; length >= CHANGE_SIZE; bytes += CHANGE_SIZE, length -= CHANGE_SIZE) {
		uint32_t at;

		memcpy(&at, bytes, sizeof(at));
		memcpy(image + at % (good_size - 1), bytes + sizeof(at), 2);
	}
}

/* As seal() in image_write.c does, where there are hashes at all. */
static void make_hashes_fit(uint8_t *image)
{
	struct image_header *header = (struct image_header *)image;
	size_t head = sizeof(*header), pages = (size_t)header->parts[IMAGE_HASHES].count;
	uint64_t *hashes = (uint64_t *)(header + 1);

	if (pages > good_size / IMAGE_PAGE)
		return;
	head = (head + pages * sizeof(*hashes) + IMAGE_PAGE - 1) / IMAGE_PAGE * IMAGE_PAGE;
	if (head + pages * IMAGE_PAGE > good_size)
		return;
	for (size_t page = 0; page < pages; page++)
		hashes[page] = hash_bytes(HASH_START, image + head + page * IMAGE_PAGE, IMAGE_PAGE);
	header->head_hash = image_hash_head(image, head);
}

/* All that the shim would read of it. */
static void use(const struct policy_rule *rule)
{
	size_t total = strlen(rule->file) + strlen(rule->text);

	total += rule->name ? strlen(rule->name) : 0;
	total += rule->program ? strlen(rule->program) : 0;
	for (size_t i = 0; i < rule->port_count; i++)
		total += rule->ports[i].first;
	for (size_t i = 0; i < rule->prefix_length; i++)
		total += rule->prefix[i];
	require(total < SIZE_MAX);
	require(rule->verb == POLICY_ALLOW || rule->verb == POLICY_DENY);
	require(rule->payload != POLICY_PAYLOAD_PREFIX || rule->prefix_length > 0);
	payload_is_safe(rule, "GET key\r\n", 9);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct policy *policy;
	uint8_t *image;
	bool hashes_fit;

	if (!good)
		make_good_image();
	if (length == 0)
		return 0;
	image = aligned_alloc(IMAGE_PAGE, good_size);
	policy = policy_new();
	require(image && policy);
	memcpy(image, good, good_size);
	change(image, bytes + 1, length - 1);
	hashes_fit = bytes[0] & HASHES_FIT;
	if (hashes_fit)
		make_hashes_fit(image);
	if (image_adopt(policy, image, good_size)) {
		for (size_t i = 0; i < QUESTIONS; i++) {
			const struct policy_rule *rule = ask(policy, i);

			if (rule)
				use(rule);
			require(hashes_fit || !rule || rule->position == answers[i]);
		}
	}
	policy_free(policy);
	give_back();
	free(image);
	return 0;
}
