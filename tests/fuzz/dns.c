/* SPDX-License-Identifier: MIT */
/* The payload class dns. What is safe is no response, of opcode QUERY, and asks one question. */
#include "class.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (check_class(payload_dns, bytes, length) != PAYLOAD_SAFE)
		return 0;
	require(length >= 5 && (bytes[4] & 0xf8) == 0);
	require(length < 8 || (bytes[6] == 0 && bytes[7] == 1));
	require(length <= (size_t)(bytes[0] << 8 | bytes[1]) + 2);
	return 0;
}
