/* SPDX-License-Identifier: MIT */
/*
 * What in a service stands in the library's way (systemd.exec(5)): settings that have the last word
 * on its environment, programs that LD_PRELOAD does not reach, a file system of its own.
 */
#include "policy.h"
#include "program.h"
#include "tfoctl.h"
#include "unit.h"

#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where systemd looks for a program without a path. */
#define SEARCH_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static bool is_setting(const struct unit_setting *setting, const char *key)
{
	return strcmp(setting->key, key) == 0;
}

/* The value, if the word is an assignment to this name. */
static const char *value_in(const char *word, const char *name)
{
	size_t length = strlen(name);

	return strncmp(word, name, length) == 0 && word[length] == '=' ? word + length + 1 : NULL;
}

char *unit_environment(const struct unit *unit, const char *name, const char **file, bool *is_later)
{
	char *found = NULL, *word;

	*is_later = false;
	for (size_t i = 0; i < unit->count; i++) {
		const struct unit_setting *setting = &unit->settings[i];
		const char *at = setting->value, *value;

		if (!is_setting(setting, "Environment"))
			continue;
		if (!*at) { /* all that was set before is gone */
			free(found);
			found = NULL;
			*is_later = setting->is_later;
			*file = setting->file;
		}
		for (; (word = unit_next_word(&at)); free(word)) {
			value = value_in(word, name);
			if (!value)
				continue;
			free(found);
			found = strdup(value);
			*file = setting->file;
			*is_later |= setting->is_later;
		}
	}
	return found;
}

static bool judge_later_settings(const struct unit *unit, const struct unit_variable *variable)
{
	const char *file;
	bool is_later;
	char *value = unit_environment(unit, variable->name, &file, &is_later);

	free(value);
	if (is_later)
		complain("%s: %s is read after " UNIT_DROP_IN " and sets %s itself: what that is "
			 "to be must stand there",
			 unit->name, file, variable->name);
	return !is_later;
}

static bool judge_unset(const struct unit *unit, const struct unit_variable *variable)
{
	for (size_t i = 0; i < unit->count; i++) {
		const struct unit_setting *setting = &unit->settings[i];
		const char *at = setting->value;
		bool is_unset = false;
		char *word;

		if (!is_setting(setting, "UnsetEnvironment"))
			continue;
		for (; (word = unit_next_word(&at)); free(word))
			is_unset |= strcmp(word, variable->name) == 0;
		if (is_unset) {
			complain("%s: %s takes %s away again (UnsetEnvironment=)", unit->name,
				 setting->file, variable->name);
			return false;
		}
	}
	return true;
}

/* Whether a file of EnvironmentFile= assigns to a variable. */
static bool file_assigns(const char *path, const char *name)
{
	struct stat status;
	FILE *file = stat(path, &status) == 0 && S_ISREG(status.st_mode) ? fopen(path, "re") : NULL;
	char *line = NULL;
	size_t room = 0;
	bool assigns = false;

	while (file && !assigns && getline(&line, &room, file) >= 0)
		assigns = value_in(line + strspn(line, " \t"), name) != NULL;
	free(line);
	if (file)
		fclose(file);
	return assigns;
}

static bool judge_environment_file(const struct unit *unit, const char *pattern, const char *name)
{
	glob_t files = {0};
	bool good = true;

	if (glob(pattern, 0, NULL, &files) != 0)
		return true;
	for (size_t i = 0; i < files.gl_pathc && good; i++) {
		good = !file_assigns(files.gl_pathv[i], name);
		if (!good)
			complain("%s: %s (EnvironmentFile=) sets %s, and has the last word: what "
				 "that is to be must stand there",
				 unit->name, files.gl_pathv[i], name);
	}
	globfree(&files);
	return good;
}

