/* SPDX-License-Identifier: MIT */
/*
 * Key files: the secret that a server makes its cookies with, so that they stay good over a restart
 * and on every machine behind a load balancer. One line, as net.ipv4.tcp_fastopen_key has it: four
 * words of eight hexadecimal digits with "-" between them, and behind a comma, if there is one, the
 * backup, whose cookies are good too.
 */
#ifndef TFO_POLICY_KEY_H
#define TFO_POLICY_KEY_H

#include <stdint.h>

#include "policy.h"

#define KEY_BYTES 16u /* linux/tcp.h: TCP_FASTOPEN_KEY_LENGTH */
#define KEY_TEXT  80  /* room for a line with its end */

struct key {
	uint8_t bytes[2 * KEY_BYTES]; /* as TCP_FASTOPEN_KEY takes them: primary, backup */
	unsigned int length;	      /* KEY_BYTES, or twice that */
};

/* Changes whenever the file does; 0: there is none. One stat(2). */
uint64_t key_stamp(const char *path);

/* Reads a regular file that nobody but its owner can read, who is root or the effective user.
 * Returns 0, or -1 with the problem filled in. Async-signal-safe, no cancellation point. */
int key_read(const char *path, struct key *key, struct policy_problem *problem);

/* Whether the key that a socket makes its cookies with is one of the file's. */
bool key_is_of(const struct key *own, const struct key *file);

/* The line, with its end. */
void key_text(const struct key *key, char text[KEY_TEXT]);

#endif
