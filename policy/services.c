/* SPDX-License-Identifier: MIT */
/*
 * Ports by the names of their services: /etc/services, and a few names that mean the same
 * everywhere for machines where it lacks them (small containers have no such file). Not
 * getservbyname(3), which allocates, locks and loads NSS modules.
 */
#include "content.h"
#include "parse.h"

#define SERVICES_FILE "/etc/services"

struct service {
	struct span name; /* .at is NULL in an empty slot */
	uint16_t port;
};

struct services {
	size_t mask; /* slots, a power of two, minus one */
	struct service slots[];
};

/* Names from the IANA registry. */
static const struct {
	const char *name;
	uint16_t port;
} known[] = {
	{"domain", 53},	 {"http", 80},		{"https", 443},	     {"submissions", 465},
	{"nntps", 563},	 {"submission", 587},	{"ldaps", 636},	     {"domain-s", 853},
	{"ftps", 990},	 {"telnets", 992},	{"imaps", 993},	     {"pop3s", 995},
	{"mqtt", 1883},	 {"secure-mqtt", 8883}, {"amqps", 5671},     {"amqp", 5672},
	{"redis", 6379}, {"http-alt", 8080},	{"https-alt", 8443}, {"memcache", 11211},
};

#define KNOWN_COUNT (sizeof(known) / sizeof(*known))

/* FNV-1a. */
static size_t hash_of(struct span name)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < name.length; i++)
		hash = (hash ^ (unsigned char)name.at[i]) * 16777619u;
	return hash;
}

/* The slot of a name, or the empty one where it would go. */
static const struct service *slot_of(const struct services *services, struct span name)
{
	size_t at = hash_of(name) & services->mask;

	while (services->slots[at].name.at &&
	       (services->slots[at].name.length != name.length ||
		memcmp(services->slots[at].name.at, name.at, name.length) != 0))
		at = (at + 1) & services->mask;
	return &services->slots[at];
}

/* The first entry of a name counts, as it does for getservbyname(3). */
static void add(struct services *services, struct span name, uint16_t port)
{
	struct service *slot = (struct service *)slot_of(services, name);

	if (!slot->name.at)
		*slot = (struct service){name, port};
}

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r';
}

/* The next word of a line, empty at its end or its comment. */
static struct span take_word(struct span *line)
{
	struct span word;

	while (line->length > 0 && is_blank(*line->at))
		*line = span_from(*line, line->at + 1);
	word = (struct span){line->at, 0};
	while (word.length < line->length && !is_blank(word.at[word.length]) &&
	       word.at[word.length] != '#')
		word.length++;
	*line = span_from(*line, line->at + word.length);
	return word;
}

/* "443/tcp"; 0 for what is not of TCP. */
static uint16_t tcp_port(struct span word)
{
	const char *slash = span_find(word, '/');
	unsigned int port;

	if (!slash || !span_is(span_from(word, slash), "/tcp") ||
	    !parse_number(span_before(word, slash), UINT16_MAX, &port))
		return 0;
	return (uint16_t)port;
}

/* NAME PORT/PROTOCOL [ALIAS...]: services(5). Other lines are nobody's business here. */
static void add_line(struct services *services, struct span line)
{
	struct span name = take_word(&line), alias;
	uint16_t port = tcp_port(take_word(&line));

	if (name.length == 0 || port == 0)
		return;
	add(services, name, port);
	while ((alias = take_word(&line)).length > 0)
		add(services, alias, port);
}

static void add_lines(struct services *services, struct span text)
{
	while (text.length > 0) {
		const char *newline = span_find(text, '\n');

		add_line(services, newline ? span_before(text, newline) : text);
		text = span_from(text, newline ? newline + 1 : text.at + text.length);
	}
}

static void add_known(struct services *services)
{
	for (size_t i = 0; i < KNOWN_COUNT; i++)
		add(services, (struct span){known[i].name, strlen(known[i].name)}, known[i].port);
}

/* More than there are names. */
static size_t word_count(struct span text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.length; i++)
		count += is_blank(text.at[i]) || text.at[i] == '\n';
	return count + 1;
}

static const struct services *build(struct arena *arena, const struct content *content)
{
	struct span text = {arena_copy(arena, content->bytes, content->length), content->length};
	size_t count = 64, least = 2 * (KNOWN_COUNT +
					word_count((struct span){content->bytes, content->length}));
	struct services *services;

	while (count < least)
		count *= 2;
	services = arena_take(arena, sizeof(*services) + count * sizeof(*services->slots));
	if (!text.at || !services)
		return NULL;
	services->mask = count - 1;
	add_lines(services, text);
	add_known(services);
	return services;
}

static int refuse_file(const struct parse *parse, struct span name)
{
	char why[sizeof(parse->problem->sentence)];
	struct text copy = text_in(why, sizeof(why)), text;

	text_add(&copy, parse->problem->sentence);
	text = parse_problem(parse, name);
	text_add_quoted(&text, name.at, name.length);
	text_add(&text, " cannot be looked up in " SERVICES_FILE ": ");
	text_add(&text, why);
	return -1;
}

static int read_services(const struct parse *parse, struct span name)
{
	struct policy *policy = parse->policy;
	struct content content;
	int result = content_read(&content, policy, SERVICES_FILE, parse->problem);

	if (result < 0 && content.is_missing)
		result = source_add(policy, SERVICES_FILE, NULL) ? 0 : -1;
	if (result == 0) {
		policy->services = build(&policy->arena, &content);
		result = policy->services ? 0 : parse_no_memory(parse);
	} else {
		refuse_file(parse, name);
	}
	content_free(&content);
	return result;
}

int parse_service(const struct parse *parse, struct span name, uint16_t *port)
{
	const struct service *service;

	if (!parse->policy->services && read_services(parse, name) < 0)
		return -1;
	service = slot_of(parse->policy->services, name);
	if (!service->name.at)
		return parse_refuse(parse, name,
				    span_find(name, '-')
					    ? "@ is no TCP service of /etc/services, and ranges "
					      "are written in numbers, as in 8000-8100"
					    : "@ is no TCP service of /etc/services");
	*port = service->port;
	return 0;
}
