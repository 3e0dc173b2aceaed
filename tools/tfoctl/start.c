/* SPDX-License-Identifier: MIT */
/*
 * tfo-run, behind its script, which says where the installation is: checks what is asked for, puts
 * the library into LD_PRELOAD, and becomes the program. This is paid at every start.
 */
#include "start.h"
#include "quote.h"
#include "tfoctl.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* So many can come before the command: a supervisor with an option, what runs that for a summary,
 * and a shell. */
#define WORDS_BEFORE 9

void start_die(int status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("tfo-run: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(status);
}

char *start_text(const char *format, ...)
{
	va_list arguments;
	char *text;
	int length;

	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		start_die(STATUS_NOT_STARTED, "%s", strerror(ENOMEM));
	return text;
}

static const char *setting(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

static void set(const char *name, const char *value)
{
	if (setenv(name, value, 1) != 0)
		start_die(STATUS_NOT_STARTED, "%s", strerror(errno));
}

/* The program's file, by a search of PATH. NULL: there is none, or, with *is_there, none that can
 * be executed. */
static const char *search_path(const char *path, const char *name, bool *is_there)
{
	struct stat status;

	*is_there = false;
	for (const char *at = path;; at++) {
		size_t length = strcspn(at, ":");
		/* An empty field is the current directory. */
		char *file =
			start_text("%.*s/%s", length ? (int)length : 1, length ? at : ".", name);

		if (stat(file, &status) == 0 && S_ISREG(status.st_mode)) {
			if (access(file, X_OK) == 0)
				return file;
			*is_there = true;
		}
		free(file);
		at += length;
		if (!*at)
			return NULL;
	}
}

static const char *find_command(const char *path, const char *name)
{
	struct stat status;
	const char *file = name;
	bool is_there;

	if (!*name)
		start_die(STATUS_NOT_FOUND, "\"\": command not found");
	if (!strchr(name, '/')) {
		file = search_path(path, name, &is_there);
		if (!file && is_there)
			start_die(STATUS_NOT_EXECUTABLE, "%s: not executable", name);
		if (!file)
			start_die(STATUS_NOT_FOUND, "%s: command not found", name);
		return file;
	}
	if (stat(file, &status) != 0)
		start_die(STATUS_NOT_FOUND, "%s: no such file", name);
	if (S_ISDIR(status.st_mode))
		start_die(STATUS_NOT_EXECUTABLE, "%s: is a directory", name);
	if (access(file, X_OK) != 0)
		start_die(STATUS_NOT_EXECUTABLE, "%s: not executable", name);
	return file;
}

static void check_library(const struct start_places *places)
{
	if (strpbrk(places->library, " :"))
		start_die(STATUS_NOT_STARTED,
			  "%s: a path with a space or a colon cannot stand in LD_PRELOAD",
			  places->library);
}

static void check_log(const char *log)
{
	struct stat status;

	if (stat(log, &status) != 0) {
		char *directory = start_text("%s", log);

		strrchr(directory, '/')[1] = '\0';
		if (access(directory, W_OK) != 0)
			start_die(STATUS_NOT_STARTED, "%s: cannot be created", log);
		free(directory);
	} else if (S_ISDIR(status.st_mode)) {
		start_die(STATUS_NOT_STARTED, "%s: is a directory", log);
	} else if (access(log, W_OK) != 0) {
		start_die(STATUS_NOT_STARTED, "%s: not writable", log);
	}
}

static void check_hold(void)
{
	const char *hold = setting("TFO_HOLD");

	if (*hold && strcmp(hold, "kernel") != 0 && strcmp(hold, "user") != 0)
		start_die(STATUS_NOT_STARTED, "TFO_HOLD: \"%s\" is neither \"kernel\" nor \"user\"",
			  hold);
}

/* In a runtime the policy lies beside the library. What was named goes before it. */
static const char *policy_of(const struct start_places *places, const struct start_options *options)
{
	const char *policy = start_text("%s/policy", places->bin);

	if (options->policy || *setting("TFO_POLICY"))
		return options->policy;
	if (strcmp(places->library, start_text("%s/libtfo-preload.so", places->bin)) == 0 &&
	    access(policy, F_OK) == 0)
		return policy;
	return NULL;
}

/* First match wins, so what was asked for here comes before what the environment says. */
static void set_environment(const struct start_places *places, const struct start_options *options)
{
	const char *policy = policy_of(places, options), *rules = setting("TFO_RULES");

	if (policy)
		set("TFO_POLICY", policy);
	if (options->log)
		set("TFO_LOG", options->log);
	if (options->rules)
		set("TFO_RULES",
		    *rules ? start_text("%s\n%s", options->rules, rules) : options->rules);
}

/* Whether a supervisor is the way to this program. */
static bool check_program(const char *name, const char *file, const struct start_options *options,
			  struct program *program)
{
	const struct start_wish wish = {options->force, options->supervise};
	const char *why;
	int status = judge_start(file, &wish, program, &why);

	if (status == STATUS_TROUBLE)
		start_die(STATUS_NOT_STARTED, "%s: not run, because the policy is refused", name);
	if (why)
		start_die(status, "%s: %s", name, why);
	return options->supervise || status == STATUS_SUPERVISE;
}

static const char *find_supervisor(const struct start_places *places)
{
	const char *const directories[] = {places->bin, places->libexec};

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		char *file = start_text("%s/tfo-supervise", directories[i]);

		if (access(file, X_OK) == 0)
			return file;
		free(file);
	}
	start_die(STATUS_NOT_STARTED, "tfo-supervise: not found near %s", places->bin);
}

/* A command line that does the same in a shell, one variable a line. */
static void print_command(char **command)
{
	static const char *const names[] = {"TFO_POLICY", "TFO_RULES", "TFO_HOLD", "TFO_LOG",
					    "LD_PRELOAD"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!*setting(names[i]))
			continue;
		printf("%s=", names[i]);
		print_quoted(setting(names[i]));
		puts(" \\");
	}
	for (; *command; command++) {
		print_quoted(*command);
		putchar(command[1] ? ' ' : '\n');
	}
}

