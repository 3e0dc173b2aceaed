/* SPDX-License-Identifier: MIT */
/*
 * What is remembered about destinations (address and port), by every process of a user: a file of
 * fixed size, mapped and shared. Lock-free; a process may be killed at any instruction; nothing in
 * it is trusted. Without a usable file the memory is this process's and its children's.
 *
 * Any thread and any signal handler may call anything here; errno is kept.
 */
#ifndef TFO_SHIM_MEMORY_DESTINATIONS_H
#define TFO_SHIM_MEMORY_DESTINATIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "policy/policy.h"
#include "shim/memory/place.h"

/* A destination that answered within this time is known to be good. */
#define MEMORY_FRESH_S 3600u

/* Why a destination is left alone, or has a strike. The order is part of the file's format. */
enum memory_reason {
	MEMORY_NO_REASON,
	MEMORY_SYN_DATA_LOST,	    /* SYN+data had to be repeated */
	MEMORY_SYN_DATA_RESET,	    /* SYN+data was reset where an ordinary SYN was not */
	MEMORY_SYN_DATA_REFUSED,    /* no connection came of SYN+data */
	MEMORY_STALLED,		    /* SYN data was accepted, then nothing came */
	MEMORY_COOKIE_REQUEST_LOST, /* a SYN that only asked for a cookie had to be repeated */
	MEMORY_NOT_ACKNOWLEDGED,    /* most SYN data was not acknowledged */
	MEMORY_NO_COOKIE,	    /* asked several times, never got one */
	MEMORY_REASONS,
};

/* What to do with a connection that a rule allows. */
enum advice {
	ADVICE_HOLD,	/* known to be good */
	ADVICE_VERIFY,	/* not reached lately: connect as ever, and ask for a cookie */
	ADVICE_PLAIN,	/* suspended: leave it alone */
	ADVICE_NO_GAIN, /* so near that a round trip is nothing */
};

/* What is remembered of one destination, checked and copied. Times in seconds of CLOCK_REALTIME. */
struct remembered {
	union memory_address address;
	char name[65]; /* a host name it was reached by, or "" */
	uint32_t last_success_s, last_used_s, suspended_until_s;
	enum memory_reason reason; /* of the suspension, or of the last strike */
	unsigned int strikes;
	uint32_t rtt_us; /* 0: not known */
	uint32_t connections, in_syn, not_acknowledged, lost, failed, round_trips_saved;
	uint64_t saved_us;
};

/* How one connection fared; see judge.h for what follows from it. */
struct experience {
	enum {
		SYN_ASKED_FOR_COOKIE, /* an ordinary connection with TCP_FASTOPEN_CONNECT set */
		SYN_EMPTY,	      /* held, then released without data */
		SYN_CARRIED_DATA,
	} syn;
	bool established;
	bool cookie_expected; /* asked for a cookie, although an earlier connection had asked */
	bool acknowledged;    /* the SYN's data was */
	bool reset;	      /* SYN+data was reset, and an ordinary connection made in its place */
	bool retransmitted;   /* the SYN had to be repeated */
	bool stalled;	      /* later: see memory_record() */
	uint32_t rtt_us;      /* 0: not measured */
};

/*
 * Where the memory is: `setting` is TFO_STATE ("off", an absolute path, or NULL), `runtime` is
 * XDG_RUNTIME_DIR or NULL. Called once, before the rest. The strings must live as long as the
 * process. Nothing is opened before it is needed.
 */
void memory_configure(const char *setting, const char *runtime);

/* What to do, and the remembered round trip in microseconds (0: none). */
enum advice memory_advice(const struct sockaddr *address, socklen_t length,
			  const struct policy_rule *rule, uint32_t *rtt_us);

/* Remembers how a connection fared. Once a connection, when its handshake has ended; and once more
 * with `stalled` alone if nothing came after it. `name` may be NULL. */
void memory_record(const struct sockaddr *address, socklen_t length, const struct policy_rule *rule,
		   const struct experience *experience, const char *name);

/* The same for several connections that went well, of which `success` is the last, to a destination
 * that is known to be good. */
void memory_record_several(const struct sockaddr *address, socklen_t length,
			   const struct policy_rule *rule, const struct experience *success,
			   uint32_t count);

/*
 * The control group of a rule (control=1/N): connections that stay plain, so that what Fast Open
 * gains can be measured. Notes how long one connection took from connect to the first byte. When
 * the median of the others is slower than that of the control group, over at least
 * MEMORY_TRIAL_LEAST of each, the rule is suspended (ADVICE_PLAIN) for twelve times its `suspend=`.
 */
#define MEMORY_TRIAL_LEAST 64u
void memory_record_first_byte(const struct policy_rule *rule, bool control, uint64_t us);

/* For the operator's tools. */

/* What the control group of a rule has shown so far. Medians in microseconds, 0 without a sample.
 */
struct remembered_trial {
	char rule[129];
	uint32_t suspended_until_s; /* 0: it is not */
	uint32_t treated_count, control_count;
	uint32_t treated_median_us, control_median_us;
};

/* Calls `visit` for every rule with a control group. */
void memory_each_trial(void (*visit)(const struct remembered_trial *trial, void *context),
		       void *context);

/* Calls `visit` for every destination, in no order. Returns the number. */
unsigned int memory_each(void (*visit)(const struct remembered *remembered, void *context),
			 void *context);

/* Forgets a destination; a port of 0 means every port of the address. NULL: everything, the pause
 * and what came to servers included. Returns how many were known. */
unsigned int memory_forget(const struct sockaddr *address, socklen_t length);

/* Until when all of TFO pauses, in seconds of CLOCK_REALTIME; 0: it does not. */
uint32_t memory_paused_until(void);

/* The path of the file in use, or NULL when the memory is the process's own. */
const char *memory_path(void);

const char *memory_reason_text(enum memory_reason reason);

#endif
