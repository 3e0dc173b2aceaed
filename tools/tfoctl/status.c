/* SPDX-License-Identifier: MIT */
/*
 * tfoctl status: takes a snapshot of the memory and has it printed, once or again and again. How it
 * looks stands in table.c, status_json.c and watch.c.
 */
#include "status.h"

#include "place.h"
#include "tfoctl.h"

#include <stdlib.h>
#include <string.h>

#define SECONDS_MOST 86400.0

struct wish {
	bool json, watch, servers;
	double seconds;
};

static snapshot_printer printer = print_table;

/* `items` with room for one more; NULL, and the old ones freed, when there is none. */
static void *grown(void *items, size_t count, size_t size)
{
	void *more;

	if (count & (count - 1)) /* room for a power of two */
		return items;
	more = reallocarray(items, count ? 2 * count : 1, size);
	if (!more)
		free(items);
	return more;
}

static void add_destination(const struct remembered *remembered, void *context)
{
	struct snapshot *snapshot = context;

	snapshot->destinations =
		grown(snapshot->destinations, snapshot->count, sizeof(*remembered));
	snapshot->is_short |= !snapshot->destinations;
	if (!snapshot->destinations)
		snapshot->count = 0;
	else
		snapshot->destinations[snapshot->count++] = *remembered;
}

static void add_trial(const struct remembered_trial *trial, void *context)
{
	struct snapshot *snapshot = context;

	snapshot->trials = grown(snapshot->trials, snapshot->trial_count, sizeof(*trial));
	snapshot->is_short |= !snapshot->trials;
	if (!snapshot->trials)
		snapshot->trial_count = 0;
	else
		snapshot->trials[snapshot->trial_count++] = *trial;
}

/* Most time saved first, then most connections; the address makes the order a fixed one. */
static int compare(const void *left, const void *right)
{
	const struct remembered *one = left, *other = right;
	char text[PLACE_TEXT_SIZE], other_text[PLACE_TEXT_SIZE];

	if (one->saved_us != other->saved_us)
		return one->saved_us > other->saved_us ? -1 : 1;
	if (one->connections != other->connections)
		return one->connections > other->connections ? -1 : 1;
	return strcmp(place_text(&one->address.any, text),
		      place_text(&other->address.any, other_text));
}

static void show(FILE *to)
{
	struct snapshot snapshot = {.file = memory_path(), .paused_until_s = memory_paused_until()};

	memory_each(add_destination, &snapshot);
	memory_each_trial(add_trial, &snapshot);
	if (snapshot.count)
		qsort(snapshot.destinations, snapshot.count, sizeof(*snapshot.destinations),
		      compare);
	if (snapshot.is_short)
		complain("status: not enough memory to show everything");
	printer(to, &snapshot);
	free(snapshot.destinations);
	free(snapshot.trials);
}

static bool read_seconds(const char *text, double *seconds)
{
	char *end;

	*seconds = strtod(text, &end);
	if (end != text && !*end && *seconds > 0 && *seconds <= SECONDS_MOST)
		return true;
	complain("--watch: \"%s\" is not a number of seconds", text);
	return false;
}

/* The word behind --watch is its number if it looks like one. */
static bool is_number(const char *word)
{
	return word && *word && strspn(word, "0123456789.") == strlen(word);
}

static int read_words(int count, char **words, struct wish *wish)
{
	for (int i = 0; i < count; i++) {
		const char *number = NULL;

		if (strcmp(words[i], "--json") == 0) {
			wish->json = true;
			continue;
		}
		if (strcmp(words[i], "--listen") == 0) {
			wish->servers = true;
			continue;
		}
		if (strncmp(words[i], "--watch=", 8) == 0)
			number = words[i] + 8;
		else if (strcmp(words[i], "--watch") != 0)
			return refuse_word(words[i]);
		else if (i + 1 < count && is_number(words[i + 1]))
			number = words[++i];
		wish->watch = true;
		if (number && !read_seconds(number, &wish->seconds))
			return STATUS_USAGE;
	}
	return 0;
}

int status_verb(int count, char **words)
{
	struct wish wish = {.seconds = 1};
	int status = read_words(count, words, &wish);
	void (*shown)(FILE * to) = show;

	if (status)
		return status;
	find_memory();
	if (wish.json)
		printer = print_json;
	if (wish.servers)
		shown = wish.json ? print_servers_as_json : print_servers;
	if (wish.watch)
		watch(wish.seconds, !wish.json, shown);
	else
		shown(stdout);
	return EXIT_SUCCESS;
}
