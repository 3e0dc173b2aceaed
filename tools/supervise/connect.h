/* SPDX-License-Identifier: MIT */
/* What becomes of a connect() that was stopped. */
#ifndef TFO_TOOLS_SUPERVISE_CONNECT_H
#define TFO_TOOLS_SUPERVISE_CONNECT_H

#include "filter.h"

/* Answers it, or passes it. */
void connect_decide(const struct seccomp_notif *notif, const struct call *call);

#endif
