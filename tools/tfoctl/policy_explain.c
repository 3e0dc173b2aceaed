/* SPDX-License-Identifier: MIT */
/*
 * tfoctl policy explain: which rule decides for a destination, why, and what would happen there
 * now. Nothing is resolved and nothing is connected.
 */
#include "payload.h"
#include "place.h"
#include "policy.h"
#include "policy/payload.h"
#include "shim/memory/destinations.h"
#include "tfoctl.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* So many of the rules before the one that decides are shown. */
#define SHOWN_BEFORE 10u

/* What the kernel lets ride at an MTU of 1500: an MSS less the room that TCP options may take
 * (MAX_TCP_OPTION_SPACE in the kernel's include/net/tcp.h). */
#define FITS_INET  1420u
#define FITS_INET6 1400u

struct wish {
	struct place place; /* its service is the port */
	uint16_t port;
	const char *program, *payload, *policy;
	bool json;
};

struct explanation {
	const struct wish *wish;
	struct policy_question question;
	struct addrinfo *address; /* NULL: only a name is known */
	const struct policy *policy;
	const struct policy_rule *rule; /* NULL: none matches */
	bool by_name;			/* the rule is one that the first write is to confirm */
	char payload_host[256];		/* that the payload names, or "" */
	const struct policy_rule *payload_rule; /* that decides then; NULL: it may not ride */
	enum advice advice;			/* if the rule allows and the address is known */
	uint32_t rtt_us;
	struct remembered remembered;	  /* its family is AF_UNSPEC if nothing is */
	struct payload *payload;	  /* NULL: none was given */
	const struct policy_rule *listen; /* for a server that listens there; NULL: none */
};

/* ---- what is asked ---- */

static bool take_value(int count, char **words, int *at, const char *option, const char **value)
{
	size_t length = strlen(option);

	if (strncmp(words[*at], option, length) != 0)
		return false;
	if (words[*at][length] == '=') {
		*value = words[*at] + length + 1;
		return true;
	}
	if (words[*at][length] != '\0')
		return false;
	*value = *at + 1 < count ? words[++*at] : "";
	return true;
}

static int read_word(int count, char **words, int *at, struct wish *wish, const char **destination,
		     const char **port)
{
	const char *word = words[*at], *value = "x";

	if (strcmp(word, "--json") == 0)
		wish->json = true;
	else if (take_value(count, words, at, "--program", &value))
		wish->program = value;
	else if (take_value(count, words, at, "--payload", &value))
		wish->payload = value;
	else if (take_value(count, words, at, "--policy", &value))
		wish->policy = value;
	else if (word[0] == '-' || *port)
		return refuse_word(word);
	else if (*destination)
		*port = word;
	else
		*destination = word;
	if (*value)
		return 0;
	complain("%s: needs a value; try tfoctl --help", word);
	return STATUS_USAGE;
}

/* The rules know programs by their base names. */
static void cut_program(struct wish *wish)
{
	const char *slash = wish->program ? strrchr(wish->program, '/') : NULL;

	if (slash)
		wish->program = slash + 1;
}

/* A port as a rule would have it, by number or by name; 0 if it is none. */
static uint16_t read_port(const char *word)
{
	struct policy_problem problem;
	struct policy *policy = policy_new();
	const struct policy_rule *rule = NULL;
	char text[128];
	uint16_t port = 0;

	if (!policy || snprintf(text, sizeof(text), "deny * %s", word) >= (int)sizeof(text))
		complain("%s: not a port", word);
	else if (policy_add_text(policy, word, text, strlen(text), &problem) < 0)
		complain("%s", problem.sentence);
	else
		rule = policy_first_rule(policy);
	if (rule && rule->port_count == 1 && rule->ports[0].first == rule->ports[0].last)
		port = rule->ports[0].first;
	else if (rule)
		complain("%s: more than one port", word);
	policy_free(policy);
	return port;
}

static int read_words(int count, char **words, struct wish *wish)
{
	const char *destination = NULL, *port = NULL;

	for (int i = 0; i < count; i++) {
		int status = read_word(count, words, &i, wish, &destination, &port);

		if (status)
			return status;
	}
	if (!port) {
		complain("policy explain: needs a destination and a port; try tfoctl --help");
		return STATUS_USAGE;
	}
	if (!place_read(destination, &wish->place))
		return STATUS_USAGE;
	if (wish->place.service[0]) {
		complain("%s: the port is a word of its own, behind the destination", destination);
		return STATUS_USAGE;
	}
	wish->port = read_port(port);
	if (!wish->port)
		return STATUS_USAGE;
	snprintf(wish->place.service, sizeof(wish->place.service), "%u", (unsigned int)wish->port);
	cut_program(wish);
	return 0;
}

