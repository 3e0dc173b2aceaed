/* SPDX-License-Identifier: MIT */
/*
 * JSON (RFC 8259) as tfoctl prints it: one object on a line, durations with their unit in the key,
 * null for what is not known. Keys are a promise: they may be added to.
 */
#ifndef TFO_TOOLS_TFOCTL_JSON_H
#define TFO_TOOLS_TFOCTL_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *to;
	bool is_first; /* nothing stands before in this object or list */
};

void json_open(struct json *json);
void json_close(struct json *json);

/* What a member's value follows. */
void json_key(struct json *json, const char *key);

/* Members. A text that is NULL or empty is null; what is not UTF-8 in it is U+FFFD. */
void json_text(struct json *json, const char *key, const char *text);
void json_number(struct json *json, const char *key, uint64_t number);
void json_bool(struct json *json, const char *key, bool value);

/* A list; json_item() stands before each of its items. */
void json_open_list(struct json *json, const char *key);
void json_item(struct json *json);
void json_close_list(struct json *json);

#endif
