/* SPDX-License-Identifier: MIT */
/* Lines for the operator. Says what happened; decides nothing. */
#include "shim/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/names.h"
#include "policy/text.h"
#include "shim/clock.h"
#include "shim/next.h"
#include "shim/readable.h"
#include "shim/settings.h"

struct line {
	struct text text;
	char bytes[1200];
};

static void open_line(struct line *line)
{
	line->text = text_in(line->bytes, sizeof(line->bytes));
}

static struct stat standard_error;
static bool standard_error_known;

void log_open(void)
{
	standard_error_known = settings.log && fstat(STDERR_FILENO, &standard_error) == 0;
}

static void add_ms(struct line *line, uint64_t ns)
{
	text_add_number(&line->text, ns / NS_PER_MS);
	text_add(&line->text, ".");
	text_add_number(&line->text, ns / (NS_PER_MS / 10) % 10);
	text_add(&line->text, " ms");
}

static void add_address(struct line *line, const union socket_address *address)
{
	char text[INET6_ADDRSTRLEN] = "?";
	bool ip6 = address->any.sa_family == AF_INET6;

	if (ip6)
		inet_ntop(AF_INET6, &address->ip6.sin6_addr, text, sizeof(text));
	else
		inet_ntop(AF_INET, &address->ip4.sin_addr, text, sizeof(text));
	text_add(&line->text, ip6 ? "[" : "");
	text_add(&line->text, text);
	text_add(&line->text, ip6 ? "]:" : ":");
	text_add_number(&line->text, ntohs(ip6 ? address->ip6.sin6_port : address->ip4.sin_port));
}

static void add_name(struct line *line, const union socket_address *address, socklen_t length)
{
	const struct learned_name *name = names_next(&address->any, length, NULL);

	if (!name)
		return;
	text_add(&line->text, " (");
	text_add(&line->text, names_text(name));
	text_add(&line->text, ")");
}

static void add_rule(struct line *line, const struct policy_rule *rule)
{
	if (!rule) {
		text_add(&line->text, "no rule");
		return;
	}
	text_add(&line->text, rule->file);
	text_add(&line->text, ":");
	text_add_number(&line->text, rule->line);
	text_add(&line->text, " \"");
	text_add(&line->text, rule->text);
	text_add(&line->text, "\"");
}

static void begin(struct line *line, const union socket_address *address, socklen_t length,
		  const struct policy_rule *rule)
{
	open_line(line);
	text_add(&line->text, "tfo-run: ");
	add_address(line, address);
	add_name(line, address, length);
	text_add(&line->text, ": ");
	add_rule(line, rule);
	text_add(&line->text, ": ");
}

static bool is_standard_error_still(void)
{
	struct stat now;

	return standard_error_known && fstat(STDERR_FILENO, &now) == 0 &&
	       now.st_dev == standard_error.st_dev && now.st_ino == standard_error.st_ino;
}

static void put(struct line *line)
{
	int saved = errno, fd = STDERR_FILENO;
	bool to_file = strcmp(settings.log, "stderr") != 0;

	/* In the place of the NUL. */
	line->bytes[line->text.length] = '\n';
	if (to_file)
		fd = open(settings.log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	else if (!is_standard_error_still())
		fd = -1;
	/* Nobody can be told when even this fails. */
	if (fd >= 0 && next.write(fd, line->bytes, line->text.length + 1) < 0)
		errno = 0;
	if (fd >= 0 && to_file)
		next.close(fd);
	errno = saved;
}

void log_policy_refused(const char *text, bool another_stays_in_force)
{
	struct line line;

	if (!settings.log)
		return;
	open_line(&line);
	text_add(&line.text, another_stays_in_force
				     ? "tfo-run: new policy refused, the old one stays: "
				     : "tfo-run: policy refused, nothing is allowed: ");
	text_add(&line.text, text);
	while (line.text.length && line.bytes[line.text.length - 1] == '\n')
		line.text.length--;
	put(&line);
}

void log_hold_unknown(const char *name)
{
	struct line line;

	if (!settings.log)
		return;
	open_line(&line);
	text_add(&line.text, "tfo-run: TFO_HOLD: \"");
	text_add(&line.text, name);
	text_add(&line.text, "\" is neither \"kernel\" nor \"user\"");
	put(&line);
}

void log_not_allowed(const struct sockaddr *address, socklen_t length,
		     const struct policy_rule *rule)
{
	union socket_address copy;
	struct line line;

	if (!settings.log || is_absurd(address) || length < sizeof(address->sa_family) ||
	    length > sizeof(copy) ||
	    (address->sa_family != AF_INET && address->sa_family != AF_INET6))
		return;
	memcpy(&copy, address, length);
	begin(&line, &copy, length, rule);
	text_add(&line.text, "plain");
	put(&line);
}

void log_listener(const union socket_address *address, socklen_t length,
		  const struct policy_rule *rule, const char *what)
{
	struct line line;

	if (!settings.log)
		return;
	begin(&line, address, length, rule);
	text_add(&line.text, what);
	put(&line);
}

void log_connect(const struct tracked *socket, const char *why_not)
{
	struct line line;

	if (!settings.log)
		return;
	begin(&line, &socket->address, socket->address_length, socket->rule);
	text_add(&line.text, why_not);
	put(&line);
}

void log_retry(const struct tracked *socket)
{
	log_connect(socket, "SYN with data was reset: connecting plainly");
}

static const char *why(enum syn_reason reason)
{
	switch (reason) {
	case SYN_PAYLOAD_UNSAFE:
		return "the first bytes are not safe to repeat under this rule";
	case SYN_DEADLINE:
		return "nothing was written before the deadline";
	case SYN_PROGRAM_WAITS:
		return "the program waits for something else first";
	case SYN_PROGRAM_READS:
		return "the program reads first";
	case SYN_PROGRAM_CLOSES:
		return "the program closes or shuts down first";
	case SYN_PROGRAM_SHARES:
		return "the program shares the descriptor first";
	case SYN_NO_KEEPER:
		return "no thread could be started to keep the deadline";
	case SYN_COOKIE_GONE:
		return "the kernel has lost the cookie";
	case SYN_WITH_PAYLOAD:
	case SYN_NOT_HELD:
	case SYN_OTHER_CALL:
		break;
	}
	return "the program did something else first";
}

static const char *how_acknowledged(const struct tracked *socket, const struct outcome *outcome)
{
	if (outcome->handshake != HANDSHAKE_DONE)
		return ", connection failed";
	/* The kernel's flag is the plain connection's then. */
	if (socket->reset)
		return ", reset: sent again";
	if (outcome->syn_data_acknowledged)
		return ", acknowledged";
	if (outcome->retransmissions && outcome->client_fail != 2)
		return ", SYN lost and sent again";
	return ", not acknowledged: sent again";
}

void log_outcome(const struct tracked *socket, const struct outcome *outcome)
{
	struct line line;

	if (!settings.log)
		return;
	begin(&line, &socket->address, socket->address_length, socket->rule);
	text_add(&line.text, "held ");
	add_ms(&line, atomic_load(&socket->syn_ns) - atomic_load(&socket->connected_ns));
	text_add(&line.text, ", ");
	text_add_number(&line.text, socket->syn_bytes);
	text_add(&line.text, " bytes in the SYN");
	if (socket->syn_bytes) {
		text_add(&line.text, how_acknowledged(socket, outcome));
	} else {
		text_add(&line.text, ": ");
		text_add(&line.text, why(socket->reason));
	}
	put(&line);
}
