/* SPDX-License-Identifier: MIT */
/* The library in the configuration of an OCI bundle, and out of it again. */
#include "bundle.h"

#include "runtime.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/*
 * The annotation that says what was done, a JSON object of:
 *   at       where the container sees the runtime
 *   mounted  true: the mount was not there before
 *   wrapped  true: the command begins with tfo-run, and did not before
 *   env      one {set, was} for each variable, in order: the entry now, the one before or null
 *   lacked   lists that were made: NAME: "absent", or "null" where they stood there as null
 */
#define ANNOTATION "tfo-run.injected"

#define TEXT_MOST 65536

/* --- lists that a configuration need not have --- */

static void note_lack(struct json_object *record, const char *name, bool as_null)
{
	struct json_object *lacked = json_object_object_get(record, "lacked");

	if (!lacked) {
		lacked = json_object_new_object();
		json_object_object_add(record, "lacked", lacked);
	}
	json_object_object_add(lacked, name, json_object_new_string(as_null ? "null" : "absent"));
}

/* The list or object of that name, made if there is none; NULL if it is of another type. */
static struct json_object *need_member(struct json_object *parent, const char *name,
				       enum json_type type, struct json_object *record)
{
	struct json_object *member = NULL;
	bool is_there = json_object_object_get_ex(parent, name, &member);

	if (member)
		return json_object_is_type(member, type) ? member : NULL;
	note_lack(record, name, is_there);
	member = type == json_type_array ? json_object_new_array() : json_object_new_object();
	json_object_object_add(parent, name, member);
	return member;
}

/* Takes back what need_member() made, unless somebody has put something into it. */
static void return_member(struct json_object *parent, const char *name, struct json_object *record)
{
	struct json_object *member = json_object_object_get(parent, name);
	struct json_object *lacked = json_object_object_get(record, "lacked");
	const char *how = json_object_get_string(json_object_object_get(lacked, name));
	bool is_empty = json_object_is_type(member, json_type_array)
				? json_object_array_length(member) == 0
				: json_object_is_type(member, json_type_object) &&
					  json_object_object_length(member) == 0;

	if (!how || !is_empty)
		return;
	if (strcmp(how, "null") == 0)
		json_object_object_add(parent, name, NULL);
	else
		json_object_object_del(parent, name);
}

/* --- the environment --- */

static const char *item_text(const struct json_object *list, size_t index)
{
	struct json_object *item = json_object_array_get_idx(list, index);

	return json_object_is_type(item, json_type_string) ? json_object_get_string(item) : "";
}

/* The last one, which is the one that counts. -1: none. */
static int find_variable(const struct json_object *environment, const char *name)
{
	size_t length = strlen(name);
	int found = -1;

	for (size_t i = 0; i < json_object_array_length(environment); i++) {
		const char *entry = item_text(environment, i);

		if (strncmp(entry, name, length) == 0 && entry[length] == '=')
			found = (int)i;
	}
	return found;
}

static const char *variable_value(const struct json_object *environment, const char *name)
{
	int index = find_variable(environment, name);

	return index < 0 ? NULL : strchr(item_text(environment, (size_t)index), '=') + 1;
}

static void set_variable(struct json_object *environment, const char *name, const char *value,
			 struct json_object *record)
{
	static char entry[TEXT_MOST];
	int index = find_variable(environment, name);
	struct json_object *step = json_object_new_object();

	snprintf(entry, sizeof(entry), "%s=%s", name, value);
	json_object_object_add(step, "set", json_object_new_string(entry));
	if (index < 0) {
		json_object_object_add(step, "was", NULL);
		json_object_array_add(environment, json_object_new_string(entry));
	} else {
		json_object_object_add(
			step, "was", json_object_new_string(item_text(environment, (size_t)index)));
		json_object_array_put_idx(environment, (size_t)index,
					  json_object_new_string(entry));
	}
	json_object_array_add(json_object_object_get(record, "env"), step);
}