static bool judge_environment_files(const struct unit *unit, const struct unit_variable *variable)
{
	bool good = true;

	for (size_t i = 0; i < unit->count && good; i++) {
		const char *value = unit->settings[i].value;
		char *pattern;

		if (!is_setting(&unit->settings[i], "EnvironmentFile"))
			continue;
		pattern = unit_fill_in(value + (*value == '-'), unit->name);
		good = !pattern || judge_environment_file(unit, pattern, variable->name);
		free(pattern);
	}
	return good;
}

static bool judge_environment(const struct unit *unit, const struct unit_wish *wish)
{
	for (size_t i = 0; i < wish->count; i++)
		if (!judge_later_settings(unit, &wish->variables[i]) ||
		    !judge_unset(unit, &wish->variables[i]) ||
		    !judge_environment_files(unit, &wish->variables[i]))
			return false;
	return true;
}

/* The programs. */

/* By name or by number; one that is not known is another one than all who are. */
static struct runner find_runner(const struct unit *unit)
{
	const char *name = unit_value(unit, "User"), *group_name = unit_value(unit, "Group");
	bool is_dynamic = unit_says_yes(unit, "DynamicUser");
	struct runner runner = {.gains_nothing =
					is_dynamic || unit_says_yes(unit, "NoNewPrivileges")};
	const struct passwd *user;
	const struct group *group;

	if (unit->is_users) {
		runner.user = getuid();
		runner.group = getgid();
	}
	if (*name || is_dynamic) {
		user = *name ? getpwnam(name) : NULL;
		runner.user = user ? user->pw_uid : (uid_t)strtoul(name, NULL, 10);
		runner.group = user ? user->pw_gid : runner.user;
		if (!user && runner.user == 0 && strcmp(name, "0") != 0)
			runner.user = runner.group = (uid_t)-1;
	}
	if (*group_name) {
		group = getgrnam(group_name);
		runner.group = group ? group->gr_gid : (gid_t)strtoul(group_name, NULL, 10);
	}
	return runner;
}

/* The program of a command line; NULL: it cannot be known here. The caller frees. */
static char *program_of(const struct unit *unit, const char *command_line)
{
	const char *at = command_line + strspn(command_line, "@-:+!|");
	char *word = unit_next_word(&at), *program = word ? unit_fill_in(word, unit->name) : NULL;

	free(word);
	return program;
}

/* What speaks against one command line, in `program`; false: nothing does. */
static bool is_unreached(const struct unit *unit, const char *command_line, const char **name,
			 struct program *program)
{
	const struct runner runner = find_runner(unit);
	static char path[PATH_MAX], shown[PATH_MAX];
	char *word = program_of(unit, command_line);
	bool found = word && program_find(word, path, sizeof(path));

	if (word && !found)
		complain("note: %s: its program %s is not there yet, so nothing is known of it",
			 unit->name, word);
	free(word);
	if (!found)
		return false;
	program_examine_for(path, &runner, program);
	if (program->reach != REACH_NO && program->reach != REACH_CANNOT_RUN)
		return false;
	memcpy(shown, path, sizeof(path));
	*name = shown;
	return true;
}

/* An empty ExecStart= takes back those before it. */
static size_t first_command(const struct unit *unit)
{
	size_t first = 0;

	for (size_t i = 0; i < unit->count; i++)
		if (is_setting(&unit->settings[i], "ExecStart") && !*unit->settings[i].value)
			first = i + 1;
	return first;
}

/* One that is reached is enough: a service of several commands has small ones, too. */
static bool judge_programs(const struct unit *unit)
{
	static struct program program;
	const char *name = NULL;

	setenv("PATH", SEARCH_PATH, 1);
	for (size_t i = first_command(unit); i < unit->count; i++)
		if (is_setting(&unit->settings[i], "ExecStart") &&
		    !is_unreached(unit, unit->settings[i].value, &name, &program))
			return true;
	if (name)
		complain("%s: %s: %s", unit->name, name, program.why);
	return !name;
}

/* The files. */

static bool is_below(const char *path, const char *const directories[])
{
	for (; *directories; directories++)
		if (strncmp(path, *directories, strlen(*directories)) == 0)
			return true;
	return false;
}

