/* SPDX-License-Identifier: MIT */
/* Where the runtime is. tools/runtime.cmake puts it together. */
#include "runtime.h"

#include "tfoctl.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As seen from the directory of tfoctl: in itself, in a build, and where it was installed. */
static const char *const places[] = {
	".",
	"../libexec/tfo-run",
#ifdef TFO_RUNTIME_FROM_BIN
	TFO_RUNTIME_FROM_BIN,
#endif
};

const struct runtime_part runtime_parts[] = {
	{RUNTIME_LIBRARY, 0644}, {RUNTIME_TFOCTL, 0755},
#if defined(__x86_64__) || defined(__aarch64__)
	{"tfo-supervise", 0755},
#endif
	{RUNTIME_POLICY, 0644},	 {RUNTIME_SCRIPT, 0755},
};
const size_t runtime_part_count = sizeof(runtime_parts) / sizeof(runtime_parts[0]);

static bool has_part(const char *directory, const char *name)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/%s", directory, name) < (int)sizeof(path) &&
	       access(path, F_OK) == 0;
}

bool runtime_find(char *directory, size_t size)
{
	char own[PATH_MAX] = "", place[2 * PATH_MAX], *found;
	ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);

	if (length < 0) {
		complain("/proc/self/exe: %s", strerror(errno));
		return false;
	}
	own[length] = '\0';
	*strrchr(own, '/') = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(place, sizeof(place), "%s/%s", own, places[i]);
		if (!has_part(place, RUNTIME_LIBRARY))
			continue;
		found = realpath(place, NULL);
		if (found && strlen(found) < size) {
			strcpy(directory, found); /* NOLINT: it fits */
			free(found);
			return true;
		}
		free(found);
	}
	complain("%s: no runtime here, nor in %s/%s", own, own, places[1]);
	return false;
}

bool runtime_is_whole(const char *directory)
{
	for (size_t i = 0; i < runtime_part_count; i++) {
		const char *name = runtime_parts[i].name;

		if (has_part(directory, name))
			continue;
		complain("%s: no %s in it%s", directory, name,
			 strcmp(name, RUNTIME_TFOCTL) == 0
				 ? ": it was built without a static one; build it where musl-gcc is"
				 : "");
		return false;
	}
	return true;
}
