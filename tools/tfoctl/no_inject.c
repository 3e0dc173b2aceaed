/* SPDX-License-Identifier: MIT */
/* tfoctl inject where there is no JSON library: in the runtime, and in builds without json-c. */
#include "tfoctl.h"

int inject_verb(int count, char **words)
{
	(void)count;
	(void)words;
	complain("inject: not in this tfoctl, which was built without json-c; that of a whole "
		 "installation has it");
	return STATUS_TROUBLE;
}
