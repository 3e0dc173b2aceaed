/* SPDX-License-Identifier: MIT */
/*
 * tfo-run --unit: the drop-in that puts the library into a service's environment (systemd.unit(5)).
 * Prints, writes or removes it; touches no other file, and gives systemd no orders.
 */
#include "unit.h"

#include "file.h"
#include "tfoctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* By this line we know the file again. */
#define MARK "# Written by tfo-run --unit"

#define VARIABLES_MOST 8

struct order {
	const char *unit, *root;
	bool write, remove, force, is_users;
	struct unit_variable variables[VARIABLES_MOST];
	size_t count;
};

static bool take_variable(struct order *order, char *word)
{
	char *equals = strchr(word, '=');

	if (!equals || order->count == VARIABLES_MOST)
		return false;
	*equals = '\0';
	order->variables[order->count++] = (struct unit_variable){word, equals + 1};
	return true;
}

static int read_words(int count, char **words, struct order *order)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(words[i], "--write") == 0)
			order->write = true;
		else if (strcmp(words[i], "--remove") == 0)
			order->remove = true;
		else if (strcmp(words[i], "--force") == 0)
			order->force = true;
		else if (strcmp(words[i], "--user") == 0)
			order->is_users = true;
		else if (strcmp(words[i], "--root") == 0 && i + 1 < count)
			order->root = words[++i];
		else if (!order->unit && words[i][0] != '-')
			order->unit = words[i];
		else if (!order->unit || !take_variable(order, words[i]))
			return refuse_word(words[i]);
	}
	if (order->write && order->remove)
		complain("--write and --remove are opposites");
	else if (order->unit)
		return 0;
	else
		complain("unit: no name");
	return STATUS_NOT_STARTED;
}

/* Everything is looked up in there from now on, symbolic links included. */
static bool enter_root(const char *root)
{
	if (!root || (chroot(root) == 0 && chdir("/") == 0))
		return true;
	complain("%s: %s", root, strerror(errno));
	return false;
}

/* The text of the drop-in. */

static void *check_memory(void *memory)
{
	if (memory)
		return memory;
	complain("not enough memory");
	exit(STATUS_NOT_STARTED);
}

/* By whatever path: two of it are never of use. */
static bool has_library(const char *list)
{
	static const char name[] = "/libtfo-preload.so";

	for (const char *at = list; (at = strstr(at, name)); at++)
		if (strchr(" :", at[sizeof(name) - 1]))
			return true;
	return false;
}

/* `value`, and behind it what the service itself sets, where that is a list. The caller frees. */
static char *with_own(const struct unit *unit, const char *name, const char *value)
{
	bool is_preload = strcmp(name, "LD_PRELOAD") == 0, is_later;
	char *own = NULL, *whole;
	const char *file;

	if (is_preload || strcmp(name, "TFO_RULES") == 0)
		own = unit_environment(unit, name, &file, &is_later);
	if (own && is_preload && has_library(own))
		return own;
	if (own && !*own) {
		free(own);
		own = NULL;
	}
	if (asprintf(&whole, "%s%s%s", value,
		     !own	  ? ""
		     : is_preload ? ":"
				  : "\n",
		     own ? own : "") < 0)
		whole = NULL;
	free(own);
	return check_memory(whole);
}

static bool add_variable(FILE *text, const struct unit *unit, const struct unit_variable *variable)
{
	char *plain = check_memory(unit_without_specifiers(variable->value)), *quoted = NULL, *word;
	char *value = with_own(unit, variable->name, plain);

	if (asprintf(&word, "%s=%s", variable->name, value) >= 0) {
		quoted = unit_quote(word);
		free(word);
	}
	if (quoted)
		fprintf(text, "Environment=%s\n", quoted);
	else
		complain("%s: its value has characters that a unit file cannot hold",
			 variable->name);
	free(quoted);
	free(value);
	free(plain);
	return quoted != NULL;
}

/* The whole file; NULL, and why, if there is none. */
static char *compose(const struct unit *unit, const struct order *order)
{
	char *text = NULL;
	size_t size;
	FILE *stream = check_memory(open_memstream(&text, &size));
	bool good = true;

	fprintf(stream, MARK "; tfo-run --unit %s --remove takes it away again.\n[Service]\n",
		unit->name);
	for (size_t i = 0; i < order->count; i++)
		good &= add_variable(stream, unit, &order->variables[i]);
	if (fclose(stream) == 0 && good)
		return text;
	free(text);
	return NULL;
}

/* The file. */

enum present { PRESENT_NOT, PRESENT_SAME, PRESENT_OURS, PRESENT_FOREIGN };

/* What stands in its place; `text` is what is wanted there. */
static enum present look_at(const char *path, const char *text)
{
	struct stat status;
	FILE *file;
	char *found;
	enum present present = PRESENT_FOREIGN;
	size_t length;

