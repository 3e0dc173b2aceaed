/* SPDX-License-Identifier: MIT */
/*
 * The configuration of an OCI bundle (config.json of the OCI runtime specification), with the
 * library in it or without. What was there before is kept in an annotation, so that it can be
 * given back whatever else has been changed meanwhile. No files here.
 */
#ifndef TFO_TOOLS_TFOCTL_BUNDLE_H
#define TFO_TOOLS_TFOCTL_BUNDLE_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <sys/types.h>

struct injection {
	const char *runtime; /* its directory on this machine: absolute */
	const char *at;	     /* where the container sees it: absolute, without a final slash */
	const char *rules;   /* to stand before those of TFO_RULES; NULL: none */
	bool wrap;	     /* begin the command with tfo-run, instead of setting LD_PRELOAD */
};

/* Puts the library into a configuration that has it not. Returns NULL, or why that cannot be: the
 * end of a sentence. Then the configuration is to be thrown away. */
const char *bundle_inject(struct json_object *config, const struct injection *injection);

/* Takes out what bundle_inject() did. False if there was nothing of it. */
bool bundle_restore(struct json_object *config);

/* Whether a user of this machine is one in the container. True if nothing is said of its users. */
bool bundle_knows_user(struct json_object *config, uid_t user);

#endif