/* Whether a list as LD_PRELOAD is one has the path. *at is where. */
static bool list_has(const char *list, const char *path, const char **at)
{
	size_t length = strlen(path);

	for (*at = list; **at; *at += strspn(*at, " :")) {
		size_t word = strcspn(*at, " :");

		if (word == length && strncmp(*at, path, length) == 0)
			return true;
		*at += word;
	}
	return false;
}

static const char *extend_preload(struct json_object *environment, const char *library,
				  struct json_object *record)
{
	const char *before = variable_value(environment, "LD_PRELOAD"), *at;
	static char value[TEXT_MOST];

	if (before && list_has(before, library, &at))
		return NULL;
	/* Ours first, as tfo-run does it. */
	if (snprintf(value, sizeof(value), "%s%s%s", library, before && *before ? ":" : "",
		     before ? before : "") >= (int)sizeof(value) - 16)
		return "LD_PRELOAD is too long";
	set_variable(environment, "LD_PRELOAD", value, record);
	return NULL;
}

static const char *set_policy(struct json_object *environment, const struct injection *injection,
			      struct json_object *record)
{
	const char *policy = variable_value(environment, "TFO_POLICY");
	const char *rules = variable_value(environment, "TFO_RULES");
	static char value[TEXT_MOST];

	/* What the image itself says goes before the default. */
	if (!policy || !*policy) {
		snprintf(value, sizeof(value), "%s/" RUNTIME_POLICY, injection->at);
		set_variable(environment, "TFO_POLICY", value, record);
	}
	if (!injection->rules)
		return NULL;
	if (snprintf(value, sizeof(value), "%s%s%s", injection->rules, rules && *rules ? "\n" : "",
		     rules ? rules : "") >= (int)sizeof(value) - 16)
		return "the rules are too long";
	set_variable(environment, "TFO_RULES", value, record);
	return NULL;
}

static const char *change_environment(struct json_object *process,
				      const struct injection *injection, struct json_object *record)
{
	struct json_object *environment = need_member(process, "env", json_type_array, record);
	char library[PATH_MAX + 32];
	const char *why = NULL;

	if (!environment)
		return "process.env is not a list";
	snprintf(library, sizeof(library), "%s/" RUNTIME_LIBRARY, injection->at);
	json_object_object_add(record, "env", json_object_new_array());
	if (!injection->wrap)
		why = extend_preload(environment, library, record);
	return why ? why : set_policy(environment, injection, record);
}

/* Somebody has put more into LD_PRELOAD meanwhile: ours alone is taken out. */
static void take_from_preload(struct json_object *environment, const char *at)
{
	const char *list = variable_value(environment, "LD_PRELOAD"), *found;
	int index = find_variable(environment, "LD_PRELOAD");
	char library[PATH_MAX + 32];
	static char rest[TEXT_MOST];

	snprintf(library, sizeof(library), "%s/" RUNTIME_LIBRARY, at);
	if (!list || !list_has(list, library, &found))
		return;
	snprintf(rest, sizeof(rest), "LD_PRELOAD=%.*s%s", (int)(found - list), list,
		 found + strlen(library) + strspn(found + strlen(library), " :"));
	json_object_array_put_idx(environment, (size_t)index, json_object_new_string(rest));
}

/* A variable that is no longer as it was set is somebody else's now. */
static void restore_variable(struct json_object *environment, struct json_object *step,
			     const char *at)
{
	const char *set = json_object_get_string(json_object_object_get(step, "set"));
	struct json_object *was = json_object_object_get(step, "was");

	for (size_t i = json_object_array_length(environment); set && i-- > 0;) {
		if (strcmp(item_text(environment, i), set) != 0)
			continue;
		if (was)
			json_object_array_put_idx(environment, i, json_object_get(was));
		else
			json_object_array_del_idx(environment, i, 1);
		return;
	}
	if (set && strncmp(set, "LD_PRELOAD=", strlen("LD_PRELOAD=")) == 0)
		take_from_preload(environment, at);
}

