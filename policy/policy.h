/* SPDX-License-Identifier: MIT */
/*
 * What the operator allows: rules, one a line, and the rule that speaks for a destination.
 * This room knows addresses, ports, names and bytes; it knows nothing of sockets.
 *
 * A policy is built by one thread (policy_new, policy_add_*) and is immutable afterwards: any
 * number of threads and signal handlers may then ask it. Nothing here calls malloc or stdio.
 */
#ifndef TFO_POLICY_POLICY_H
#define TFO_POLICY_POLICY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "port_filter.h"

enum policy_verb { POLICY_ALLOW, POLICY_DENY, POLICY_LISTEN };

enum policy_destination { POLICY_ANY_HOST, POLICY_NETWORK, POLICY_HOST, POLICY_SUFFIX };

/* What may ride in a SYN: see payload.h. */
enum policy_payload {
	POLICY_PAYLOAD_NONE, /* of a deny or listen rule */
	POLICY_PAYLOAD_ANY,
	POLICY_PAYLOAD_TLS,
	POLICY_PAYLOAD_HTTP,
	POLICY_PAYLOAD_DNS,
	POLICY_PAYLOAD_REDIS,
	POLICY_PAYLOAD_MEMCACHED,
	POLICY_PAYLOAD_PREFIX,
};

/* What applies where a rule does not say otherwise. */
#define POLICY_MINRTT_US 1000u /* 1 ms: loopback and most local networks are nearer */
#define POLICY_SUSPEND_S 300u
#define POLICY_BACKLOG	 256u

struct policy_ports {
	uint16_t first, last; /* host byte order, both included */
};

struct policy;

struct policy_rule {
	enum policy_verb verb;
	enum policy_destination destination;
	sa_family_t family;	  /* POLICY_NETWORK: AF_INET or AF_INET6 */
	unsigned int prefix_bits; /* POLICY_NETWORK: 0..32 or 0..128 */
	uint8_t network[16];	  /* POLICY_NETWORK: network byte order; IPv4 uses 4 bytes */
	const char *name;	  /* POLICY_HOST, POLICY_SUFFIX: lower case, no final dot; a suffix
				     keeps its leading dot (".example.com") */
	const struct policy_ports *ports;
	size_t port_count;   /* 0: every port */
	const char *program; /* base name of the only program that it is for; NULL: of all */
	enum policy_payload payload;
	const uint8_t *prefix; /* POLICY_PAYLOAD_PREFIX: the bytes a payload must begin with */
	size_t prefix_length;
	unsigned int hold_us;	/* longest hold in microseconds; 0: the library's own deadline */
	bool verify;		/* connect plainly where nothing was reached lately */
	unsigned int minrtt_us; /* destinations nearer than this are not held */
	unsigned int suspend_s; /* the first suspension of a destination that fails */
	unsigned int max_bytes; /* most bytes that ride in a SYN; 0: as many as fit */
	unsigned int control_share; /* one connection in so many stays plain, to compare; 0: none */
	bool supervise;		    /* POLICY_ALLOW: also where the payload cannot be seen; see
				       policy_rule_allows_supervision() */
	unsigned int backlog; /* POLICY_LISTEN: connections that may wait for their handshake */
	const char *key;      /* POLICY_LISTEN: path of the key file (key.h); NULL: the kernel's */
	const char *file;     /* where the rule stands, for the log */
	unsigned int line;
	const char *text;      /* the rule as written, columns separated by one space, no comment */
	unsigned int position; /* 0 for the first rule of the policy */
	const struct policy *policy;
	const struct policy_rule *next; /* NULL for the last, and in a compiled policy */
};

/* One thing wrong with a policy. The first one found is kept; the file is refused whole. */
struct policy_problem {
	char file[256];
	unsigned int line, column;  /* from 1; line 0: the file as a whole (cannot be read, ...) */
	unsigned int width;	    /* characters that the caret line underlines, at least 1 */
	char sentence[256];	    /* one sentence, lower case, no final dot */
	char source[256];	    /* the line itself, cut where it is very long */
	unsigned int source_column; /* the column where source begins: 1 unless it was cut */
	char included_from[256];    /* "FILE:LINE" of the include that led here, then those that
				       led there, with a comma between; "": none did */
};

