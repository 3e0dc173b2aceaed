/* SPDX-License-Identifier: MIT */
/* Calls that were stopped come in here, and are answered. */
#ifndef TFO_TOOLS_SUPERVISE_LISTENER_H
#define TFO_TOOLS_SUPERVISE_LISTENER_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

/* Memory for what is not answered yet, which the guard shares: what a supervisor that has died was
 * about to answer would wait for ever. Called before the supervisor is made. */
bool listener_prepare(void);

/* The one listener of this process. */
void listener_open(int fd);

/* The next call; false if there is none at the moment. */
bool listener_receive(struct seccomp_notif *notif);

/* Whether the call still waits: then what was read of its process was its own. */
bool listener_still_waits(const struct seccomp_notif *notif);

/* The kernel makes the call. */
void listener_pass(uint64_t id);

/* The call is answered: with 0, or with an error. False if nobody waits for it any more. */
bool listener_answer(uint64_t id, int error);

/* For the guard: passes all that is not answered. */
void listener_pass_all(void);

#endif
