/* SPDX-License-Identifier: MIT */
/* Lines for the operator. */
#include "say.h"

#include "policy/text.h"
#include "shim/clock.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct line {
	struct text text;
	char bytes[1200];
};

static const char *log_path; /* NULL: silence */

void say_open(const char *where)
{
	log_path = where;
}

bool say_is_on_stderr(void)
{
	return log_path && strcmp(log_path, "stderr") == 0;
}

static void begin(struct line *line)
{
	line->text = text_in(line->bytes, sizeof(line->bytes));
	text_add(&line->text, "tfo-run: ");
}

static void put(struct line *line)
{
	int fd = STDERR_FILENO;

	/* In the place of the NUL. */
	line->bytes[line->text.length] = '\n';
	if (!say_is_on_stderr())
		fd = open(log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	if (fd < 0)
		return;
	if (write(fd, line->bytes, line->text.length + 1) < 0)
		return; /* nobody can be told */
	if (fd != STDERR_FILENO)
		close(fd);
}

static void add_address(struct text *text, const struct sockaddr *address)
{
	const struct sockaddr_in *ip4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *ip6 = (const struct sockaddr_in6 *)address;
	bool is_ip6 = address->sa_family == AF_INET6;
	char name[INET6_ADDRSTRLEN] = "?";

	if (is_ip6)
		inet_ntop(AF_INET6, &ip6->sin6_addr, name, sizeof(name));
	else
		inet_ntop(AF_INET, &ip4->sin_addr, name, sizeof(name));
	text_add(text, is_ip6 ? "[" : "");
	text_add(text, name);
	text_add(text, is_ip6 ? "]:" : ":");
	text_add_number(text, ntohs(is_ip6 ? ip6->sin6_port : ip4->sin_port));
}

static void begin_connection(struct line *line, const struct sockaddr *address,
			     const struct policy_rule *rule)
{
	begin(line);
	add_address(&line->text, address);
	text_add(&line->text, ": ");
	if (rule) {
		text_add(&line->text, rule->file);
		text_add(&line->text, ":");
		text_add_number(&line->text, rule->line);
		text_add(&line->text, " \"");
		text_add(&line->text, rule->text);
		text_add(&line->text, "\": ");
	} else {
		text_add(&line->text, "no rule: ");
	}
}

void say_connection(const struct sockaddr *address, const struct policy_rule *rule,
		    const char *what)
{
	struct line line;

	if (!log_path)
		return;
	begin_connection(&line, address, rule);
	text_add(&line.text, what);
	put(&line);
}

void say_held(const struct sockaddr *address, const struct policy_rule *rule, uint64_t held_ns,
	      const char *what)
{
	struct line line;

	if (!log_path)
		return;
	begin_connection(&line, address, rule);
	text_add(&line.text, "held ");
	if (held_ns != SAY_UNTIL_WRITE) {
		text_add_number(&line.text, held_ns / NS_PER_MS);
		text_add(&line.text, ".");
		text_add_number(&line.text, held_ns / (NS_PER_MS / 10) % 10);
		text_add(&line.text, " ms, ");
	} else {
		text_add(&line.text, "until the first write, ");
	}
	text_add(&line.text, what);
	put(&line);
}

void say_policy_refused(const struct policy_problem *problem, bool another_stays_in_force)
{
	static char text[1024];
	struct line line;

	if (!log_path)
		return;
	policy_problem_text(problem, text, sizeof(text));
	begin(&line);
	text_add(&line.text, another_stays_in_force ? "new policy refused, the old one stays: "
						    : "policy refused, nothing is allowed: ");
	text_add(&line.text, text);
	while (line.text.length && line.bytes[line.text.length - 1] == '\n')
		line.text.length--;
	put(&line);
}

void say_line(const char *what)
{
	struct line line;

	if (!log_path)
		return;
	begin(&line);
	text_add(&line.text, what);
	put(&line);
}
