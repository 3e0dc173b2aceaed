/* SPDX-License-Identifier: MIT */
/* Finds and reads the files of a service. What follows from them is not said here. */
#include "unit_file.h"

#include "tfoctl.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORIES_MOST 24

/* Before the others what stands before them in systemd's list. */
static const char *const system_directories[] = {
	"/etc/systemd/system.control", "/run/systemd/system.control",
	"/run/systemd/transient",      "/run/systemd/generator.early",
	"/etc/systemd/system",	       "/etc/systemd/system.attached",
	"/run/systemd/system",	       "/run/systemd/system.attached",
	"/run/systemd/generator",      "/usr/local/lib/systemd/system",
	"/usr/lib/systemd/system",     "/lib/systemd/system",
	"/run/systemd/generator.late",
};

/* Those that begin with a "$" stand below one of the user's own. */
static const char *const user_directories[] = {
	"$C/systemd/user.control",   "$R/systemd/user.control",
	"$R/systemd/transient",	     "$R/systemd/generator.early",
	"$C/systemd/user",	     "/etc/xdg/systemd/user",
	"/etc/systemd/user",	     "$R/systemd/user",
	"/run/systemd/user",	     "$R/systemd/generator",
	"$D/systemd/user",	     "/usr/local/share/systemd/user",
	"/usr/share/systemd/user",   "/usr/local/lib/systemd/user",
	"/usr/lib/systemd/user",     "/lib/systemd/user",
	"$R/systemd/generator.late",
};

struct directories {
	char paths[DIRECTORIES_MOST][PATH_MAX];
	size_t count;
};

static bool join(char path[PATH_MAX], const char *directory, const char *name)
{
	return (size_t)snprintf(path, PATH_MAX, "%s/%s", directory, name) < PATH_MAX;
}

/* One of the user's own directories: XDG Base Directory Specification. */
static bool user_base(char letter, char path[PATH_MAX])
{
	const char *const name = letter == 'C'	 ? "XDG_CONFIG_HOME"
				 : letter == 'D' ? "XDG_DATA_HOME"
						 : "XDG_RUNTIME_DIR";
	const char *set = getenv(name), *home = getenv("HOME");

	if (set && *set == '/')
		return (size_t)snprintf(path, PATH_MAX, "%s", set) < PATH_MAX;
	return letter != 'R' && home && *home == '/' &&
	       join(path, home, letter == 'C' ? ".config" : ".local/share");
}

static void add_directory(struct directories *directories, const char *path)
{
	char base[PATH_MAX], *place = directories->paths[directories->count];

	if (*path != '$')
		directories->count += (size_t)snprintf(place, PATH_MAX, "%s", path) < PATH_MAX;
	else if (user_base(path[1], base))
		directories->count += join(place, base, path + 3);
}

static void list_directories(struct directories *directories, bool is_users)
{
	const char *const *paths = is_users ? user_directories : system_directories;
	size_t count = is_users ? sizeof(user_directories) / sizeof(user_directories[0])
				: sizeof(system_directories) / sizeof(system_directories[0]);

	directories->count = 0;
	for (size_t i = 0; i < count; i++)
		add_directory(directories, paths[i]);
}

/* Settings. */

static void *check_memory(void *memory)
{
	if (memory)
		return memory;
	complain("not enough memory");
	exit(STATUS_NOT_STARTED);
}

static void add_setting(struct unit *unit, const char *key, const char *value, const char *file,
			bool is_later)
{
	struct unit_setting *setting;

	unit->settings = check_memory(
		reallocarray(unit->settings, unit->count + 1, sizeof(*unit->settings)));
	setting = &unit->settings[unit->count++];
	setting->key = check_memory(strdup(key));
	setting->value = check_memory(strdup(value));
	setting->file = check_memory(strdup(file));
	setting->is_later = is_later;
}

/* Cuts white space from both ends. */
static char *trim(char *text)
{
	char *end;

	text += strspn(text, " \t\r\n");
	for (end = text + strlen(text); end > text && strchr(" \t\r\n", end[-1]);)
		*--end = '\0';
	return text;
}

