/* SPDX-License-Identifier: MIT */
/*
 * The memory as JSON (RFC 8259): one object on a line, times as ISO 8601 in UTC, durations with
 * their unit in the key, null for what is not known. Keys are a promise: they may be added to.
 */
#include "tfoctl_place.h"
#include "tfoctl_status.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

/* The length of the UTF-8 sequence at `text`, 0 if there is none; without overlong forms that
 * begin with C0 or C1, and without what lies above U+10FFFF by its first byte. */
static size_t utf8_length(const unsigned char *text)
{
	size_t length = text[0] < 0xc2	 ? 0
			: text[0] < 0xe0 ? 2
			: text[0] < 0xf0 ? 3
			: text[0] < 0xf5 ? 4
					 : 0;

	for (size_t i = 1; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
	    (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
		return 0;
	return length;
}

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
	else if ((length = utf8_length(at)) > 0)
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

/* What stands between two members of an object. */
struct json {
	FILE *to;
	bool is_first;
};

static void open_object(struct json *json)
{
	fputc('{', json->to);
	json->is_first = true;
}

static void close_object(struct json *json)
{
	fputc('}', json->to);
	json->is_first = false;
}

static void put_key(struct json *json, const char *key)
{
	fprintf(json->to, "%s\"%s\":", json->is_first ? "" : ",", key);
	json->is_first = false;
}

static void put_text(struct json *json, const char *key, const char *text)
{
	put_key(json, key);
	if (text && *text)
		put_string(json->to, text);
	else
		fputs("null", json->to);
}

static void put_time(struct json *json, const char *key, uint32_t time_s)
{
	const time_t seconds = (time_t)time_s;
	struct tm tm;
	char text[32] = "";

	if (time_s && gmtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	put_text(json, key, text);
}

static void put_number(struct json *json, const char *key, uint64_t number)
{
	put_key(json, key);
	fprintf(json->to, "%" PRIu64, number);
}

static void put_known(struct json *json, const char *key, uint32_t number)
{
	if (number)
		put_number(json, key, number);
	else
		put_text(json, key, NULL);
}

static void put_counts(struct json *json, const struct remembered *remembered)
{
	put_number(json, "connections", remembered->connections);
	put_number(json, "in_syn", remembered->in_syn);
	put_number(json, "not_acknowledged", remembered->not_acknowledged);
	put_number(json, "lost", remembered->lost);
	put_number(json, "failed", remembered->failed);
	put_number(json, "round_trips_saved", remembered->round_trips_saved);
	put_number(json, "saved_us", remembered->saved_us);
}

static void put_destination(struct json *json, const struct remembered *remembered)
{
	char host[PLACE_TEXT_SIZE];

	open_object(json);
	put_text(json, "address", host_text(&remembered->address.any, host, sizeof(host)));
	put_number(json, "port", port_of(&remembered->address.any));
	put_text(json, "name", remembered->name);
	put_counts(json, remembered);
	put_known(json, "rtt_us", remembered->rtt_us);
	put_time(json, "last_success", remembered->last_success_s);
	put_time(json, "last_used", remembered->last_used_s);
	put_time(json, "suspended_until", remembered->suspended_until_s);
	put_number(json, "strikes", remembered->strikes);
	put_text(json, "reason", memory_reason_text(remembered->reason));
	close_object(json);
}

static void put_trial(struct json *json, const struct remembered_trial *trial)
{
	open_object(json);
	put_text(json, "rule", trial->rule);
	put_time(json, "suspended_until", trial->suspended_until_s);
	put_number(json, "treated_count", trial->treated_count);
	put_number(json, "control_count", trial->control_count);
	put_known(json, "treated_median_us", trial->treated_median_us);
	put_known(json, "control_median_us", trial->control_median_us);
	close_object(json);
}

void print_json(FILE *to, const struct snapshot *snapshot)
{
	struct json json = {.to = to};

	open_object(&json);
	put_text(&json, "file", snapshot->file);
	put_time(&json, "paused_until", snapshot->paused_until_s);
	put_key(&json, "destinations");
	fputc('[', to);
	for (size_t i = 0; i < snapshot->count; i++) {
		fputs(i ? "," : "", to);
		put_destination(&json, &snapshot->destinations[i]);
	}
	fputc(']', to);
	put_key(&json, "control_groups");
	fputc('[', to);
	for (size_t i = 0; i < snapshot->trial_count; i++) {
		fputs(i ? "," : "", to);
		put_trial(&json, &snapshot->trials[i]);
	}
	fputc(']', to);
	close_object(&json);
	fputc('\n', to);
}
