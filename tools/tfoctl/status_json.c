/* SPDX-License-Identifier: MIT */
/* The memory as JSON: times as ISO 8601 in UTC. */
#include "json.h"
#include "place.h"
#include "status.h"

#include <time.h>

static void put_time(struct json *json, const char *key, uint32_t time_s)
{
	const time_t seconds = (time_t)time_s;
	struct tm tm;
	char text[32] = "";

	if (time_s && gmtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_text(json, key, text);
}

static void put_known(struct json *json, const char *key, uint32_t number)
{
	if (number)
		json_number(json, key, number);
	else
		json_text(json, key, NULL);
}

static void put_counts(struct json *json, const struct remembered *remembered)
{
	json_number(json, "connections", remembered->connections);
	json_number(json, "in_syn", remembered->in_syn);
	json_number(json, "not_acknowledged", remembered->not_acknowledged);
	json_number(json, "lost", remembered->lost);
	json_number(json, "failed", remembered->failed);
	json_number(json, "round_trips_saved", remembered->round_trips_saved);
	json_number(json, "saved_us", remembered->saved_us);
}

static void put_destination(struct json *json, const struct remembered *remembered)
{
	char host[PLACE_TEXT_SIZE];

	json_open(json);
	json_text(json, "address", host_text(&remembered->address.any, host, sizeof(host)));
	json_number(json, "port", port_of(&remembered->address.any));
	json_text(json, "name", remembered->name);
	put_counts(json, remembered);
	put_known(json, "rtt_us", remembered->rtt_us);
	put_time(json, "last_success", remembered->last_success_s);
	put_time(json, "last_used", remembered->last_used_s);
	put_time(json, "suspended_until", remembered->suspended_until_s);
	json_number(json, "strikes", remembered->strikes);
	json_text(json, "reason", memory_reason_text(remembered->reason));
	json_close(json);
}

static void put_trial(struct json *json, const struct remembered_trial *trial)
{
	json_open(json);
	json_text(json, "rule", trial->rule);
	put_time(json, "suspended_until", trial->suspended_until_s);
	json_number(json, "treated_count", trial->treated_count);
	json_number(json, "control_count", trial->control_count);
	put_known(json, "treated_median_us", trial->treated_median_us);
	put_known(json, "control_median_us", trial->control_median_us);
	json_close(json);
}

void print_json(FILE *to, const struct snapshot *snapshot)
{
	struct json json = {.to = to};

	json_open(&json);
	json_text(&json, "file", snapshot->file);
	put_time(&json, "paused_until", snapshot->paused_until_s);
	json_open_list(&json, "destinations");
	for (size_t i = 0; i < snapshot->count; i++) {
		json_item(&json);
		put_destination(&json, &snapshot->destinations[i]);
	}
	json_close_list(&json);
	json_open_list(&json, "control_groups");
	for (size_t i = 0; i < snapshot->trial_count; i++) {
		json_item(&json);
		put_trial(&json, &snapshot->trials[i]);
	}
	json_close_list(&json);
	json_close(&json);
	fputc('\n', to);
}
