/* SPDX-License-Identifier: MIT */
/* Resolver calls: which name stands behind which address, for rules that speak of names. */
#include <errno.h>
#include <string.h>

#include "policy/names.h"
#include "policy/policy.h"
#include "shim/next.h"
#include "shim/settings.h"

static bool names_matter(void)
{
	const struct policy *policy = settings_policy();

	return policy && policy_has_names(policy);
}

static void learn_all(const char *node, const struct addrinfo *found)
{
	int saved = errno;

	if (node && names_matter())
		for (const char *alias = found->ai_canonname; found; found = found->ai_next) {
			names_learn(node, found->ai_addr, found->ai_addrlen);
			if (alias && strcasecmp(alias, node) != 0)
				names_learn_alias(alias, found->ai_addr, found->ai_addrlen);
		}
	errno = saved;
}

INTERPOSER int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
			   struct addrinfo **found)
{
	int result = next.getaddrinfo(node, service, hints, found);

	if (result == 0)
		learn_all(node, *found);
	return result;
}

/* getaddrinfo_a(3) asks from inside libc; its answer is complete when this says so. */
INTERPOSER int gai_error(struct gaicb *request)
{
	int result = next.gai_error(request);

	if (result == 0)
		learn_all(request->ar_name, request->ar_result);
	return result;
}

static void learn_address(void (*learn)(const char *name, const struct sockaddr *address,
					socklen_t length),
			  const char *name, int family, const void *bytes, int size)
{
	struct sockaddr_in ip4 = {.sin_family = AF_INET};
	struct sockaddr_in6 ip6 = {.sin6_family = AF_INET6};

	if (family == AF_INET && size == (int)sizeof(ip4.sin_addr)) {
		memcpy(&ip4.sin_addr, bytes, sizeof(ip4.sin_addr));
		learn(name, (struct sockaddr *)&ip4, sizeof(ip4));
	} else if (family == AF_INET6 && size == (int)sizeof(ip6.sin6_addr)) {
		memcpy(&ip6.sin6_addr, bytes, sizeof(ip6.sin6_addr));
		learn(name, (struct sockaddr *)&ip6, sizeof(ip6));
	}
}

static void learn_entry(const char *name, const struct hostent *entry)
{
	int saved = errno;

	if (entry && name && names_matter())
		for (char **address = entry->h_addr_list; *address; address++) {
			learn_address(names_learn, name, entry->h_addrtype, *address,
				      entry->h_length);
			if (entry->h_name && strcasecmp(entry->h_name, name) != 0)
				learn_address(names_learn_alias, entry->h_name, entry->h_addrtype,
					      *address, entry->h_length);
		}
	errno = saved;
}

INTERPOSER struct hostent *gethostbyname(const char *name)
{
	struct hostent *entry = next.gethostbyname(name);

	learn_entry(name, entry);
	return entry;
}

INTERPOSER struct hostent *gethostbyname2(const char *name, int family)
{
	struct hostent *entry = next.gethostbyname2(name, family);

	learn_entry(name, entry);
	return entry;
}

INTERPOSER int gethostbyname_r(const char *name, struct hostent *entry, char *buffer, size_t size,
			       struct hostent **found, int *error)
{
	int result = next.gethostbyname_r(name, entry, buffer, size, found, error);

	if (result == 0)
		learn_entry(name, *found);
	return result;
}

INTERPOSER int gethostbyname2_r(const char *name, int family, struct hostent *entry, char *buffer,
				size_t size, struct hostent **found, int *error)
{
	int result = next.gethostbyname2_r(name, family, entry, buffer, size, found, error);

	if (result == 0)
		learn_entry(name, *found);
	return result;
}