static char **put_before(char **command, const char *word)
{
	*--command = (char *)word;
	return command;
}

static int become(const char *file, char **command)
{
	int error;

	execv(file, command);
	error = errno;
	complain("%s: %s", file, strerror(error));
	return status_of_failure(error);
}

/* No script has ELF's mark, or a NUL in its first line. */
static bool may_be_script(const char *file)
{
	char line[128];
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd >= 0 ? read(fd, line, sizeof(line)) : -1;
	const char *end = size > 0 ? memchr(line, '\n', (size_t)size) : NULL;

	if (fd >= 0)
		close(fd);
	if (end)
		size = end - line;
	return size >= 0 && !memchr(line, '\0', (size_t)size) &&
	       (size < SELFMAG || memcmp(line, ELFMAG, SELFMAG) != 0);
}

/* As a shell does: what has no interpreter is a script of its own. */
static int become_program(const char *file, char **command)
{
	execv(file, command);
	if (errno == ENOEXEC && may_be_script(file)) {
		command[0] = (char *)file;
		command = put_before(command, "sh");
		file = "/bin/sh";
	}
	return become(file, command);
}

/* The others of tfo-run's are for tfoctl, with all that it is linked with. */
static int hand_to_tfoctl(const struct start_places *places, char **words)
{
	words[0] = start_text("%s/tfoctl", places->bin);
	return become(words[0], words);
}

static char **supervised(char **command, const struct start_places *places,
			 const struct start_options *options)
{
	command = put_before(command, "--");
	if (options->require)
		command = put_before(command, "--require");
	return put_before(command, find_supervisor(places));
}

/* LD_PRELOAD is for the program, and not for tfoctl. */
static char **summed_up(char **command, const struct start_places *places)
{
	const char *preload = setting("LD_PRELOAD");

	command = put_before(command, "--");
	if (*preload)
		command = put_before(command, start_text("LD_PRELOAD=%s", preload));
	command = put_before(command, "--summary");
	command = put_before(command, "run");
	unsetenv("LD_PRELOAD");
	return put_before(command, start_text("%s/tfoctl", places->bin));
}

static int start(const struct start_places *places, const struct start_options *options,
		 char **command)
{
	static struct program program;
	const char *file;

	check_library(places);
	file = find_command(places->path, command[0]);
	if (options->log && strcmp(options->log, "stderr") != 0)
		check_log(options->log);
	check_hold();
	set_environment(places, options);
	if (check_program(command[0], file, options, &program)) {
		command = supervised(command, places, options);
		file = command[0];
	} else {
		set("LD_PRELOAD", start_preload(places, &program.elf));
	}
	if (options->summary) {
		command = summed_up(command, places);
		file = command[0];
	}
	if (!options->dry_run)
		return become_program(file, command);
	print_command(command);
	return EXIT_SUCCESS;
}

