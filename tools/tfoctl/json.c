/* SPDX-License-Identifier: MIT */
/* Writing JSON (RFC 8259). What is said in it is the business of others. */
#include "json.h"

#include "policy/text.h"

#include <inttypes.h>

/* A character's bytes at most; the NUL behind the text ends one that is cut short. */
#define UTF8_MOST 4

/* Writes one character; returns its length in bytes. */
static size_t put_character(FILE *to, const unsigned char *at)
{
	size_t length;

	if (*at == '"' || *at == '\\')
		fprintf(to, "\\%c", *at);
	else if (*at < ' ' || *at == 0x7f)
		fprintf(to, "\\u%04x", *at);
	else if (*at < 0x80)
		fputc(*at, to);
	else if ((length = text_character_length((const char *)at, UTF8_MOST)) > 0)
		return fwrite(at, 1, length, to) ? length : 1;
	else
		fputs("\\ufffd", to);
	return 1;
}

static void put_string(FILE *to, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	fputc('"', to);
	while (*at)
		at += put_character(to, at);
	fputc('"', to);
}

void json_open(struct json *json)
{
	fputc('{', json->to);
	json->is_first = true;
}

void json_close(struct json *json)
{
	fputc('}', json->to);
	json->is_first = false;
}

void json_key(struct json *json, const char *key)
{
	fprintf(json->to, "%s\"%s\":", json->is_first ? "" : ",", key);
	json->is_first = false;
}

void json_text(struct json *json, const char *key, const char *text)
{
	json_key(json, key);
	if (text && *text)
		put_string(json->to, text);
	else
		fputs("null", json->to);
}

void json_number(struct json *json, const char *key, uint64_t number)
{
	json_key(json, key);
	fprintf(json->to, "%" PRIu64, number);
}

void json_bool(struct json *json, const char *key, bool value)
{
	json_key(json, key);
	fputs(value ? "true" : "false", json->to);
}

void json_open_list(struct json *json, const char *key)
{
	json_key(json, key);
	fputc('[', json->to);
	json->is_first = true;
}

void json_item(struct json *json)
{
	fputs(json->is_first ? "" : ",", json->to);
	json->is_first = false;
}

void json_close_list(struct json *json)
{
	fputc(']', json->to);
	json->is_first = false;
}