/* ---- the answer ---- */

static const struct policy_rule *first_that_fits(const struct explanation *explanation)
{
	const struct policy_rule *rule = policy_first_rule(explanation->policy);

	while (rule && policy_rule_fit(rule, &explanation->question, explanation->wish->port) !=
			       POLICY_FITS)
		rule = rule->next;
	return rule;
}

/* Without a name the library waits for one that the first write has, if a rule hopes for it. */
static void expect_name(struct explanation *explanation)
{
	const struct policy_rule *expected;

	if (!explanation->address || (explanation->rule && explanation->rule->verb == POLICY_ALLOW))
		return;
	expected = policy_expect(explanation->policy, &explanation->question);
	if (!expected)
		return;
	explanation->rule = expected;
	explanation->by_name = true;
}

/* The rule at the first write: a name in it counts as one that the program resolved. */
static void decide_by_payload(struct explanation *explanation)
{
	struct policy_question question = explanation->question;
	const struct payload *payload = explanation->payload;
	size_t length = payload->length < PAYLOAD_LOOKED_AT ? payload->length : PAYLOAD_LOOKED_AT;

	explanation->payload_rule = explanation->rule;
	if (!explanation->address || !policy_has_names(explanation->policy))
		return;
	if (payload_host_name(payload->bytes, length, explanation->payload_host,
			      sizeof(explanation->payload_host)) == 0) {
		if (explanation->by_name)
			explanation->payload_rule = NULL;
		return;
	}
	question.name = explanation->payload_host;
	explanation->payload_rule = policy_decide(explanation->policy, &question);
}

static void compare_address(const struct remembered *remembered, void *context)
{
	struct explanation *explanation = context;
	char text[PLACE_TEXT_SIZE], other[PLACE_TEXT_SIZE];

	if (strcmp(place_text(&remembered->address.any, text),
		   place_text(explanation->question.address, other)) == 0)
		explanation->remembered = *remembered;
}

static void ask_memory(struct explanation *explanation)
{
	find_memory();
	explanation->advice =
		memory_advice(explanation->question.address, explanation->question.length,
			      explanation->rule, &explanation->rtt_us);
	memory_each(compare_address, explanation);
}

static bool is_allowed(const struct explanation *explanation)
{
	return explanation->rule && explanation->rule->verb == POLICY_ALLOW;
}

/* What the library looks at, and what it lets ride at most. */
static size_t payload_looked_at(const struct explanation *explanation)
{
	size_t most = explanation->payload_rule->max_bytes, length = explanation->payload->length;

	if (length > PAYLOAD_LOOKED_AT)
		length = PAYLOAD_LOOKED_AT;
	return most && most < length ? most : length;
}

static size_t payload_in_syn(const struct explanation *explanation)
{
	bool is_inet6 = explanation->address && explanation->address->ai_family == AF_INET6;
	size_t length = payload_looked_at(explanation), fits = is_inet6 ? FITS_INET6 : FITS_INET;

	return length < fits ? length : fits;
}

static bool payload_rides(const struct explanation *explanation)
{
	const struct policy_rule *rule = explanation->payload_rule;

	return rule && rule->verb == POLICY_ALLOW &&
	       payload_is_safe(rule, explanation->payload->bytes, payload_looked_at(explanation));
}

/* One word, which programs may rely on. */
static const char *verdict_word(const struct explanation *explanation)
{
	static const char *const words[] = {
		[ADVICE_HOLD] = "hold",
		[ADVICE_VERIFY] = "verify",
		[ADVICE_PLAIN] = "suspended",
		[ADVICE_NO_GAIN] = "too near",
	};

	if (!explanation->rule)
		return "no rule";
	if (!is_allowed(explanation))
		return "denied";
	return explanation->address ? words[explanation->advice] : "allowed";
}

/* ---- in words ---- */

static void print_label(const char *label)
{
	printf("%-13s", label);
}