/* The setting that keeps the service from a file; NULL: none. */
static const char *hidden_by(const struct unit *unit, const char *path)
{
	static const char *const homes[] = {"/home/", "/root/", "/run/user/", NULL};
	static const char *const temporary[] = {"/tmp/", "/var/tmp/", NULL};
	const char *root = unit_value(unit, "RootDirectory");
	char inside[PATH_MAX];

	if (*unit_value(unit, "RootImage"))
		return "RootImage";
	if (*root &&
	    ((size_t)snprintf(inside, sizeof(inside), "%s%s", root, path) >= sizeof(inside) ||
	     access(inside, R_OK) != 0))
		return "RootDirectory";
	if (is_below(path, homes) && (unit_says_yes(unit, "ProtectHome") ||
				      strcasecmp(unit_value(unit, "ProtectHome"), "tmpfs") == 0))
		return "ProtectHome";
	if (is_below(path, temporary) && unit_says_yes(unit, "PrivateTmp"))
		return "PrivateTmp";
	if (is_below(path, temporary) && unit_says_yes(unit, "DynamicUser"))
		return "DynamicUser";
	return NULL;
}

static bool judge_file(const struct unit *unit, const char *path)
{
	const char *setting = hidden_by(unit, path);

	if (setting)
		complain("%s: it cannot see %s, because of its %s=", unit->name, path, setting);
	else if (access(path, R_OK) != 0)
		complain("note: %s: %s is not there yet", unit->name, path);
	return !setting;
}

static void note_log(const struct unit *unit, const char *path)
{
	if (*path == '/' && (unit_says_yes(unit, "DynamicUser") ||
			     strcasecmp(unit_value(unit, "ProtectSystem"), "strict") == 0))
		complain("note: %s: it can write to %s only if its ReadWritePaths= or "
			 "LogsDirectory= says so; -v writes to the journal",
			 unit->name, path);
}

static bool judge_files(const struct unit *unit, const struct unit_wish *wish)
{
	for (size_t i = 0; i < wish->count; i++) {
		const struct unit_variable *variable = &wish->variables[i];

		if (strcmp(variable->name, "TFO_LOG") == 0)
			note_log(unit, variable->value);
		else if (*variable->value == '/' && !judge_file(unit, variable->value))
			return false;
	}
	return true;
}

/* A list of system calls that may be made, and what is made besides ends the process. */
static void note_filter(const struct unit *unit)
{
	bool is_list = false, has_all = false;

	for (size_t i = 0; i < unit->count; i++) {
		const char *value = unit->settings[i].value;

		if (!is_setting(&unit->settings[i], "SystemCallFilter"))
			continue;
		is_list = *value && (is_list || *value != '~');
		has_all =
			*value && (has_all || (*value != '~' && strstr(value, "@system-service")));
	}
	if (is_list && !has_all && !*unit_value(unit, "SystemCallErrorNumber"))
		complain(
			"note: %s: its SystemCallFilter= must let the library's system calls pass, "
			"as @system-service does",
			unit->name);
}

/* As the service will find it. */
static bool judge_policy(const struct unit *unit, const struct unit_wish *wish)
{
	unsetenv("TFO_POLICY");
	unsetenv("TFO_RULES");
	if (!unit->is_users) {
		unsetenv("XDG_CONFIG_HOME");
		unsetenv("HOME");
	}
	for (size_t i = 0; i < wish->count; i++)
		if (strcmp(wish->variables[i].name, "LD_PRELOAD") != 0)
			setenv(wish->variables[i].name, wish->variables[i].value, 1);
	if (policy_is_good())
		return true;
	complain("%s: nothing is written, because the policy is refused", unit->name);
	return false;
}

bool unit_judge(const struct unit *unit, const struct unit_wish *wish)
{
	if (!judge_policy(unit, wish) || !judge_environment(unit, wish) ||
	    (!wish->force && !judge_programs(unit)) || !judge_files(unit, wish))
		return false;
	note_filter(unit);
	return true;
}
