/* SPDX-License-Identifier: MIT */
/*
 * How a line becomes a rule: parse.c cuts it into columns, and each column has a file of its own.
 * Every function returns 0, or -1 with the problem filled in. Inside the policy room only.
 */
#ifndef TFO_POLICY_PARSE_H
#define TFO_POLICY_PARSE_H

#include "problem.h"
#include "rules.h"

#include <string.h>

struct parse {
	struct policy *policy;
	struct policy_problem *problem;
	const char *file;
	const char *directory; /* of the file, "" or with a final slash; NULL: there is no file */
	const struct parse *from; /* where the line is that includes this file; NULL: none does */
	uint64_t device, inode;	  /* of the file */
	struct span included;	  /* in an include line: the column of the path */
	unsigned int number;	  /* of the line */
	struct span line;
	size_t at;  /* what is left of the line begins here */
	size_t end; /* where the last column ended */
};

/* The columns; each fills in its part of the rule. */
int parse_destination(const struct parse *parse, struct policy_rule *rule, struct span column);
int parse_ports(const struct parse *parse, struct policy_rule *rule, struct span column);
int parse_payload(const struct parse *parse, struct policy_rule *rule, struct span column);

/* Whether a column has the name of an option that rules with this verb have. */
bool parse_is_option(const struct policy_rule *rule, struct span column);

/* `seen` collects which options the rule already has; it is 0 before the first. */
int parse_option(const struct parse *parse, struct policy_rule *rule, struct span column,
		 unsigned int *seen);

/* The column of an include line; reads the files. */
int parse_include(struct parse *parse, struct span column);

/* Reads the lines of a text: parse.c. */
int parse_text(struct parse *parse, const char *text, size_t length);

/* Reads a file: file.c. `from` as in struct parse. */
int parse_file(struct policy *policy, const char *path, const struct parse *from,
	       struct policy_problem *problem);

/* The port of a service: services.c. `span` has nothing but the characters of such names. */
int parse_service(const struct parse *parse, struct span name, uint16_t *port);

/* What stands in quotes: a column that begins with one. `to` has room for as many bytes. */
int parse_quoted(const struct parse *parse, struct span quoted, uint8_t *to, size_t *length);

/* Whether somebody was told of the problem just filled in, so that reading goes on behind it. */
bool parse_told(const struct parse *parse);

/* Tells whoever listens that a piece of the line may not be meant as it is written; the sentence
 * is as for parse_refuse(). */
void parse_warn(const struct parse *parse, struct span span, const char *sentence);

/* Adds to a problem which lines led to the file that it is about. */
void parse_say_where_from(const struct parse *from, struct policy_problem *problem);

/* Refuses the policy because of a piece of the line: always -1. Each `@` in the sentence stands
 * for that piece in quotes. */
int parse_refuse(const struct parse *parse, struct span span, const char *sentence);

/* The same where the sentence names another piece than the one that is underlined, or is put
 * together: the caller goes on writing. */
struct text parse_problem(const struct parse *parse, struct span span);

/* Refuses because there is no memory: always -1. */
int parse_no_memory(const struct parse *parse);

/* A decimal number of at most `most`: digits only, at least one. */
bool parse_number(struct span span, unsigned int most, unsigned int *number);

static inline bool span_is(struct span span, const char *string)
{
	return span.length == strlen(string) && memcmp(span.at, string, span.length) == 0;
}

static inline bool span_begins(struct span span, const char *string)
{
	size_t length = strlen(string);

	return span.length >= length && memcmp(span.at, string, length) == 0;
}

/* The first place of a byte, or NULL. */
static inline const char *span_find(struct span span, char byte)
{
	return memchr(span.at, byte, span.length);
}

/* What lies before and behind a place in a span. */
static inline struct span span_before(struct span span, const char *at)
{
	return (struct span){span.at, (size_t)(at - span.at)};
}

static inline struct span span_from(struct span span, const char *at)
{
	return (struct span){at, (size_t)(span.at + span.length - at)};
}

#endif
