/* SPDX-License-Identifier: MIT */
/* A rule in its normal form. Pure functions. */
#include "address.h"
#include "rules.h"
#include "text.h"

#include <string.h>

static void add_destination(struct text *text, const struct policy_rule *rule)
{
	struct address network = {.family = rule->family};

	switch (rule->destination) {
	case POLICY_ANY_HOST:
		text_add(text, "*");
		break;
	case POLICY_NETWORK:
		memcpy(network.bytes, rule->network, sizeof(network.bytes));
		text_add_address(text, &network);
		if (rule->prefix_bits == address_bits(rule->family))
			break;
		text_add_byte(text, '/');
		text_add_number(text, rule->prefix_bits);
		break;
	case POLICY_SUFFIX:
		text_add_byte(text, '*');
		text_add(text, rule->name);
		break;
	case POLICY_HOST:
		text_add(text, rule->name);
		break;
	}
}

/* The lowest port of the rule that is at least `from`, 0 if there is none. */
static unsigned int next_port(const struct policy_rule *rule, unsigned int from)
{
	unsigned int found = 0;

	for (size_t i = 0; i < rule->port_count; i++) {
		unsigned int port = rule->ports[i].first > from ? rule->ports[i].first : from;

		if (port <= rule->ports[i].last && (found == 0 || port < found))
			found = port;
	}
	return found;
}

/* The last port of the run that begins at `first`. */
static unsigned int run_end(const struct policy_rule *rule, unsigned int first)
{
	unsigned int last = first;
	bool grew = true;

	while (grew) {
		grew = false;
		for (size_t i = 0; i < rule->port_count; i++) {
			if (rule->ports[i].first > last + 1 || rule->ports[i].last <= last)
				continue;
			last = rule->ports[i].last;
			grew = true;
		}
	}
	return last;
}

static void add_ports(struct text *text, const struct policy_rule *rule)
{
	unsigned int first = next_port(rule, 1), last;

	text_add_byte(text, ' ');
	if (rule->port_count == 0 || (first == 1 && run_end(rule, 1) == UINT16_MAX)) {
		text_add_byte(text, '*');
		return;
	}
	for (; first > 0; first = next_port(rule, last + 1)) {
		last = run_end(rule, first);
		text_add_number(text, first);
		if (last > first) {
			text_add_byte(text, '-');
			text_add_number(text, last);
		}
		if (next_port(rule, last + 1) > 0)
			text_add_byte(text, ',');
	}
}

/* Letters of their own, and hexadecimal for what is no ASCII character. */
static void add_byte(struct text *text, uint8_t byte)
{
	static const char bytes[] = "\"\\\n\r\t", letters[] = "\"\\nrt";
	static const char digits[] = "0123456789abcdef";
	const char *special = byte ? strchr(bytes, byte) : NULL;

	if (special) {
		text_add_byte(text, '\\');
		text_add_byte(text, letters[special - bytes]);
	} else if (byte >= ' ' && byte < 0x7f) {
		text_add_byte(text, (char)byte);
	} else {
		text_add(text, "\\x");
		text_add_byte(text, digits[byte >> 4]);
		text_add_byte(text, digits[byte & 0xf]);
	}
}

static void add_payload(struct text *text, const struct policy_rule *rule)
{
	text_add_byte(text, ' ');
	text_add(text, policy_payload_word(rule->payload));
	if (rule->payload != POLICY_PAYLOAD_PREFIX)
		return;
	text_add(text, ":\"");
	for (size_t i = 0; i < rule->prefix_length; i++)
		add_byte(text, rule->prefix[i]);
	text_add_byte(text, '"');
}

/* In the largest unit that leaves no rest. */
static void add_duration(struct text *text, const char *option, uint64_t us)
{
	static const struct {
		const char *suffix;
		uint64_t us;
	} units[] = {
		{"h", 3600000000u}, {"m", 60000000u}, {"s", 1000000u}, {"ms", 1000u}, {"us", 1u},
	};
	size_t i = 0;

	text_add(text, option);
	if (us == 0) {
		text_add_byte(text, '0');
		return;
	}
	while (us % units[i].us != 0)
		i++;
	text_add_number(text, us / units[i].us);
	text_add(text, units[i].suffix);
}

static void add_number(struct text *text, const char *option, unsigned int number)
{
	text_add(text, option);
	text_add_number(text, number);
}

static void add_options(struct text *text, const struct policy_rule *rule)
{
	if (rule->verb == POLICY_LISTEN && rule->backlog != POLICY_BACKLOG)
		add_number(text, " backlog=", rule->backlog);
	if (rule->control_share)
		add_number(text, " control=1/", rule->control_share);
	if (rule->hold_us)
		add_duration(text, " hold=", rule->hold_us);
	if (rule->key) {
		text_add(text, " key=");
		text_add(text, rule->key);
	}
	if (rule->max_bytes)
		add_number(text, " max=", rule->max_bytes);
	if (rule->minrtt_us != POLICY_MINRTT_US)
		add_duration(text, " minrtt=", rule->minrtt_us);
	if (rule->program) {
		text_add(text, " program=");
		text_add(text, rule->program);
	}
	if (rule->verb == POLICY_ALLOW && rule->supervise != (rule->payload == POLICY_PAYLOAD_ANY))
		text_add(text, rule->supervise ? " supervise=yes" : " supervise=no");
	if (rule->suspend_s != POLICY_SUSPEND_S)
		add_duration(text, " suspend=", rule->suspend_s * (uint64_t)1000000);
	if (!rule->verify)
		text_add(text, " verify=off");
}

size_t policy_rule_text(const struct policy_rule *rule, char *text, size_t size)
{
	static const char *const verbs[] = {
		[POLICY_ALLOW] = "allow ",
		[POLICY_DENY] = "deny ",
		[POLICY_LISTEN] = "listen ",
	};
	struct text out;

	if (size == 0)
		return 0;
	out = text_in(text, size);
	text_add(&out, verbs[rule->verb]);
	add_destination(&out, rule);
	add_ports(&out, rule);
	if (rule->verb == POLICY_ALLOW)
		add_payload(&out, rule);
	add_options(&out, rule);
	return out.length;
}