/* Who wants to hear of everything, not only of the first problem: for tools. */
struct policy_listener {
	/* A line, or an included file, that is left out; reading goes on behind it. */
	void (*problem)(const struct policy_problem *problem, void *context);
	/* What is allowed and may not be meant. */
	void (*warning)(const struct policy_problem *warning, void *context);
	void *context;
};

/* An empty policy, which allows nothing; NULL when there is no memory. */
struct policy *policy_new(void);

/* From now on what is added is read to its end, and the listener hears of all problems. A policy
 * that had any is incomplete: good for a closer look, not for decisions. */
void policy_listen(struct policy *policy, const struct policy_listener *listener);

/* Adds the rules of a text behind those already there. `name` stands for it in messages; it has no
 * directory, so what it includes is named by an absolute path. Returns 0, or -1 with *problem
 * filled in; then the policy must be thrown away. With a listener: -1 if that heard of a problem,
 * or if the text could not be read at all. */
int policy_add_text(struct policy *policy, const char *name, const char *text, size_t length,
		    struct policy_problem *problem);

/* The same for a file (O_CLOEXEC; a regular file, with all that it includes at most 16 MiB, that
 * nobody can write to but its owner, who is root or the effective user). Async-signal-safe calls
 * only; no cancellation point, so that a thread cancelled in connect() leaves no descriptor
 * behind. */
int policy_add_file(struct policy *policy, const char *path, struct policy_problem *problem);

void policy_free(struct policy *policy);

/* The rules for connections in order; NULL when there are none. A NULL policy has none here and
 * below. */
const struct policy_rule *policy_first_rule(const struct policy *policy);

/* The same for the rules for servers, which are a list of their own. */
const struct policy_rule *policy_first_listen_rule(const struct policy *policy);

/* Whether there are any, in the compiled rules too. */
bool policy_has_listen_rules(const struct policy *policy);

/* The ports at which some rule allows something, whatever the address: nothing is allowed at those
 * that it has not. It lives as long as the policy. */
const struct port_filter *policy_allowed_ports(const struct policy *policy);

/* Whether any rule names hosts, so that names must be learned (names.h). */
bool policy_has_names(const struct policy *policy);

/* What a policy is asked. */
struct policy_question {
	const struct sockaddr *address;
	socklen_t length;
	const char *program; /* base name of what was executed; NULL: not known, so that only rules
				for every program match */
	const char *name;    /* the host that a payload names, in lower case; NULL: none is known */
};

/*
 * The rule that speaks for a destination, or NULL when nothing matches; the caller holds only
 * under an allow rule. First match wins. Name rules match what names.h learned for the address, and
 * the name in the question; where several names are known, each is decided by itself and the most
 * cautious verdict counts: a deny rule or no match (then NULL) before an allow rule; of allow rules
 * that differ in payload class, the narrower of `any` and another class, and NULL for two different
 * classes (two prefixes are one class only if they are the same bytes); of one class, the rule that
 * stands first. IPv4-mapped IPv6 addresses count as IPv4. Other families: NULL.
 * Any thread, any signal handler.
 */
const struct policy_rule *policy_decide(const struct policy *policy,
					const struct policy_question *question);

/* Whether a rule's connections may be held by somebody who does not see their payload
 * (tfo-run --supervise): the operator has vouched for it, by payload `any` or supervise=yes, and
 * set no limit to what rides in the SYN (max=), which could not be kept either. */
bool policy_rule_allows_supervision(const struct policy_rule *rule);

/* The same decision for somebody who does not know names either: NULL where a deny rule with a host
 * name stands before the rule that was found, since that might be meant. Any thread, any signal
 * handler. */
const struct policy_rule *policy_decide_unnamed(const struct policy *policy,
						const struct policy_question *question);

/* Whether rules ask for the program's name. */
bool policy_has_programs(const struct policy *policy);

/* The rule for a server that listens at an address, or NULL: the first that matches. A server that
 * listens at every address is under rules for every address only: 0.0.0.0 is in 0.0.0.0/0, :: is in
 * ::/0, and both match `*`. Rules for connections have no say here, nor these there. Any thread,
 * any signal handler. */
const struct policy_rule *policy_decide_listen(const struct policy *policy,
					       const struct policy_question *question);

/* Where no name is known for an address (the program has a resolver of its own): the first allow
 * rule with a name, for a payload that may name the host, for this port, unless a rule before it
 * decides without one. If the payload then names a host, policy_decide() is to be asked again, with
 * it. NULL: there is none. Any thread, any signal handler. */
