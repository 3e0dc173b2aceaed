/* SPDX-License-Identifier: MIT */
/* The payload class prefix. The first byte says how long the prefix is that stands behind it. */
#include "fuzz.h"
#include "policy/payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct policy_rule rule = {.verb = POLICY_ALLOW, .payload = POLICY_PAYLOAD_PREFIX};
	uint8_t *prefix, *payload;
	enum payload_verdict before = PAYLOAD_OPEN;

	if (length < 2 || bytes[0] == 0 || bytes[0] > length - 1)
		return 0;
	rule.prefix_length = bytes[0];
	rule.prefix = prefix = exact_copy(bytes + 1, rule.prefix_length);
	bytes += 1 + rule.prefix_length;
	length -= 1 + rule.prefix_length;
	for (size_t part = 0; part <= length; part++) {
		bool begins = memcmp(prefix, bytes,
				     part < rule.prefix_length ? part : rule.prefix_length) == 0;
		enum payload_verdict verdict;

		payload = exact_copy(bytes, part);
		verdict = payload_judge(&rule, payload, part);
		free(payload);
		require((verdict == PAYLOAD_REFUSED) == !begins);
		require((verdict == PAYLOAD_SAFE) == (begins && part >= rule.prefix_length));
		require(before != PAYLOAD_REFUSED || verdict == PAYLOAD_REFUSED);
		before = verdict;
	}
	free(prefix);
	return 0;
}