/* What was asked for besides goes into the drop-in; what this environment says does not. */
static int hand_to_unit(const struct start_places *places, const struct start_options *options,
			char **command)
{
	const char *root = options->root ? options->root : "", *library = places->library;
	size_t root_length = strlen(root);
	char *words[16], **word = words + 1;

	if (root_length && root[root_length - 1] == '/')
		root_length--;
	if (*command)
		start_die(STATUS_NOT_STARTED, "--unit takes a service, and no command");
	if (options->dry_run)
		start_die(STATUS_NOT_STARTED, "-n: --unit without --write only prints");
	if (options->summary)
		start_die(STATUS_NOT_STARTED, "-s: a service has no end to say it at");
	check_library(places);
	*word++ = (char *)"unit";
	if (options->force)
		*word++ = (char *)"--force";
	if (options->write)
		*word++ = (char *)"--write";
	if (options->remove)
		*word++ = (char *)"--remove";
	if (options->is_users)
		*word++ = (char *)"--user";
	if (root_length) {
		*word++ = (char *)"--root";
		*word++ = start_text("%.*s", (int)root_length, root);
	}
	*word++ = (char *)options->unit;
	if (strncmp(library, root, root_length) == 0)
		library += root_length;
	*word++ = start_text("LD_PRELOAD=%s", library);
	if (options->policy)
		*word++ = start_text("TFO_POLICY=%s", options->policy);
	if (options->rules)
		*word++ = start_text("TFO_RULES=%s", options->rules);
	if (options->log)
		*word++ = start_text("TFO_LOG=%s", options->log);
	*word = NULL;
	return hand_to_tfoctl(places, words);
}

static int act(const struct start_places *places, const struct start_options *options,
	       char **command)
{
	if (options->show == SHOW_HELP) {
		start_print_help();
		return EXIT_SUCCESS;
	}
	if (!*places->library)
		start_die(STATUS_NOT_STARTED, "libtfo-preload.so: not found near %s", places->bin);
	if (options->show == SHOW_VERSION) {
		puts("tfo-run " TFO_VERSION);
		return EXIT_SUCCESS;
	}
	if (options->unit)
		return hand_to_unit(places, options, command);
	if (options->write || options->remove || options->is_users || options->root)
		start_die(STATUS_NOT_STARTED,
			  "--write, --remove, --user and --root are for --unit; "
			  "try tfo-run --help");
	if (*command)
		return start(places, options, command);
	fprintf(stderr, "%s\n", start_usage);
	return STATUS_NOT_STARTED;
}

/* A copy, with room for WORDS_BEFORE words before it. */
static char **with_room(char **command)
{
	size_t count = 0;
	char **copy;

	while (command[count])
		count++;
	copy = calloc(WORDS_BEFORE + count + 1, sizeof(*copy));
	if (!copy)
		start_die(STATUS_NOT_STARTED, "%s", strerror(errno));
	memcpy(copy + WORDS_BEFORE, command, count * sizeof(*copy));
	return copy + WORDS_BEFORE;
}

static bool is_verb(const char *word)
{
	return word && (strcmp(word, "install") == 0 || strcmp(word, "inject") == 0);
}

static bool is_help(const char *word)
{
	return word && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0);
}

/* Behind the places, which stand in the order of their struct, come variables that the shell has
 * lost, and behind "--" the words of tfo-run. */
int start_verb(int count, char **words)
{
	struct start_places places;
	struct start_options options;
	char **command;
	int status;

	speak_as("tfo-run");
	if (count < 6)
		return refuse_word("start");
	places = (struct start_places){words[0], words[1], words[2], words[3], words[4]};
	for (words += 5; *words && strcmp(*words, "--") != 0; words++)
		if (putenv(*words) != 0)
			start_die(STATUS_NOT_STARTED, "%s", strerror(errno));
	if (is_verb(words[1]) && !is_help(words[2]))
		return hand_to_tfoctl(&places, words);
	if (is_verb(words[1]))
		words++;
	command = with_room(start_read_options(words + 1, &options));
	status = act(&places, &options, command);
	free(command - WORDS_BEFORE);
	return status;
}
