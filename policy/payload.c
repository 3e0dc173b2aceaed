/* SPDX-License-Identifier: MIT */
/* From a rule to its payload class. */
#include "payload.h"

#include <string.h>

/* A payload shorter than the prefix is a prefix of a safe one, so it is safe as well. */
static bool begins_as(const struct policy_rule *rule, const uint8_t *bytes, size_t length)
{
	size_t common = length < rule->prefix_length ? length : rule->prefix_length;

	return memcmp(bytes, rule->prefix, common) == 0;
}

bool payload_is_safe(const struct policy_rule *rule, const void *bytes, size_t length)
{
	if (length == 0)
		return false;
	switch (rule->payload) {
	case POLICY_PAYLOAD_NONE:
		return false;
	case POLICY_PAYLOAD_ANY:
		return true;
	case POLICY_PAYLOAD_TLS:
		return payload_is_tls_client_hello(bytes, length);
	case POLICY_PAYLOAD_HTTP:
		return payload_is_safe_http_request(bytes, length);
	case POLICY_PAYLOAD_DNS:
		return payload_is_dns_query(bytes, length);
	case POLICY_PAYLOAD_PREFIX:
		return begins_as(rule, bytes, length);
	}
	return false;
}
