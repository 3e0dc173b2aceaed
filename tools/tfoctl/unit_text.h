/* SPDX-License-Identifier: MIT */
/*
 * The syntax of systemd's unit files (systemd.syntax(7), systemd.unit(5)): names of units, words
 * with quotes and escapes, specifiers. Pure functions.
 */
#ifndef TFO_TOOLS_TFOCTL_UNIT_TEXT_H
#define TFO_TOOLS_TFOCTL_UNIT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* UNIT_NAME_MAX of systemd's unit-name.h, with the NUL. */
#define UNIT_NAME_SIZE 256

/* The name of a service as systemctl takes it, with or without ".service". NULL, or why it is none:
 * the end of a sentence. */
const char *unit_name(const char *typed, char name[UNIT_NAME_SIZE]);

/* "foo@.service" and instances of it. */
bool unit_is_template(const char *name);
bool unit_is_instance(const char *name);

/* The template of an instance. */
void unit_template_of(const char *instance, char template[UNIT_NAME_SIZE]);

/* The next word of a setting, its quotes and escapes resolved, and *at behind it. Specifiers stay
 * as they are. Returns NULL at the end, and where systemd would not understand it. The caller
 * frees. */
char *unit_next_word(const char **at);

/* A word in double quotes, as unit_next_word() reads it. NULL: it holds what no setting can hold.
 * The caller frees. */
char *unit_quote(const char *word);

/* With "%" written so that it is no specifier. The caller frees. */
char *unit_without_specifiers(const char *text);

/* With the specifiers of a unit's name (%n %N %p %i) and "%%" filled in. NULL: it has others. The
 * caller frees. */
char *unit_fill_in(const char *text, const char *name);

#endif