static void restore_environment(struct json_object *process, struct json_object *record,
				const char *at)
{
	struct json_object *environment = json_object_object_get(process, "env");
	struct json_object *steps = json_object_object_get(record, "env");

	if (!json_object_is_type(environment, json_type_array) ||
	    !json_object_is_type(steps, json_type_array))
		return;
	for (size_t i = json_object_array_length(steps); i-- > 0;)
		restore_variable(environment, json_object_array_get_idx(steps, i), at);
	return_member(process, "env", record);
}

/* --- the mount --- */

static bool same_place(const char *place, const char *other)
{
	size_t length = strlen(place);

	while (length > 1 && place[length - 1] == '/')
		length--;
	return strlen(other) == length && strncmp(place, other, length) == 0;
}

/* -1: none. */
static int find_mount(const struct json_object *mounts, const char *at)
{
	for (size_t i = 0; i < json_object_array_length(mounts); i++) {
		struct json_object *mount = json_object_array_get_idx(mounts, i), *member;

		if (json_object_object_get_ex(mount, "destination", &member) &&
		    json_object_is_type(member, json_type_string) &&
		    same_place(json_object_get_string(member), at))
			return (int)i;
	}
	return -1;
}

static struct json_object *make_mount(const struct injection *injection)
{
	static const char *const options[] = {"bind", "ro", "nosuid", "nodev"};
	struct json_object *mount = json_object_new_object(), *list = json_object_new_array();

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		json_object_array_add(list, json_object_new_string(options[i]));
	json_object_object_add(mount, "destination", json_object_new_string(injection->at));
	json_object_object_add(mount, "type", json_object_new_string("bind"));
	json_object_object_add(mount, "source", json_object_new_string(injection->runtime));
	json_object_object_add(mount, "options", list);
	return mount;
}

static const char *add_mount(struct json_object *config, const struct injection *injection,
			     struct json_object *record)
{
	struct json_object *mounts = need_member(config, "mounts", json_type_array, record);
	struct json_object *source;
	int index;

	if (!mounts)
		return "mounts is not a list";
	index = find_mount(mounts, injection->at);
	if (index < 0) {
		json_object_array_add(mounts, make_mount(injection));
		json_object_object_add(record, "mounted", json_object_new_boolean(true));
		return NULL;
	}
	source = json_object_object_get(json_object_array_get_idx(mounts, (size_t)index), "source");
	if (json_object_is_type(source, json_type_string) &&
	    same_place(json_object_get_string(source), injection->runtime))
		return NULL;
	return "something else is mounted there; choose another place with --at";
}

static void remove_mount(struct json_object *config, struct json_object *record, const char *at)
{
	struct json_object *mounts = json_object_object_get(config, "mounts");
	int index;

	if (!json_object_get_boolean(json_object_object_get(record, "mounted")) ||
	    !json_object_is_type(mounts, json_type_array))
		return;
	index = find_mount(mounts, at);
	if (index >= 0)
		json_object_array_del_idx(mounts, (size_t)index, 1);
	return_member(config, "mounts", record);
}

/* --- the command --- */

static bool is_wrapped(const struct json_object *words, const char *at)
{
	char script[PATH_MAX + 32];

	snprintf(script, sizeof(script), "%s/" RUNTIME_SCRIPT, at);
	return json_object_array_length(words) >= 2 && strcmp(item_text(words, 0), script) == 0 &&
	       strcmp(item_text(words, 1), "--") == 0;
}

static const char *wrap_command(struct json_object *process, const struct injection *injection,
				struct json_object *record)
{
	struct json_object *words = json_object_object_get(process, "args"), *wrapped;
	char script[PATH_MAX + 32];

