/* SPDX-License-Identifier: MIT */
/*
 * tfoctl check: is everything there that Fast Open takes, on this machine and in a program? What
 * they are is found out in machine.c and program.c; here it is judged and said.
 */
#include "json.h"
#include "machine.h"
#include "policy.h"
#include "program.h"
#include "start.h"
#include "tfoctl.h"
#include "tools/supervise/supervise.h"

#include "shim/memory/destinations.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct wish {
	bool json, quiet;
	struct start_wish start;
	const char *command;
};

enum rank { FINE, NOTE, PROBLEM };

struct finding {
	enum rank rank;
	const char *about;
	char words[2 * PATH_MAX + 256], remedy[256];
};

struct report {
	struct machine machine;
	char policy[PATH_MAX]; /* "" for the built-in one */
	bool policy_good;
	unsigned int rules;
	unsigned int supervised_rules; /* under which a supervisor holds */
	const char *memory;	       /* NULL: none */
	char path[PATH_MAX];	       /* of the program; "" when it was not found */
	struct program program;
	struct finding findings[12];
	size_t count;
};

/* Remembers what is to be said; a remedy can be added to it. */
static struct finding *__attribute__((format(printf, 4, 5)))
find(struct report *report, enum rank rank, const char *about, const char *format, ...)
{
	struct finding *finding = &report->findings[report->count++];
	va_list arguments;

	finding->rank = rank;
	finding->about = about;
	va_start(arguments, format);
	vsnprintf(finding->words, sizeof(finding->words), format, arguments);
	va_end(arguments);
	return finding;
}

static void __attribute__((format(printf, 2, 3)))
advise(struct finding *finding, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(finding->remedy, sizeof(finding->remedy), format, arguments);
	va_end(arguments);
}

static void advise_switches(struct finding *finding, long switches)
{
	advise(finding,
	       "Put \"net.ipv4.tcp_fastopen = %ld\" into /etc/sysctl.d/60-tcp-fastopen.conf, then "
	       "run: sysctl --system",
	       switches);
}

static const char *hold_setting(void)
{
	const char *setting = getenv("TFO_HOLD");

	return setting && *setting ? setting : NULL;
}

static void judge_hold(struct report *report)
{
	const struct machine *machine = &report->machine;
	const char *setting = hold_setting();

	if (setting && strcmp(setting, "kernel") != 0 && strcmp(setting, "user") != 0)
		advise(find(report, PROBLEM, "hold", "TFO_HOLD is \"%s\"", setting),
		       "Set it to \"kernel\" or \"user\", or unset it.");
	else if (!machine->has_kernel_hold && !machine->has_user_hold)
		advise(find(report, PROBLEM, "hold", "none: this kernel has no Fast Open"),
		       "It takes Linux 3.7, and 4.11 for the whole of it.");
	else if (!machine->has_kernel_hold)
		advise(find(report, NOTE, "hold",
			    "the user's: this kernel has no TCP_FASTOPEN_CONNECT, so programs that "
			    "wait before they write gain nothing"),
		       "Linux 4.11 and later have it.");
	else if (setting && strcmp(setting, "user") == 0)
		find(report, NOTE, "hold",
		     "the user's, because TFO_HOLD says so; the kernel's is "
		     "available");
	else
		find(report, FINE, "hold",
		     "the kernel's (TCP_FASTOPEN_CONNECT); the user's is "
		     "available");
}

static void judge_switches(struct report *report)
{
	long switches = report->machine.switches;

	if (switches < 0) {
		advise(find(report, PROBLEM, "clients", "net.ipv4.tcp_fastopen cannot be read"),
		       "Mount /proc.");
		return;
	}
	if (switches & FASTOPEN_CLIENT)
		find(report, FINE, "clients", "on (net.ipv4.tcp_fastopen is %ld)", switches);
	else
		advise_switches(find(report, PROBLEM, "clients",
				     "off (net.ipv4.tcp_fastopen is %ld, without 1)", switches),
				switches | FASTOPEN_CLIENT);
	if (switches & FASTOPEN_SERVER)
		find(report, FINE, "servers", "on, for those that ask for it");
	else
		advise_switches(find(report, NOTE, "servers",
				     "off (net.ipv4.tcp_fastopen is %ld, without 2); clients do "
				     "not need it",
				     switches),
				switches | FASTOPEN_CLIENT | FASTOPEN_SERVER);
}

static void judge_pause(struct report *report)
{
	long pause_s = report->machine.pause_s;

	if (pause_s > 0)
		advise(find(report, NOTE, "pause",
			    "one bad path stops the kernel's Fast Open to everywhere for %ld s or "
			    "more (net.ipv4.tcp_fastopen_blackhole_timeout_sec)",
			    pause_s),
		       "0 leaves that to the library, which suspends destinations one by one.");
	else if (pause_s == 0)
		find(report, FINE, "pause", "the kernel makes none of its own");
}

