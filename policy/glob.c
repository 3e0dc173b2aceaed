/* SPDX-License-Identifier: MIT */
/* File name patterns. */
#include "glob.h"

#include "text.h"

#include <string.h>

bool glob_is_pattern(const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (name[i] == '*' || name[i] == '?' || name[i] == '[')
			return true;
	}
	return false;
}

/* Behind the bracket that closes a set, NULL if none does. A ] that comes first is in the set. */
static const char *set_end(const char *set)
{
	const char *at = set + 1;

	at += *at == '!' || *at == '^';
	at += *at == ']';
	at = strchr(at, ']');
	return at ? at + 1 : NULL;
}

static bool is_in_set(const char *set, const char *end, char byte)
{
	const char *at = set + 1, *last = end - 1;
	bool negated = *at == '!' || *at == '^', found = false;

	for (at += negated; at < last; at++) {
		unsigned char low = (unsigned char)*at, high = low;

		if (at + 2 < last && at[1] == '-') {
			high = (unsigned char)at[2];
			at += 2;
		}
		found |= (unsigned char)byte >= low && (unsigned char)byte <= high;
	}
	return found != negated;
}

/* Takes one item that is no * off the pattern if it matches what the name begins with. */
static bool take_one(const char **pattern, const char **name)
{
	const char *end = **pattern == '[' ? set_end(*pattern) : NULL;
	size_t step = 1;

	if (**name == '\0')
		return false;
	if (end && !is_in_set(*pattern, end, **name))
		return false;
	if (!end && **pattern != '?' && **pattern != **name)
		return false;
	if (**pattern == '?')
		step = text_character_length(*name, strlen(*name));
	*pattern = end ? end : *pattern + 1;
	*name += step > 0 ? step : 1;
	return true;
}

/* Only the last * is ever tried again: what an earlier one could give, this one can as well. */
bool glob_matches(const char *pattern, const char *name)
{
	const char *star = NULL, *star_name = NULL;

	if (*name == '.' && *pattern != '.')
		return false;
	while (*name || *pattern) {
		if (*pattern == '*') {
			star = ++pattern;
			star_name = name;
		} else if (*pattern == '\0' || !take_one(&pattern, &name)) {
			if (!star || *star_name == '\0')
				return false;
			pattern = star;
			name = ++star_name;
		}
	}
	return true;
}
