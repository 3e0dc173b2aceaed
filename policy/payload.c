/* SPDX-License-Identifier: MIT */
/* From a rule to its payload class. */
#include "payload.h"

#include <string.h>

static enum payload_verdict judge_prefix(const struct policy_rule *rule, const uint8_t *bytes,
					 size_t length)
{
	size_t common = length < rule->prefix_length ? length : rule->prefix_length;

	if (memcmp(bytes, rule->prefix, common) != 0)
		return PAYLOAD_REFUSED;
	return common == rule->prefix_length ? PAYLOAD_SAFE : PAYLOAD_OPEN;
}

enum payload_verdict payload_judge(const struct policy_rule *rule, const void *bytes, size_t length)
{
	if (length == 0)
		return PAYLOAD_OPEN;
	switch (rule->payload) {
	case POLICY_PAYLOAD_NONE:
		return PAYLOAD_REFUSED;
	case POLICY_PAYLOAD_ANY:
		return PAYLOAD_SAFE;
	case POLICY_PAYLOAD_TLS:
		return payload_tls(bytes, length);
	case POLICY_PAYLOAD_HTTP:
		return payload_http(bytes, length);
	case POLICY_PAYLOAD_DNS:
		return payload_dns(bytes, length);
	case POLICY_PAYLOAD_REDIS:
		return payload_redis(bytes, length);
	case POLICY_PAYLOAD_MEMCACHED:
		return payload_memcached(bytes, length);
	case POLICY_PAYLOAD_PREFIX:
		return judge_prefix(rule, bytes, length);
	}
	return PAYLOAD_REFUSED;
}

bool payload_is_safe(const struct policy_rule *rule, const void *bytes, size_t length)
{
	return payload_judge(rule, bytes, length) == PAYLOAD_SAFE;
}
