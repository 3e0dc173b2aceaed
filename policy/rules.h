/* SPDX-License-Identifier: MIT */
/* What a policy is made of. Inside the policy room only. */
#ifndef TFO_POLICY_RULES_H
#define TFO_POLICY_RULES_H

#include "arena.h"
#include "policy.h"
#include "source.h"

#include <stdatomic.h>

struct policy {
	struct arena arena;				/* everything lives here, this struct too */
	struct policy_rule *first, *last;		/* as read from text; an image has none */
	struct policy_rule *first_listen, *last_listen; /* few: asked one by one, in any policy */
	unsigned int listen_count;
	unsigned int count;
	bool has_names, has_programs;
	uint32_t named_denial; /* position of the first deny rule with a host name, or: */
#define POLICY_NO_DENIAL UINT32_MAX
	struct port_filter allowed_ports;	    /* of the policies behind it, too */
	struct source *sources;			    /* in no order */
	const struct index *index;		    /* NULL: few rules, asked one by one */
	_Atomic(const struct policy_rule *) *rules; /* by position; with an index only */
	struct image *image;			    /* NULL: read from text */
	const char *path;			    /* where it was found; NULL: the default */
	const struct policy *behind;		    /* asked where no rule of this one matches */
	const struct policy_listener *listener;
	bool is_bad;			 /* the listener was told of a problem */
	unsigned int files;		 /* read so far */
	size_t bytes;			 /* of these */
	const struct services *services; /* NULL until a port is a name */
};

/* Puts a rule for servers behind those that are there. */
void policy_append_listen_rule(struct policy *policy, struct policy_rule *rule);

/* Takes the compiled form of the file at policy->path, if there is one that fits it. The policy is
 * to be thrown away if not. */
bool policy_map_image(struct policy *policy);

/* The rule at a position of an indexed policy; NULL in a damaged image. */
const struct policy_rule *policy_rule_at(const struct policy *policy, uint32_t position);

#endif