const struct policy_rule *policy_expect(const struct policy *policy,
					const struct policy_question *question);

/* Makes decisions cost the same however many rules there are. Policies of a few dozen rules do
 * without. Before anybody asks, by the thread that built it. */
void policy_index(struct policy *policy);

/* The compiled form of a policy that was read from text: *size bytes, which live as long as the
 * policy and belong into the file that policy_image_path() names. NULL: no memory, or too large. */
const uint8_t *policy_image(struct policy *policy, size_t *size);

/* Where the compiled form of a policy file lies: next to it. False if it does not fit. */
bool policy_image_path(const char *policy_path, char *path, size_t size);

/* Why a rule does not speak for a place, as far as that can be told. */
enum policy_fit {
	POLICY_FITS,
	POLICY_OTHER_PORT,
	POLICY_OTHER_PROGRAM,
	POLICY_OTHER_HOST,
	POLICY_NEEDS_NAME,    /* it does if the program knows the address by such a name */
	POLICY_NEEDS_ADDRESS, /* it does if the name resolves to such an address */
};

/* How one rule fits a question, whose address may be NULL where only a name is known; hence the
 * port. For explaining: of a question with an address and without learned names, the first rule
 * that fits is the one that policy_decide() finds. */
enum policy_fit policy_rule_fit(const struct policy_rule *rule,
				const struct policy_question *question, uint16_t port);

/* Writes the rule in the one form that all rules of the same meaning have: names in lower case,
 * ports sorted and joined, options sorted and without those that say what applies anyway. At most
 * `size` bytes with the NUL; POLICY_RULE_TEXT are enough. Returns the length without it. */
#define POLICY_RULE_TEXT 32768
size_t policy_rule_text(const struct policy_rule *rule, char *text, size_t size);

/* What stands for a payload class in a rule; of a prefix without its bytes. */
const char *policy_payload_word(enum policy_payload payload);

/* Writes the problem as people know it from compilers, at most `size` bytes with the NUL:
 *   FILE:LINE:COLUMN: sentence
 *   the source line
 *           ^~~~~
 * Each line ends with a newline; a problem with the file as a whole (line 0) is the one line
 * "FILE: sentence". If the file was included, a line says from where. Returns the length written,
 * without the NUL. Async-signal-safe. */
size_t policy_problem_text(const struct policy_problem *problem, char *text, size_t size);

/* The same for a warning, with that word before the sentence. */
size_t policy_warning_text(const struct policy_problem *warning, char *text, size_t size);

/* The policy that is compiled in (policy/default.policy). */
extern const char policy_default_text[];
extern const size_t policy_default_length;

/* Where a policy is looked for: the path of the first candidate that exists, in this order:
 * `explicit_path` (TFO_POLICY; taken whether it exists or not), $XDG_CONFIG_HOME/tfo/policy (else
 * $HOME/.config/tfo/policy), /etc/tfo/policy. Returns 0 with the path, or -1 when none exists: the
 * compiled-in default then applies. NULL or empty arguments are skipped; relative XDG_CONFIG_HOME
 * values too (XDG Base Directory Specification), and a candidate that does not fit into `size`
 * bytes (give PATH_MAX); an explicit path that does not fit leaves the empty path, which no file
 * has. */
int policy_find(const char *explicit_path, const char *xdg_config_home, const char *home,
		char *path, size_t size);

/* The policy in force, from text: `extra_rules` (TFO_RULES, may be NULL) first, then the file that
 * policy_find() names, else the compiled-in default. NULL with *problem filled in when anything is
 * wrong: then nothing is allowed. */
struct policy *policy_load(const char *explicit_path, const char *extra_rules,
			   const char *xdg_config_home, const char *home,
			   struct policy_problem *problem);

/* The same, only to be asked: indexed, and the compiled form is taken where it fits the file. */
struct policy *policy_open(const char *explicit_path, const char *extra_rules,
			   const char *xdg_config_home, const char *home,
			   struct policy_problem *problem);

/* Whether policy_open() with the same arguments would read the same files, unchanged since then. */
bool policy_is_current(const struct policy *policy, const char *explicit_path,
		       const char *xdg_config_home, const char *home);

#endif