static void judge_trial(struct report *report)
{
	const struct machine *machine = &report->machine;

	if (machine->trial == TRIAL_WORKED)
		find(report, FINE, "self-test", "data came with a SYN on 127.0.0.1");
	else if (machine->trial == TRIAL_NOT_MADE)
		find(report, NOTE, "self-test", "not made: %s", machine->trial_why);
	else
		advise(find(report, PROBLEM, "self-test", "failed on 127.0.0.1: %s",
			    machine->trial_why),
		       "Look for a packet filter that changes or drops SYNs: nft list ruleset");
}

static void judge_policy(struct report *report)
{
	const char *file = report->policy[0] ? report->policy : "the built-in one";
	const char *rules_first = getenv("TFO_RULES");
	const char *extra = rules_first && *rules_first ? ", behind TFO_RULES" : "";

	if (!report->policy_good)
		advise(find(report, PROBLEM, "policy", "%s%s: refused", file, extra),
		       "What is wrong with it stands above, or: tfoctl policy check");
	else if (report->rules == 0)
		advise(find(report, NOTE, "policy", "%s%s: no rules, so nothing is allowed", file,
			    extra),
		       "man tfo-policy says how to write one.");
	else
		find(report, FINE, "policy", "%s%s: %u rule%s", file, extra, report->rules,
		     report->rules == 1 ? "" : "s");
}

static void judge_memory(struct report *report)
{
	if (report->memory)
		find(report, FINE, "memory", "%s", report->memory);
	else
		advise(find(report, NOTE, "memory",
			    "no file, so each process learns for itself, and forgets"),
		       "Set TFO_STATE to a file in a directory of this user's.");
}

static bool only_parents_may_look(void)
{
	FILE *file = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	int scope = file ? fgetc(file) : EOF;

	if (file)
		fclose(file);
	return scope > '0' && scope <= '9';
}

/* What supervision would cover, and what it costs. */
static void judge_supervision(struct report *report)
{
	const char *trouble = supervise_trouble();

	if (trouble)
		find(report, NOTE, "supervisor", "not possible: %s", trouble);
	else if (only_parents_may_look())
		advise(find(report, NOTE, "supervisor",
			    "possible, but only for the program itself, unless it has "
			    "CAP_SYS_PTRACE (kernel.yama.ptrace_scope is not 0)"),
		       "With kernel.yama.ptrace_scope=0 its children are reached, too.");
	else
		find(report, FINE, "supervisor",
		     "possible, under %u of the rules: sockets that do not block, in all that "
		     "COMMAND starts; some 20 us for each connect()%s",
		     report->supervised_rules,
		     geteuid() == 0 ? "" : "; setuid programs in it gain nothing");
}

static void judge_program(struct report *report, const char *command)
{
	const struct program *program = &report->program;
	const char *libc = libc_of(&program->elf);
	struct finding *finding;

	if (!report->path[0]) {
		find(report, PROBLEM, "program", "%s: not found, or not executable", command);
	} else if (program->reach == REACH_UNKNOWN) {
		find(report, NOTE, "program",
		     "%s: neither ELF nor a script with #!, or not "
		     "readable: nothing speaks against it",
		     report->path);
	} else if (program->reach == REACH_YES) {
		find(report, FINE, "program", "%s: reached by LD_PRELOAD (%s%s%s, %s)",
		     report->path, program->is_script ? program->file : "",
		     program->is_script ? ": " : "", libc ? libc : "a loader",
		     elf_architecture(&program->elf));
	} else if (is_to_be_supervised(program, report->supervised_rules)) {
		find(report, FINE, "program", "%s: %s: so tfo-run supervises it", report->path,
		     program->why);
	} else {
		finding = find(report, PROBLEM, "program", "%s: %s", report->path, program->why);
		if (program->remedy)
			advise(finding, "%s", program->remedy);
	}
}

static void examine_policy(struct report *report)
{
	bool bad;
	struct policy *policy = load_policy(NULL, NULL, &bad);

	if (policy_find(getenv("TFO_POLICY"), getenv("XDG_CONFIG_HOME"), getenv("HOME"),
			report->policy, sizeof(report->policy)) != 0)
		report->policy[0] = '\0';
	report->policy_good = policy && !bad;
	if (!policy)
		return;
	report->rules = count_rules(policy);
	report->supervised_rules = count_supervised(policy);
	policy_free(policy);
}

static void examine(struct report *report, const char *command)
{
	machine_examine(&report->machine);
	examine_policy(report);
	find_memory();
	report->memory = memory_path();
	find(report, FINE, "kernel", "%s %s, %s", report->machine.names.sysname,
	     report->machine.names.release, report->machine.names.machine);
	judge_hold(report);
	judge_switches(report);
	judge_pause(report);
	judge_trial(report);
	judge_policy(report);
	judge_memory(report);
	if (!command)
		return;
	if (program_find(command, report->path, sizeof(report->path)))
		program_examine(report->path, &report->program);
	else
		report->path[0] = '\0';
	judge_program(report, command);
	judge_supervision(report);
}

static unsigned int count_problems(const struct report *report)
{
	unsigned int problems = 0;

	for (size_t i = 0; i < report->count; i++)
		problems += report->findings[i].rank == PROBLEM;
	return problems;
}

