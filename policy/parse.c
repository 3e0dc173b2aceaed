/* SPDX-License-Identifier: MIT */
/* From text to rules: lines, columns, verbs. What stands in a column is read by parse_*.c. */
#include "parse.h"

#include <pthread.h>

#define LINE_MOST 4096

void parse_say_where_from(const struct parse *from, struct policy_problem *problem)
{
	struct text text = text_in(problem->included_from, sizeof(problem->included_from));

	for (; from; from = from->from) {
		if (text.length > 0)
			text_add(&text, ", ");
		text_add_visible(&text, from->file, strlen(from->file));
		text_add_byte(&text, ':');
		text_add_number(&text, from->number);
	}
}

struct text parse_problem(const struct parse *parse, struct span span)
{
	struct text text =
		problem_in_line(parse->problem, parse->file, parse->number, parse->line, span);

	parse_say_where_from(parse->from, parse->problem);
	return text;
}

/* Each `@` of the sentence is the piece. */
static void add_sentence(struct text *text, struct span span, const char *sentence)
{
	for (; *sentence; sentence++) {
		if (*sentence == '@')
			text_add_quoted(text, span.at, span.length);
		else
			text_add_byte(text, *sentence);
	}
}

int parse_refuse(const struct parse *parse, struct span span, const char *sentence)
{
	struct text text = parse_problem(parse, span);

	add_sentence(&text, span, sentence);
	return -1;
}

void parse_warn(const struct parse *parse, struct span span, const char *sentence)
{
	const struct policy_listener *listener = parse->policy->listener;
	struct text text;

	if (!listener)
		return;
	text = parse_problem(parse, span);
	add_sentence(&text, span, sentence);
	listener->warning(parse->problem, listener->context);
}

bool parse_told(const struct parse *parse)
{
	const struct policy_listener *listener = parse->policy->listener;

	if (!listener)
		return false;
	parse->policy->is_bad = true;
	listener->problem(parse->problem, listener->context);
	return true;
}

int parse_no_memory(const struct parse *parse)
{
	struct text text = problem_with_file(parse->problem, parse->file);

	text_add(&text, "there is not enough memory for the policy");
	parse_say_where_from(parse->from, parse->problem);
	return -1;
}