/* Whether a line goes on in the next: an odd number of backslashes ends it. */
static bool goes_on(const char *line, size_t length)
{
	size_t backslashes = 0;

	while (backslashes < length && line[length - 1 - backslashes] == '\\')
		backslashes++;
	return backslashes % 2;
}

/* Reads a whole line, the continued ones joined, comments left out. NULL at the end of the file. */
static char *read_line(FILE *file)
{
	char *whole = NULL, *line = NULL;
	size_t length = 0, room = 0;
	ssize_t got;

	while ((got = getline(&line, &room, file)) >= 0) {
		char *text = line + strspn(line, " \t");
		size_t more;

		if (*text == '#' || *text == ';')
			continue;
		got -= got > 0 && line[got - 1] == '\n';
		line[got] = '\0';
		more = strlen(line);
		whole = check_memory(realloc(whole, length + more + 1));
		memcpy(whole + length, line, more + 1);
		length += more;
		if (!goes_on(whole, length))
			break;
		whole[length - 1] = ' ';
	}
	free(line);
	return whole;
}

static void read_assignment(struct unit *unit, char *line, const char *file, bool is_later)
{
	char *equals = strchr(line, '=');

	if (!equals)
		return;
	*equals = '\0';
	add_setting(unit, trim(line), trim(equals + 1), file, is_later);
}

static int read_settings(struct unit *unit, const char *path, bool is_later)
{
	FILE *file = fopen(path, "re");
	bool in_service = false;
	char *line;

	if (!file) {
		complain("%s: %s", path, strerror(errno));
		return -1;
	}
	while ((line = read_line(file))) {
		char *text = trim(line);

		if (*text == '[')
			in_service = strcmp(text, "[Service]") == 0;
		else if (in_service)
			read_assignment(unit, text, path, is_later);
		free(line);
	}
	fclose(file);
	return 0;
}

/* The unit file. */

/* A link to /dev/null, which need not be there. systemd takes an empty file for masked, too. */
static bool is_mask(const char *path)
{
	char target[sizeof("/dev/null")];
	struct stat status;

	if (readlink(path, target, sizeof(target)) == (ssize_t)strlen("/dev/null") &&
	    memcmp(target, "/dev/null", strlen("/dev/null")) == 0)
		return true;
	return stat(path, &status) == 0 && (!S_ISREG(status.st_mode) || status.st_size == 0);
}

static bool find_file(const struct directories *directories, const char *name, char path[PATH_MAX])
{
	struct stat status;

	for (size_t i = 0; i < directories->count; i++)
		if (join(path, directories->paths[i], name) && lstat(path, &status) == 0)
			return true;
	return false;
}

/* For an instance its own, else its template. */
static bool find_unit_file(const struct directories *directories, const char *name,
			   char path[PATH_MAX])
{
	char template[UNIT_NAME_SIZE];

	if (find_file(directories, name, path))
		return true;
	if (!unit_is_instance(name))
		return false;
	unit_template_of(name, template);
	return find_file(directories, template, path);
}

/* The drop-ins. */

struct drop_ins {
	char **paths;
	size_t count;
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* One that was found before hides others of its name. */
static bool is_hidden(const struct drop_ins *drop_ins, const char *name)
{
	for (size_t i = 0; i < drop_ins->count; i++)
		if (strcmp(base_name(drop_ins->paths[i]), name) == 0)
			return true;
	return false;
}

static bool is_drop_in(const char *name)
{
	const size_t length = strlen(name);

	return *name != '.' && length > 5 && strcmp(name + length - 5, ".conf") == 0;
}

static void add_directory_of_drop_ins(struct drop_ins *drop_ins, const char *directory)
{
	DIR *entries = opendir(directory);
	const struct dirent *entry;
	char path[PATH_MAX];

	if (!entries)
		return;
	while ((entry = readdir(entries))) {
		if (!is_drop_in(entry->d_name) || is_hidden(drop_ins, entry->d_name) ||
		    !join(path, directory, entry->d_name))
			continue;
		drop_ins->paths = check_memory(reallocarray(drop_ins->paths, drop_ins->count + 1,
							    sizeof(*drop_ins->paths)));
		drop_ins->paths[drop_ins->count++] = check_memory(strdup(path));
	}
	closedir(entries);
}

static void add_drop_ins_of(struct drop_ins *drop_ins, const char *directory, const char *name)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s.d", directory, name) < sizeof(path))
		add_directory_of_drop_ins(drop_ins, path);
}