__attribute__((format(printf, 2, 3))) static void print_line(const char *label, const char *format,
							     ...)
{
	va_list arguments;

	print_label(label);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

static const char *duration(uint64_t us, char text[32])
{
	if (us >= 1000000)
		snprintf(text, 32, "%.3g s", (double)us / 1e6);
	else if (us >= 1000)
		snprintf(text, 32, "%.3g ms", (double)us / 1e3);
	else
		snprintf(text, 32, "%" PRIu64 " us", us);
	return text;
}

static const char *why_not(enum policy_fit fit)
{
	switch (fit) {
	case POLICY_OTHER_PROGRAM:
		return "for another program";
	case POLICY_NEEDS_NAME:
		return "decides if the program, or its first write, names such a host";
	case POLICY_NEEDS_ADDRESS:
		return "decides if the name has such an address";
	case POLICY_FITS:
	case POLICY_OTHER_PORT:
	case POLICY_OTHER_HOST:
		break;
	}
	return "for another destination";
}

/* Whether a rule before the one that decides is worth a word: it names the port. The ones that
 * may decide come first. */
static bool is_shown(enum policy_fit fit, bool may_decide)
{
	bool may = fit == POLICY_NEEDS_NAME || fit == POLICY_NEEDS_ADDRESS;

	return fit != POLICY_OTHER_PORT && fit != POLICY_FITS && may == may_decide;
}

typedef void rule_visitor(const struct policy_rule *rule, enum policy_fit fit, void *context);

/* The rules before the one that decides, or all, as far as they name the port. */
static void each_before(const struct explanation *explanation, rule_visitor *visit, void *context)
{
	for (int may_decide = 1; may_decide >= 0; may_decide--) {
		const struct policy_rule *rule = policy_first_rule(explanation->policy);

		for (; rule && rule != explanation->rule; rule = rule->next) {
			enum policy_fit fit = policy_rule_fit(rule, &explanation->question,
							      explanation->wish->port);

			if (is_shown(fit, may_decide))
				visit(rule, fit, context);
		}
	}
}

static void print_before(const struct policy_rule *rule, enum policy_fit fit, void *context)
{
	unsigned int *count = context;

	if (++*count > SHOWN_BEFORE)
		return;
	print_line(*count == 1 ? "before it" : "", "%s:%u: %s: %s", rule->file, rule->line,
		   rule->text, why_not(fit));
}

static void print_destination(const struct explanation *explanation)
{
	const struct wish *wish = explanation->wish;

	print_label("destination");
	printf("%s port %u, ", wish->place.host, (unsigned int)wish->port);
	if (wish->program)
		printf("program %s\n", wish->program);
	else
		puts("no program named: rules for one program do not match");
	if (wish->place.is_name)
		print_line("", "not resolved: rules for addresses are not tried");
}

static void print_rule(const struct explanation *explanation)
{
	const struct policy_rule *rule = explanation->rule;
	unsigned int count = 0;

	if (rule)
		print_line("rule", "%s:%u: %s", rule->file, rule->line, rule->text);
	else
		print_line("rule", "none: nothing is allowed that no rule allows");
	if (explanation->by_name)
		print_line("why",
			   "the first one that decides if the first write names such a host");
	else if (rule)
		print_line("why", "the first one that names this port and this destination");
	each_before(explanation, print_before, &count);
	if (count > SHOWN_BEFORE)
		print_line("", "and %u more that name this port", count - SHOWN_BEFORE);
}

static void print_hold(const char *before, const struct explanation *explanation)
{
	const struct policy_rule *rule = explanation->rule;
	char text[32];

	print_label("verdict");
	printf("%s", before);
	if (rule->hold_us)
		printf(", for at most %s (hold=)", duration(rule->hold_us, text));
	else
		printf(", for at most one round trip (5 to 100 ms)");
	putchar('\n');
}

static void print_verdict_of_advice(const struct explanation *explanation)
{
	char text[32], other[32];

	switch (explanation->advice) {
	case ADVICE_HOLD:
		print_hold("held until the first write", explanation);
		break;
	case ADVICE_VERIFY:
		print_line("verdict",
			   "connected in the ordinary way, and asked for a cookie: it was "
			   "not reached within the hour (verify=on)");
		break;
	case ADVICE_PLAIN:
		print_line("verdict", "connected in the ordinary way: suspended");
		break;
	case ADVICE_NO_GAIN:
		print_line("verdict",
			   "connected in the ordinary way: %s away, nearer than minrtt=, %s",
			   duration(explanation->rtt_us, text),
			   duration(explanation->rule->minrtt_us, other));
		break;
	}
}

static void print_verdict(const struct explanation *explanation)
{
	if (!explanation->rule)
		print_line("verdict", "connected in the ordinary way: no rule allows it");
	else if (!is_allowed(explanation))
		print_line("verdict", "connected in the ordinary way: denied");
	else if (explanation->address)
		print_verdict_of_advice(explanation);
	else
		print_hold("held until the first write where its address was reached within the "
			   "hour",
			   explanation);
}

static const char *clock_text(uint32_t time_s, char text[32])
{
	const time_t seconds = (time_t)time_s;
	struct tm tm;

	text[0] = '\0';
	if (localtime_r(&seconds, &tm))
		strftime(text, 32, "%Y-%m-%d %H:%M:%S", &tm);
	return text;
}

static void print_memory(const struct explanation *explanation)
{
	const struct remembered *remembered = &explanation->remembered;
	uint32_t paused = memory_paused_until();
	char text[32];

	if (paused)
		print_line("memory", "all of Fast Open pauses until %s", clock_text(paused, text));
	if (remembered->address.any.sa_family == AF_UNSPEC) {
		print_line("memory", "nothing is remembered of it");
		return;
	}
	print_label("memory");
	printf("%" PRIu32 " connections, %" PRIu32 " with data in the SYN", remembered->connections,
	       remembered->in_syn);
	if (remembered->last_success_s)
		printf("; last reached %s", clock_text(remembered->last_success_s, text));
	if (remembered->rtt_us)
		printf("; %s away", duration(remembered->rtt_us, text));
	putchar('\n');
	if (remembered->suspended_until_s)
		print_line("", "suspended until %s: %s",
			   clock_text(remembered->suspended_until_s, text),
			   memory_reason_text(remembered->reason));
}

static void print_options(const struct explanation *explanation)
{
	const struct policy_rule *rule = explanation->rule;

	if (!rule->verify)
		print_line("options", "verify=off: held wherever the kernel has a cookie");
	if (rule->max_bytes)
		print_line("options", "max=%u: no more bytes ride in the SYN", rule->max_bytes);
	if (rule->control_share)
		print_line("options", "control=1/%u: that share stays ordinary, to compare",
			   rule->control_share);
	if (policy_rule_allows_supervision(rule))
		print_line("options", "under tfo-run --supervise, too: whatever is written first");
	else if (rule->supervise)
		print_line("options", "not under tfo-run --supervise, which cannot keep max=");
}

static void print_payload_rule(const struct explanation *explanation)
{
	const struct policy_rule *rule = explanation->payload_rule;

	if (!explanation->payload_host[0]) {
		if (!rule)
			print_line("payload", "names no host");
		return;
	}
	print_label("payload");
	printf("names %s: ", explanation->payload_host);
	if (!rule)
		puts("no rule allows that");
	else
		printf("%s:%u decides: %s\n", rule->file, rule->line, rule->text);
}

static void print_payload(const struct explanation *explanation)
{
	const struct policy_rule *rule = explanation->payload_rule;

	print_payload_rule(explanation);
	if (!rule || rule->verb != POLICY_ALLOW)
		print_line("payload", "it goes after a SYN without data");
	else if (payload_rides(explanation))
		print_line("payload",
			   "safe to repeat by %s: if held, %zu of %zu bytes ride in the SYN",
			   policy_payload_word(rule->payload), payload_in_syn(explanation),
			   explanation->payload->length);
	else
		print_line("payload",
			   "not known to be safe by %s: it goes after a SYN without data",
			   policy_payload_word(rule->payload));
}

static void print_allowed(const struct explanation *explanation)
{
	if (explanation->address)
		print_memory(explanation);
	print_options(explanation);
	if (explanation->payload)
		print_payload(explanation);
}

/* Nothing is said of servers where the policy says nothing of them. */
static void print_listen(const struct explanation *explanation)
{
	const struct policy_rule *rule = explanation->listen;

	if (!explanation->address || !policy_has_listen_rules(explanation->policy))
		return;
	if (!rule)
		print_line("servers", "one that listens there is left as it is: no rule");
	else
		print_line("servers", "one that listens there takes data in SYNs: %s:%u: %s",
			   rule->file, rule->line, rule->text);
}

static void print_explanation(const struct explanation *explanation)
{
	print_destination(explanation);
	print_rule(explanation);
	print_verdict(explanation);
	if (is_allowed(explanation))
		print_allowed(explanation);
	print_listen(explanation);
}

/* ---- as JSON ---- */

static void json_before(const struct policy_rule *rule, enum policy_fit fit, void *context)
{
	struct json *json = context;

	json_item(json);
	json_open(json);
	json_text(json, "file", rule->file);
	json_number(json, "line", rule->line);
	json_text(json, "text", rule->text);
	json_text(json, "why_not", why_not(fit));
	json_bool(json, "may_decide", fit == POLICY_NEEDS_NAME || fit == POLICY_NEEDS_ADDRESS);
	json_close(json);
}

static void json_memory(struct json *json, const struct explanation *explanation)
{
	const struct remembered *remembered = &explanation->remembered;

	json_key(json, "memory");
	json_open(json);
	json_number(json, "connections", remembered->connections);
	json_number(json, "in_syn", remembered->in_syn);
	json_number(json, "rtt_us", explanation->rtt_us);
	json_number(json, "strikes", remembered->strikes);
	json_text(json, "reason", memory_reason_text(remembered->reason));
	json_close(json);
}

static void json_payload(struct json *json, const struct explanation *explanation)
{
	bool rides = payload_rides(explanation);

	json_key(json, "payload");
	json_open(json);
	json_text(json, "host", explanation->payload_host);
	if (explanation->payload_rule)
		json_text(json, "class", policy_payload_word(explanation->payload_rule->payload));
	else
		json_text(json, "class", NULL);
	json_number(json, "length", explanation->payload->length);
	json_bool(json, "safe", rides);
	json_number(json, "in_syn", rides ? payload_in_syn(explanation) : 0);
	json_close(json);
}

static void json_rule_or_null(struct json *json, const char *key, const struct policy_rule *rule)
{
	if (!rule) {
		json_text(json, key, NULL);
		return;
	}
	json_key(json, key);
	json_open(json);
	json_rule(json, rule);
	json_close(json);
}

static void json_decision(struct json *json, const struct explanation *explanation)
{
	json_rule_or_null(json, "rule", explanation->rule);
	json_rule_or_null(json, "listen_rule", explanation->listen);
	json_bool(json, "needs_name_in_payload", explanation->by_name);
	json_open_list(json, "before");
	each_before(explanation, json_before, json);
	json_close_list(json);
	json_text(json, "verdict", verdict_word(explanation));
}

static void print_explanation_as_json(const struct explanation *explanation)
{
	struct json json = {.to = stdout};

	json_open(&json);
	json_text(&json, "destination", explanation->wish->place.host);
	json_number(&json, "port", explanation->wish->port);
	json_text(&json, "program", explanation->wish->program);
	json_decision(&json, explanation);
	if (is_allowed(explanation) && explanation->address)
		json_memory(&json, explanation);
	if (is_allowed(explanation) && explanation->payload)
		json_payload(&json, explanation);
	json_close(&json);
	putchar('\n');
}

/* ---- together ---- */

static void explain(struct explanation *explanation)
{
	explanation->rule = first_that_fits(explanation);
	expect_name(explanation);
	if (explanation->address)
		explanation->listen =
			policy_decide_listen(explanation->policy, &explanation->question);
	if (is_allowed(explanation) && explanation->payload)
		decide_by_payload(explanation);
	if (is_allowed(explanation) && explanation->address)
		ask_memory(explanation);
	if (explanation->wish->json)
		print_explanation_as_json(explanation);
	else
		print_explanation(explanation);
}

/* The address is a numeric one: nothing is resolved. */
static bool ask(struct explanation *explanation)
{
	const struct wish *wish = explanation->wish;

	explanation->question.program = wish->program;
	if (wish->place.is_name) {
		explanation->question.name = wish->place.host;
		return true;
	}
	explanation->address = place_addresses(&wish->place);
	if (!explanation->address)
		return false;
	explanation->question.address = explanation->address->ai_addr;
	explanation->question.length = explanation->address->ai_addrlen;
	return true;
}

static void drop_final_dot(char *host)
{
	size_t length = strlen(host);

	if (length > 1 && host[length - 1] == '.')
		host[length - 1] = '\0';
}

int policy_explain_verb(int count, char **words)
{
	static struct payload payload;
	struct wish wish = {0};
	struct explanation explanation = {.wish = &wish};
	int status = read_words(count, words, &wish);
	struct policy *policy;
	bool bad;

	if (status)
		return status;
	if (wish.payload && !payload_file(&payload, wish.payload))
		return STATUS_TROUBLE;
	if (wish.payload)
		explanation.payload = &payload;
	drop_final_dot(wish.place.host);
	policy = load_policy(wish.policy, NULL, &bad);
	if (!policy || !ask(&explanation))
		return EXIT_FAILURE;
	explanation.policy = policy;
	explain(&explanation);
	if (explanation.address)
		freeaddrinfo(explanation.address);
	policy_free(policy);
	return EXIT_SUCCESS;
}