bool parse_number(struct span span, unsigned int most, unsigned int *number)
{
	unsigned int value = 0;

	for (size_t i = 0; i < span.length; i++) {
		unsigned int digit = (unsigned int)(unsigned char)span.at[i] - '0';

		if (digit > 9 || digit > most || value > (most - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*number = value;
	return span.length > 0;
}

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

/* The length of a quoted piece with both quotes; 0 if it does not end. */
static size_t quoted_length(const char *at, size_t left)
{
	for (size_t i = 1; i < left; i++) {
		if (at[i] == '"')
			return i + 1;
		if (at[i] == '\\')
			i++;
	}
	return 0;
}

/* A column ends at a blank outside quotes. Its length is 0 at the end of the line. */
static int next_column(struct parse *parse, struct span *column)
{
	const char *line = parse->line.at;
	size_t length = parse->line.length;
	size_t at = parse->at, from;

	while (at < length && is_blank(line[at]))
		at++;
	from = at;
	*column = (struct span){line + at, 0};
	if (at < length && line[at] == '#')
		from = at = length;
	while (at < length && !is_blank(line[at])) {
		size_t step = line[at] == '"' ? quoted_length(line + at, length - at) : 1;

		if (step == 0)
			return parse_refuse(parse, (struct span){line + at, length - at},
					    "this quote does not end on its line");
		at += step;
	}
	column->length = at - from;
	if (column->length > 0)
		parse->end = at;
	parse->at = at;
	return 0;
}

/* A column that must be there: `missing` is the sentence if it is not. */
static int need_column(struct parse *parse, struct span *column, const char *missing)
{
	if (next_column(parse, column) < 0)
		return -1;
	if (column->length > 0)
		return 0;
	return parse_refuse(parse, (struct span){parse->line.at + parse->end, 0}, missing);
}

static int parse_verb(const struct parse *parse, struct policy_rule *rule, struct span column)
{
	if (span_is(column, "allow"))
		rule->verb = POLICY_ALLOW;
	else if (span_is(column, "deny"))
		rule->verb = POLICY_DENY;
	else if (span_is(column, "listen"))
		rule->verb = POLICY_LISTEN;
	else
		return parse_refuse(
			parse, column,
			"unknown verb @: a line begins with allow, deny, listen or include");
	return 0;
}

/* `others` is the sentence about what is no option of such a rule; NULL: the options' own. */
static int parse_options(struct parse *parse, struct policy_rule *rule, const char *others)
{
	struct span column;
	unsigned int seen = 0;

	for (;;) {
		if (next_column(parse, &column) < 0)
			return -1;
		if (column.length == 0)
			return 0;
		if (others && !parse_is_option(rule, column))
			return parse_refuse(parse, column, others);
		if (parse_option(parse, rule, column, &seen) < 0)
			return -1;
	}
}

static int parse_allow_columns(struct parse *parse, struct policy_rule *rule)
{
	struct span column;

	if (need_column(parse, &column,
			"an allow rule names its payload behind the ports: any, tls, http, dns or "
			"prefix:\"bytes\"") < 0 ||
	    parse_payload(parse, rule, column) < 0)
		return -1;
	rule->supervise = rule->payload == POLICY_PAYLOAD_ANY;
	return parse_options(parse, rule, NULL);
}

static int parse_deny_columns(struct parse *parse, struct policy_rule *rule)
{
	return parse_options(parse, rule,
			     "a deny rule takes no payload and of the options only program=, but "
			     "here is @");
}

/* There is no name for an address that one listens at: what would resolve to it is not asked. */
static int parse_listen_columns(struct parse *parse, struct policy_rule *rule,
				struct span destination)
{
	if (rule->destination >= POLICY_HOST)
		return parse_refuse(parse, destination,
				    "@ is a name: a listen rule has an address of this machine, a "
				    "block or *");
	rule->backlog = POLICY_BACKLOG;
	return parse_options(parse, rule,
			     "a listen rule takes no payload and of the options only backlog=, "
			     "key= and program=, but here is @");
}

static int parse_columns(struct parse *parse, struct policy_rule *rule, struct span verb)
{
	struct span destination, column;

	if (parse_verb(parse, rule, verb) < 0)
		return -1;
	if (need_column(parse, &destination,
			"the destination is missing: expected an address, a block, a host name, "
			"*.suffix or *") < 0 ||
	    parse_destination(parse, rule, destination) < 0)
		return -1;
	if (need_column(parse, &column,
			"the ports are missing: expected a list such as 80,8000-8100, or *") < 0 ||
	    parse_ports(parse, rule, column) < 0)
		return -1;
	if (rule->verb == POLICY_LISTEN)
		return parse_listen_columns(parse, rule, destination);
	return rule->verb == POLICY_ALLOW ? parse_allow_columns(parse, rule)
					  : parse_deny_columns(parse, rule);
}

/* The columns of the line again, one space between them: never longer than the line. */
static const char *rule_text(struct parse *parse)
{
	size_t size = parse->line.length + 1;
	char *bytes = arena_take(&parse->policy->arena, size);
	struct text text;
	struct span column;

	if (!bytes)
		return NULL;
	text = text_in(bytes, size);
	parse->at = 0;
	while (next_column(parse, &column) == 0 && column.length > 0) {
		if (text.length > 0)
			text_add_byte(&text, ' ');
		text_add_bytes(&text, column.at, column.length);
	}
	return bytes;
}

static void note_allowed(struct port_filter *filter, const struct policy_rule *rule)
{
	if (rule->port_count == 0)
		port_filter_add(filter, 0, UINT16_MAX);
	for (size_t i = 0; i < rule->port_count; i++)
		port_filter_add(filter, rule->ports[i].first, rule->ports[i].last);
}

static void append_rule(struct policy *policy, struct policy_rule *rule)
{
	rule->policy = policy;
	rule->position = policy->count++;
	if (policy->last)
		policy->last->next = rule;
	else
		policy->first = rule;
	policy->last = rule;
	if (rule->verb == POLICY_ALLOW)
		note_allowed(&policy->allowed_ports, rule);
	if (rule->program)
		policy->has_programs = true;
	if (rule->destination != POLICY_HOST && rule->destination != POLICY_SUFFIX)
		return;
	policy->has_names = true;
	if (rule->verb == POLICY_DENY && policy->named_denial == POLICY_NO_DENIAL)
		policy->named_denial = rule->position;
}

static int parse_rule(struct parse *parse, struct span verb)
{
	struct policy_rule *rule = arena_take(&parse->policy->arena, sizeof(*rule));

	if (!rule)
		return parse_no_memory(parse);
	rule->file = parse->file;
	rule->line = parse->number;
	rule->verify = true;
	rule->minrtt_us = POLICY_MINRTT_US;
	rule->suspend_s = POLICY_SUSPEND_S;
	if (parse_columns(parse, rule, verb) < 0)
		return -1;
	rule->text = rule_text(parse);
	if (!rule->text)
		return parse_no_memory(parse);
	if (rule->verb == POLICY_LISTEN)
		policy_append_listen_rule(parse->policy, rule);
	else
		append_rule(parse->policy, rule);
	return 0;
}

/* The first byte that is not UTF-8, or NULL. */
static const char *foreign_byte(struct span line)
{
	for (size_t i = 0; i < line.length;) {
		bool plain = (unsigned char)line.at[i] < 0x80; /* as nearly all are */
		size_t step = plain ? 1 : text_character_length(line.at + i, line.length - i);

		if (step == 0)
			return line.at + i;
		i += step;
	}
	return NULL;
}

static int check_line(const struct parse *parse)
{
	const char *nul = span_find(parse->line, '\0'), *foreign;

	if (nul)
		return parse_refuse(parse, (struct span){nul, 1},
				    "a NUL byte stands here: a policy is plain text");
	if (parse->line.length > LINE_MOST)
		return parse_refuse(parse, (struct span){parse->line.at + LINE_MOST, 1},
				    "this line is longer than 4096 bytes");
	if (parse->number == 1 && span_begins(parse->line, "\xef\xbb\xbf"))
		return parse_refuse(parse, (struct span){parse->line.at, 3},
				    "the file begins with a byte order mark: save it without one");
	foreign = foreign_byte(parse->line);
	if (foreign)
		return parse_refuse(parse, (struct span){foreign, 1},
				    "this byte is not UTF-8: a policy is plain text");
	return 0;
}

/* A line that stands alone: nothing but the path may be behind the verb. */
static int parse_include_line(struct parse *parse)
{
	struct span path, column;

	if (need_column(parse, &path,
			"the path is missing: expected a file, or a pattern such as "
			"/etc/tfo/policy.d/*.policy") < 0 ||
	    next_column(parse, &column) < 0)
		return -1;
	if (column.length > 0)
		return parse_refuse(parse, column, "an include ends with its path, but here is @");
	return parse_include(parse, path);
}

static int parse_line(struct parse *parse)
{
	struct span verb;

	if (check_line(parse) < 0 || next_column(parse, &verb) < 0)
		return -1;
	if (verb.length == 0)
		return 0;
	return span_is(verb, "include") ? parse_include_line(parse) : parse_rule(parse, verb);
}

/* Cuts one line off the text, without its line end (LF or CRLF). */
static struct span take_line(struct span *text)
{
	const char *newline = span_find(*text, '\n');
	struct span line = newline ? span_before(*text, newline) : *text;

	*text = span_from(*text, newline ? newline + 1 : text->at + text->length);
	if (line.length > 0 && line.at[line.length - 1] == '\r')
		line.length--;
	return line;
}

int parse_text(struct parse *parse, const char *text, size_t length)
{
	struct span left = {text, length};

	while (left.length > 0) {
		parse->number++;
		parse->line = take_line(&left);
		parse->at = parse->end = 0;
		if (parse_line(parse) < 0 && !parse_told(parse))
			return -1;
	}
	return 0;
}

int policy_add_text(struct policy *policy, const char *name, const char *text, size_t length,
		    struct policy_problem *problem)
{
	struct parse parse = {.policy = policy, .problem = problem, .file = name};
	const char *copy = arena_copy(&policy->arena, name, strlen(name));
	int cancel, result;

	if (!copy)
		return parse_no_memory(&parse);
	parse.file = copy;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel); /* it may include files */
	result = parse_text(&parse, text, length);
	pthread_setcancelstate(cancel, NULL);
	return result == 0 && policy->is_bad ? -1 : result;
}