static void print_report(const struct report *report)
{
	static const char *const marks[] = {[FINE] = "ok", [NOTE] = "note", [PROBLEM] = "PROBLEM"};

	for (size_t i = 0; i < report->count; i++) {
		const struct finding *finding = &report->findings[i];

		printf("%-9s%-11s%s\n", marks[finding->rank], finding->about, finding->words);
		if (finding->remedy[0])
			printf("%20s%s\n", "", finding->remedy);
	}
}

static void json_if_known(struct json *json, const char *key, long number)
{
	if (number < 0)
		json_text(json, key, NULL);
	else
		json_number(json, key, (uint64_t)number);
}

static void json_machine(struct json *json, const struct machine *machine)
{
	static const char *const trials[] = {"worked", "failed", "not made"};

	json_text(json, "kernel", machine->names.release);
	json_bool(json, "kernel_hold", machine->has_kernel_hold);
	json_bool(json, "user_hold", machine->has_user_hold);
	json_if_known(json, "tcp_fastopen", machine->switches);
	json_bool(json, "clients", machine->switches >= 0 && (machine->switches & FASTOPEN_CLIENT));
	json_bool(json, "servers", machine->switches >= 0 && (machine->switches & FASTOPEN_SERVER));
	json_if_known(json, "blackhole_timeout_s", machine->pause_s);
	json_text(json, "self_test", trials[machine->trial]);
	json_text(json, "self_test_why", machine->trial_why);
}

static void json_program(struct json *json, const struct report *report, const char *command)
{
	static const char *const reaches[] = {"yes", "unknown", "no", "cannot run"};
	const struct program *program = &report->program;

	json_key(json, "program");
	json_open(json);
	json_text(json, "command", command);
	json_text(json, "path", report->path);
	if (report->path[0]) {
		json_text(json, "interpreter", program->is_script ? program->file : NULL);
		json_text(json, "reached", reaches[program->reach]);
		json_text(json, "why", program->why);
		json_bool(json, "supervised",
			  is_to_be_supervised(program, report->supervised_rules));
		json_text(json, "libc", libc_of(&program->elf));
		json_text(json, "loader", program->elf.loader);
		json_text(json, "architecture",
			  program->elf.machine ? elf_architecture(&program->elf) : NULL);
	}
	json_close(json);
}

static void json_findings(struct json *json, const struct report *report, const char *key,
			  enum rank rank)
{
	json_open_list(json, key);
	for (size_t i = 0; i < report->count; i++) {
		const struct finding *finding = &report->findings[i];

		if (finding->rank != rank)
			continue;
		json_item(json);
		json_open(json);
		json_text(json, "about", finding->about);
		json_text(json, "sentence", finding->words);
		json_text(json, "remedy", finding->remedy);
		json_close(json);
	}
	json_close_list(json);
}

static void print_json_report(const struct report *report, const char *command)
{
	struct json json = {.to = stdout};

	json_open(&json);
	json_machine(&json, &report->machine);
	json_text(&json, "policy", report->policy);
	json_bool(&json, "policy_good", report->policy_good);
	json_number(&json, "rules", report->rules);
	json_text(&json, "memory", report->memory);
	json_text(&json, "supervisor_trouble", supervise_trouble());
	json_number(&json, "supervised_rules", report->supervised_rules);
	if (command)
		json_program(&json, report, command);
	json_findings(&json, report, "problems", PROBLEM);
	json_findings(&json, report, "notes", NOTE);
	json_bool(&json, "good", count_problems(report) == 0);
	json_close(&json);
	putchar('\n');
}

/* What tfo-run would say. */
static int check_start(const struct wish *wish)
{
	struct program program;
	const char *why;
	int status = judge_start(wish->command, &wish->start, &program, &why);

	if (why)
		puts(why);
	return status;
}

static int check_all(const struct wish *wish)
{
	static struct report report;

	examine(&report, wish->command);
	if (wish->json)
		print_json_report(&report, wish->command);
	else
		print_report(&report);
	return count_problems(&report) ? STATUS_TROUBLE : EXIT_SUCCESS;
}

static int read_words(int count, char **words, struct wish *wish)
{
	bool options = true;

	for (int i = 0; i < count; i++) {
		if (options && strcmp(words[i], "--") == 0)
			options = false;
		else if (options && strcmp(words[i], "--quiet") == 0)
			wish->quiet = true;
		else if (options && strcmp(words[i], "--force") == 0)
			wish->start.force = true;
		else if (options && strcmp(words[i], "--json") == 0)
			wish->json = true;
		else if (options && strcmp(words[i], "--supervise") == 0)
			wish->start.supervise = true;
		else if ((options && words[i][0] == '-') || wish->command)
			return refuse_word(words[i]);
		else
			wish->command = words[i];
	}
	return 0;
}

int check_verb(int count, char **words)
{
	struct wish wish = {0};
	int status = read_words(count, words, &wish);

	if (status)
		return status;
	if (!wish.quiet)
		return check_all(&wish);
	if (wish.command)
		return check_start(&wish);
	complain("check: --quiet takes a command; try tfoctl --help");
	return STATUS_USAGE;
}