	if (!json_object_is_type(words, json_type_array) || json_object_array_length(words) == 0)
		return "there is no process.args to wrap";
	if (is_wrapped(words, injection->at))
		return NULL;
	snprintf(script, sizeof(script), "%s/" RUNTIME_SCRIPT, injection->at);
	wrapped = json_object_new_array();
	json_object_array_add(wrapped, json_object_new_string(script));
	json_object_array_add(wrapped, json_object_new_string("--"));
	for (size_t i = 0; i < json_object_array_length(words); i++)
		json_object_array_add(wrapped,
				      json_object_get(json_object_array_get_idx(words, i)));
	json_object_object_add(process, "args", wrapped);
	json_object_object_add(record, "wrapped", json_object_new_boolean(true));
	return NULL;
}

static void unwrap_command(struct json_object *process, struct json_object *record, const char *at)
{
	struct json_object *words = json_object_object_get(process, "args");

	if (json_object_get_boolean(json_object_object_get(record, "wrapped")) &&
	    json_object_is_type(words, json_type_array) && is_wrapped(words, at))
		json_object_array_del_idx(words, 0, 2);
}

/* --- all of it --- */

static const char *change(struct json_object *config, const struct injection *injection,
			  struct json_object *record)
{
	struct json_object *process = json_object_object_get(config, "process");
	const char *why;

	if (!json_object_is_type(process, json_type_object))
		return "there is no process in it, so nothing is run";
	why = change_environment(process, injection, record);
	if (!why && injection->wrap)
		why = wrap_command(process, injection, record);
	return why ? why : add_mount(config, injection, record);
}

const char *bundle_inject(struct json_object *config, const struct injection *injection)
{
	struct json_object *record = json_object_new_object(), *annotations;
	const char *why;

	if (!json_object_is_type(config, json_type_object)) {
		json_object_put(record);
		return "not an OCI configuration: no object";
	}
	annotations = need_member(config, "annotations", json_type_object, record);
	why = annotations ? change(config, injection, record) : "annotations is not an object";
	json_object_object_add(record, "at", json_object_new_string(injection->at));
	if (!why) /* as text: an annotation is a string */
		json_object_object_add(annotations, ANNOTATION,
				       json_object_new_string(json_object_to_json_string_ext(
					       record, JSON_C_TO_STRING_NOSLASHESCAPE)));
	json_object_put(record);
	return why;
}

static struct json_object *read_record(struct json_object *annotations)
{
	struct json_object *text = NULL;

	if (!json_object_is_type(annotations, json_type_object) ||
	    !json_object_object_get_ex(annotations, ANNOTATION, &text) ||
	    !json_object_is_type(text, json_type_string))
		return NULL;
	return json_tokener_parse(json_object_get_string(text));
}

bool bundle_restore(struct json_object *config)
{
	struct json_object *annotations = NULL, *process = NULL, *record;
	const char *at;

	if (!json_object_is_type(config, json_type_object))
		return false;
	annotations = json_object_object_get(config, "annotations");
	record = read_record(annotations);
	if (!record)
		return false;
	at = json_object_get_string(json_object_object_get(record, "at"));
	process = json_object_object_get(config, "process");
	if (at && json_object_is_type(process, json_type_object)) {
		restore_environment(process, record, at);
		unwrap_command(process, record, at);
	}
	if (at)
		remove_mount(config, record, at);
	json_object_object_del(annotations, ANNOTATION);
	return_member(config, "annotations", record);
	json_object_put(record);
	return true;
}

bool bundle_knows_user(struct json_object *config, uid_t user)
{
	struct json_object *machine = json_object_object_get(config, "linux");
	struct json_object *mappings = json_object_object_get(machine, "uidMappings");

	if (!json_object_is_type(mappings, json_type_array) ||
	    json_object_array_length(mappings) == 0)
		return true;
	for (size_t i = 0; i < json_object_array_length(mappings); i++) {
		struct json_object *mapping = json_object_array_get_idx(mappings, i);
		uint64_t first = json_object_get_uint64(json_object_object_get(mapping, "hostID"));
		uint64_t count = json_object_get_uint64(json_object_object_get(mapping, "size"));

		if (user >= first && user - first < count)
			return true;
	}
	return false;
}
