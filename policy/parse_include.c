/* SPDX-License-Identifier: MIT */
/* `include PATH`: other files, read where the line stands. */
#include "content.h"
#include "glob.h"
#include "parse.h"
#include "trust.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEPTH_MOST    8u
#define MATCHES_MOST  1024u
#define LISTING_BYTES 16384u

/* The files of a directory that a pattern means, sorted by their bytes. */
struct match {
	const char *name;
	struct match *next;
};

struct listing {
	struct arena arena; /* not the policy's: none of this is needed longer */
	const char *directory, *pattern;
	struct match *matches;
	unsigned int count;
};

/* getdents64(2). */
struct entry {
	uint64_t inode;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

static int no_memory(const struct parse *parse)
{
	return parse_no_memory(parse);
}

static int add_match(const struct parse *parse, struct listing *listing, const char *name)
{
	struct match *match = arena_take(&listing->arena, sizeof(*match));
	struct match **place = &listing->matches;

	if (!match)
		return no_memory(parse);
	match->name = arena_copy(&listing->arena, name, strlen(name));
	if (!match->name)
		return no_memory(parse);
	if (++listing->count > MATCHES_MOST)
		return parse_refuse(parse, parse->included, "@ means more than 1024 files");
	while (*place && strcmp((*place)->name, name) < 0)
		place = &(*place)->next;
	match->next = *place;
	*place = match;
	return 0;
}

static int list_some(const struct parse *parse, struct listing *listing, const char *bytes,
		     size_t length)
{
	for (size_t at = 0; at < length;) {
		const struct entry *entry = (const struct entry *)(bytes + at);

		if (glob_matches(listing->pattern, entry->name) &&
		    add_match(parse, listing, entry->name) < 0)
			return -1;
		at += entry->size;
	}
	return 0;
}

static int refuse_directory(const struct parse *parse, const char *path, const char *what,
			    int error)
{
	content_refuse_errno(parse->problem, path, what, error);
	parse_say_where_from(parse, parse->problem);
	return -1;
}

/* opendir(3) and readdir(3) allocate. */
static int list_open(const struct parse *parse, struct listing *listing, int fd)
{
	char *bytes = arena_take(&listing->arena, LISTING_BYTES);
	struct stat status;
	long length;

	if (!bytes)
		return no_memory(parse);
	if (fstat(fd, &status) < 0)
		return refuse_directory(parse, listing->directory, "cannot be examined: ", errno);
	if (trust_check(&status, listing->directory, parse->problem) < 0) {
		parse_say_where_from(parse, parse->problem);
		return -1;
	}
	if (!source_add(parse->policy, listing->directory, &status))
		return no_memory(parse);
	while ((length = syscall(SYS_getdents64, fd, bytes, LISTING_BYTES)) > 0) {
		if (list_some(parse, listing, bytes, (size_t)length) < 0)
			return -1;
	}
	if (length < 0)
		return refuse_directory(parse, listing->directory, "cannot be read: ", errno);
	return 0;
}

/* A directory that is not there has no files that match; it may come. */
static int list_directory(const struct parse *parse, struct listing *listing)
{
	int result, fd = content_open(listing->directory, O_DIRECTORY);

	if (fd < 0 && errno == ENOENT)
		return source_add(parse->policy, listing->directory, NULL) ? 0 : no_memory(parse);
	if (fd < 0)
		return refuse_directory(parse, listing->directory, "cannot be opened: ", errno);
	result = list_open(parse, listing, fd);
	close(fd);
	return result;
}

/* The path of a file that is included, for as long as the policy lives: messages name it. */
static const char *joined(struct arena *arena, const char *directory, size_t length,
			  const char *name, size_t name_length)
{
	char *path = arena_take(arena, length + name_length + 1);

	if (!path)
		return NULL;
	memcpy(path, directory, length);
	memcpy(path + length, name, name_length);
	return path;
}

static int include_file(const struct parse *parse, const char *path)
{
	if (parse_file(parse->policy, path, parse, parse->problem) == 0)
		return 0;
	return parse_told(parse) ? 0 : -1;
}

static int include_matches(const struct parse *parse, const struct listing *listing,
			   const char *path, size_t directory_length)
{
	if (!listing->matches)
		parse_warn(parse, parse->included, "no file matches @");
	for (const struct match *match = listing->matches; match; match = match->next) {
		const char *file = joined(&parse->policy->arena, path, directory_length,
					  match->name, strlen(match->name));

		if (!file)
			return no_memory(parse);
		if (include_file(parse, file) < 0)
			return -1;
	}
	return 0;
}

/* `name` is the last component of the path. */
static int include_pattern(const struct parse *parse, const char *path, const char *name)
{
	size_t directory_length = (size_t)(name - path);
	struct listing listing = {.pattern = name, .directory = "."};
	int result;

	if (directory_length > 0)
		listing.directory = arena_copy(&listing.arena, path, directory_length);
	if (listing.directory)
		result = list_directory(parse, &listing);
	else
		result = no_memory(parse);
	if (result == 0)
		result = include_matches(parse, &listing, path, directory_length);
	arena_free(&listing.arena);
	return result;
}

static bool is_too_deep(const struct parse *parse)
{
	unsigned int depth = 0;

	for (; parse; parse = parse->from)
		depth++;
	return depth > DEPTH_MOST;
}

/* Reads the column, quoted or not; NULL with the problem filled in. */
static char *written_path(const struct parse *parse, struct span column, size_t *length)
{
	char *path = arena_take(&parse->policy->arena, column.length + 1);

	if (!path) {
		no_memory(parse);
		return NULL;
	}
	*length = column.length;
	memcpy(path, column.at, column.length);
	if (span_begins(column, "\"")) {
		if (parse_quoted(parse, column, (uint8_t *)path, length) < 0)
			return NULL;
		path[*length] = '\0';
	}
	if (*length > 0 && !memchr(path, '\0', *length) && path[*length - 1] != '/')
		return path;
	parse_refuse(parse, column, "@ is not the path of a file");
	return NULL;
}

int parse_include(struct parse *parse, struct span column)
{
	size_t length, before;
	char *written = written_path(parse, column, &length);
	const char *path, *name;

	parse->included = column;
	if (!written)
		return -1;
	if (*written != '/' && !parse->directory)
		return parse_refuse(parse, column,
				    "@ is not an absolute path, and these rules stand in no file "
				    "that it could be next to");
	if (is_too_deep(parse))
		return parse_refuse(parse, column, "includes are nested deeper than 8");
	before = *written == '/' ? 0 : strlen(parse->directory);
	path = joined(&parse->policy->arena, before ? parse->directory : "", before, written,
		      length);
	if (!path)
		return no_memory(parse);
	name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	if ((size_t)(name - path) > before &&
	    glob_is_pattern(path + before, (size_t)(name - path) - before))
		return parse_refuse(parse, column,
				    "@ has a pattern that is not in its last part: only file names "
				    "can be patterns");
	if (glob_is_pattern(name, strlen(name)))
		return include_pattern(parse, path, name);
	return include_file(parse, path);
}