/* Of a name, of the names that it begins with ("a-b-c": "a-b-", "a-"), of its template. */
static void add_drop_ins_of_name(struct drop_ins *drop_ins, const char *directory, const char *name)
{
	char other[UNIT_NAME_SIZE];

	add_drop_ins_of(drop_ins, directory, name);
	for (size_t i = strcspn(name, "@."); i-- > 1;) {
		if (name[i] != '-' || strcmp(name + i, "-.service") == 0)
			continue;
		snprintf(other, sizeof(other), "%.*s%s", (int)(i + 1), name,
			 strchr(name, '@') ? "@.service" : ".service");
		add_drop_ins_of(drop_ins, directory, other);
	}
	if (!unit_is_instance(name))
		return;
	unit_template_of(name, other);
	add_drop_ins_of(drop_ins, directory, other);
}

static int compare_names(const void *left, const void *right)
{
	return strcmp(base_name(*(char *const *)left), base_name(*(char *const *)right));
}

static void list_drop_ins(const struct directories *directories, const char *const names[],
			  struct drop_ins *drop_ins)
{
	for (; *names; names++)
		for (size_t i = 0; i < directories->count; i++)
			add_drop_ins_of_name(drop_ins, directories->paths[i], *names);
	for (size_t i = 0; i < directories->count; i++)
		add_drop_ins_of(drop_ins, directories->paths[i], "service");
	if (drop_ins->count)
		qsort(drop_ins->paths, drop_ins->count, sizeof(*drop_ins->paths), compare_names);
}

static int read_drop_ins(struct unit *unit, const struct directories *directories,
			 const char *const names[])
{
	struct drop_ins drop_ins = {0};
	int status = 0;

	list_drop_ins(directories, names, &drop_ins);
	for (size_t i = 0; i < drop_ins.count; i++) {
		int order = strcmp(base_name(drop_ins.paths[i]), UNIT_DROP_IN);

		if (order != 0 && status == 0 && !is_mask(drop_ins.paths[i]))
			status = read_settings(unit, drop_ins.paths[i], order > 0);
		free(drop_ins.paths[i]);
	}
	free(drop_ins.paths);
	return status;
}

int unit_read(struct unit *unit)
{
	static struct directories directories;
	char path[PATH_MAX], *real;
	const char *names[] = {unit->name, NULL, NULL};
	int status;

	list_directories(&directories, unit->is_users);
	unit->is_known = find_unit_file(&directories, unit->name, path);
	if (!unit->is_known)
		return 0;
	unit->is_masked = is_mask(path);
	if (unit->is_masked)
		return 0;
	status = read_settings(unit, path, false);
	/* Behind another name of the unit: the drop-ins of its real one count as well. */
	real = realpath(path, NULL);
	if (real && strcmp(base_name(real), base_name(path)) != 0)
		names[1] = base_name(real);
	if (status == 0)
		status = read_drop_ins(unit, &directories, names);
	free(real);
	return status;
}

bool unit_drop_in_place(const struct unit *unit, char directory[PATH_MAX], char file[PATH_MAX])
{
	char base[PATH_MAX] = "/etc";

	if (unit->is_users && !user_base('C', base))
		return false;
	return (size_t)snprintf(directory, PATH_MAX, "%s/systemd/%s/%s.d", base,
				unit->is_users ? "user" : "system", unit->name) < PATH_MAX &&
	       join(file, directory, UNIT_DROP_IN);
}

const char *unit_value(const struct unit *unit, const char *key)
{
	for (size_t i = unit->count; i-- > 0;)
		if (strcmp(unit->settings[i].key, key) == 0)
			return unit->settings[i].value;
	return "";
}

bool unit_says_yes(const struct unit *unit, const char *key)
{
	static const char *const yes[] = {"1", "yes", "y", "true", "t", "on"};
	const char *value = unit_value(unit, key);

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (strcasecmp(value, yes[i]) == 0)
			return true;
	return false;
}
