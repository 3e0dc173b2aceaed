/* SPDX-License-Identifier: MIT */
/* The library's beginning in its host. */
#include "shim/find.h"
#include "shim/log.h"
#include "shim/next.h"
#include "shim/settings.h"

__attribute__((constructor)) static void start(void)
{
	next_resolve();
	find_threads();
	settings_read();
	log_open();
	settings_check();
}
