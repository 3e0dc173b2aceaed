/* SPDX-License-Identifier: MIT */
/*
 * What real clients write first, as captured for the fuzzers: each class accepts its captures, but
 * not those named refused-*.
 */
#include "payload_check.h"

#include <dirent.h>
#include <limits.h>

static const struct {
	const char *name;
	payload_class class;
} classes[] = {
	{"tls", payload_tls},	  {"http", payload_http},	    {"dns", payload_dns},
	{"redis", payload_redis}, {"memcached", payload_memcached},
};

static bool read_capture(struct bytes *payload, const char *path)
{
	FILE *file = fopen(path, "re");

	if (!file)
		return false;
	payload->length = fread(payload->at, 1, sizeof(payload->at), file);
	fclose(file);
	return payload->length > 0;
}

static void check_capture(payload_class class, const char *directory, const char *name)
{
	char path[PATH_MAX + sizeof(((struct dirent *)NULL)->d_name)];
	struct bytes payload;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	if (!read_capture(&payload, path)) {
		check(false, "%s: cannot be read", path);
		return;
	}
	if (strncmp(name, "refused-", strlen("refused-")) == 0)
		check(judge(class, payload.at, payload.length) == PAYLOAD_REFUSED,
		      "%s: not refused", path);
	else
		check_accepted(class, &payload, path);
}

int main(void)
{
	for (size_t i = 0; i < COUNT(classes); i++) {
		char path[PATH_MAX];
		unsigned int captures = 0;
		struct dirent *entry;
		DIR *directory;

		snprintf(path, sizeof(path), "%s/%s", TFO_SEEDS, classes[i].name);
		directory = opendir(path);
		check(directory != NULL, "%s: no such directory", path);
		while (directory && (entry = readdir(directory))) {
			if (entry->d_name[0] == '.')
				continue;
			check_capture(classes[i].class, path, entry->d_name);
			captures++;
		}
		check(captures > 5, "%s: %u captures", path, captures);
		if (directory)
			closedir(directory);
	}
	return check_result();
}