	if (lstat(path, &status) != 0)
		return errno == ENOENT || errno == ENOTDIR ? PRESENT_NOT : PRESENT_FOREIGN;
	file = S_ISREG(status.st_mode) ? fopen(path, "re") : NULL;
	if (!file)
		return PRESENT_FOREIGN;
	found = check_memory(calloc(1, (size_t)status.st_size + 1));
	length = fread(found, 1, (size_t)status.st_size, file);
	found[length] = '\0';
	if (text && strcmp(found, text) == 0)
		present = PRESENT_SAME;
	else if (strncmp(found, MARK, strlen(MARK)) == 0)
		present = PRESENT_OURS;
	free(found);
	fclose(file);
	return present;
}

static int fail(const struct order *order, const char *path, int error)
{
	bool needs_root = (error == EACCES || error == EROFS) && !order->is_users && geteuid() != 0;

	complain("%s%s: %s%s", order->root ? order->root : "", path, strerror(error),
		 needs_root ? "; the system's services are root's, --user is for those of a user"
			    : "");
	return STATUS_NOT_STARTED;
}

static int refuse_foreign(const struct order *order, const char *path)
{
	complain("%s%s: not written by tfo-run, so it is left alone",
		 order->root ? order->root : "", path);
	return STATUS_NOT_STARTED;
}

/* With those above it. */
static bool make_directory(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		bool made;

		*slash = '\0';
		made = mkdir(path, 0755) == 0 || errno == EEXIST;
		*slash = '/';
		if (!made)
			return false;
	}
	return mkdir(path, 0755) == 0 || errno == EEXIST;
}

/* What the operator does next. In another root nobody runs. */
static void print_next(const struct unit *unit, const struct order *order)
{
	const char *scope = order->is_users ? " --user" : "", *name = unit->name;
	const char *quote = strchr(name, '\\') || unit_is_template(name) ? "'" : "";
	int before = unit_is_template(name) ? (int)(strchr(name, '@') - name) + 1 : 0;

	if (order->root)
		return;
	printf("it takes effect with: systemctl%s daemon-reload && systemctl%s restart %s", scope,
	       scope, quote);
	if (before)
		printf("%.*s*%s", before, name, name + before);
	else
		fputs(name, stdout);
	puts(quote);
}

static int write_drop_in(const struct unit *unit, const struct order *order, const char *text)
{
	char directory[PATH_MAX], path[PATH_MAX];
	const char *root = order->root ? order->root : "";
	int error;

	if (!unit_drop_in_place(unit, directory, path)) {
		complain("HOME is not set");
		return STATUS_NOT_STARTED;
	}
	switch (look_at(path, text)) {
	case PRESENT_FOREIGN:
		return refuse_foreign(order, path);
	case PRESENT_SAME:
		printf("%s%s is as it should be\n", root, path);
		return EXIT_SUCCESS;
	case PRESENT_NOT:
	case PRESENT_OURS:
		break;
	}
	if (!make_directory(directory))
		return fail(order, path, errno);
	error = file_replace(path, text, strlen(text), 0644);
	if (error)
		return fail(order, path, error);
	printf("wrote %s%s\n", root, path);
	print_next(unit, order);
	return EXIT_SUCCESS;
}

static int remove_drop_in(const struct unit *unit, const struct order *order)
{
	char directory[PATH_MAX], path[PATH_MAX];
	const char *root = order->root ? order->root : "";
	enum present present;

	if (!unit_drop_in_place(unit, directory, path)) {
		complain("HOME is not set");
		return STATUS_NOT_STARTED;
	}
	present = look_at(path, NULL);
	if (present == PRESENT_NOT) {
		printf("%s%s is not there\n", root, path);
		return EXIT_SUCCESS;
	}
	if (present == PRESENT_FOREIGN)
		return refuse_foreign(order, path);
	if (unlink(path) != 0)
		return fail(order, path, errno);
	/* Others may have theirs there: then it stays. */
	rmdir(directory);
	printf("removed %s%s\n", root, path);
	print_next(unit, order);
	return EXIT_SUCCESS;
}

static bool check_unit(const struct unit *unit, const struct order *order)
{
	const struct unit_wish wish = {order->variables, order->count, order->force};

	if (!unit->is_known)
		complain("%s: no such unit", unit->name);
	else if (unit->is_masked)
		complain("%s: the unit is masked", unit->name);
	else
		return unit_judge(unit, &wish);
	return false;
}

static int make_drop_in(struct unit *unit, const struct order *order)
{
	char *text;
	int status = EXIT_SUCCESS;

	if (unit_read(unit) != 0 || !check_unit(unit, order))
		return STATUS_NOT_STARTED;
	text = compose(unit, order);
	if (!text)
		return STATUS_NOT_STARTED;
	if (order->write)
		status = write_drop_in(unit, order, text);
	else
		fputs(text, stdout);
	free(text);
	return status;
}

int unit_verb(int count, char **words)
{
	static struct unit unit;
	struct order order = {0};
	int status;
	const char *wrong;

	speak_as("tfo-run");
	status = read_words(count, words, &order);
	if (status)
		return STATUS_NOT_STARTED;
	wrong = unit_name(order.unit, unit.name);
	if (wrong) {
		complain("\"%s\": %s", order.unit, wrong);
		return STATUS_NOT_STARTED;
	}
	if (!enter_root(order.root))
		return STATUS_NOT_STARTED;
	unit.is_users = order.is_users;
	return order.remove ? remove_drop_in(&unit, &order) : make_drop_in(&unit, &order);
}
