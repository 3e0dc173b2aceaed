/* SPDX-License-Identifier: MIT */
/* What is wrong with a policy, and how that is shown. */
#include "problem.h"

#include <string.h>

/* How much is shown before the fault in a line that does not fit. */
#define SHOWN_BEFORE 100

struct text problem_with_file(struct policy_problem *problem, const char *file)
{
	struct text name = text_in(problem->file, sizeof(problem->file));

	text_add_visible(&name, file, strlen(file));
	problem->line = 0;
	problem->column = 0;
	problem->width = 1;
	problem->source[0] = '\0';
	problem->source_column = 1;
	problem->included_from[0] = '\0';
	return text_in(problem->sentence, sizeof(problem->sentence));
}

/* Where the shown part of a line begins so that the fault is in it. */
static size_t shown_from(struct span line, size_t fault, size_t width, size_t room)
{
	size_t from = fault > SHOWN_BEFORE ? fault - SHOWN_BEFORE : 0;

	if (line.length <= room || fault + width <= room)
		return 0;
	while (from < fault && text_continues_character(line.at[from]))
		from++;
	return from;
}

static size_t shown_length(struct span line, size_t from, size_t room)
{
	size_t length = line.length - from;

	if (length <= room)
		return length;
	length = room;
	while (length > 0 && text_continues_character(line.at[from + length]))
		length--;
	return length;
}

struct text problem_in_line(struct policy_problem *problem, const char *file, unsigned int number,
			    struct span line, struct span span)
{
	struct text sentence = problem_with_file(problem, file);
	struct text source = text_in(problem->source, sizeof(problem->source));
	size_t fault = (size_t)(span.at - line.at);
	size_t from = shown_from(line, fault, span.length, source.size - 1);
	unsigned int width = text_characters(span.at, span.length);

	problem->line = number;
	problem->column = text_characters(line.at, fault) + 1;
	problem->width = width > 0 ? width : 1;
	problem->source_column = text_characters(line.at, from) + 1;
	text_add_visible(&source, line.at + from, shown_length(line, from, source.size - 1));
	return sentence;
}

/* Tabs stay tabs, so that the caret stands right whatever their width. */
static void add_caret_line(struct text *text, const struct policy_problem *problem)
{
	unsigned int column = problem->source_column;
	unsigned int end = problem->column + problem->width;

	for (const char *at = problem->source; *at && column < end; at++) {
		if (text_continues_character(*at))
			continue;
		if (column < problem->column)
			text_add_byte(text, *at == '\t' ? '\t' : ' ');
		else
			text_add_byte(text, column == problem->column ? '^' : '~');
		column++;
	}
	if (column <= problem->column) /* something is missing behind the end of the line */
		text_add_byte(text, '^');
	text_add_byte(text, '\n');
}

static void add_place(struct text *text, const struct policy_problem *problem)
{
	text_add(text, problem->file);
	if (problem->line > 0) {
		text_add_byte(text, ':');
		text_add_number(text, problem->line);
		text_add_byte(text, ':');
		text_add_number(text, problem->column);
	}
	text_add(text, ": ");
}

static size_t write_problem(const struct policy_problem *problem, const char *kind, char *text,
			    size_t size)
{
	struct text message;

	if (size == 0)
		return 0;
	message = text_in(text, size);
	add_place(&message, problem);
	text_add(&message, kind);
	text_add(&message, problem->sentence);
	text_add_byte(&message, '\n');
	if (problem->line > 0) {
		text_add(&message, problem->source);
		text_add_byte(&message, '\n');
		add_caret_line(&message, problem);
	}
	if (problem->included_from[0]) {
		text_add(&message, "included from ");
		text_add(&message, problem->included_from);
		text_add_byte(&message, '\n');
	}
	return message.length;
}

size_t policy_problem_text(const struct policy_problem *problem, char *text, size_t size)
{
	return write_problem(problem, "", text, size);
}

size_t policy_warning_text(const struct policy_problem *warning, char *text, size_t size)
{
	return write_problem(warning, "warning: ", text, size);
}
