/* SPDX-License-Identifier: MIT */
/* What is counted of servers: by address and port, the stalest gives way, rubbish is not believed.
 */
#include "policy_check.h"
#include "shim/memory/destinations.h"
#include "shim/memory/file.h"
#include "shim/memory/servers.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/tfo-servers-test.XXXXXX";

static struct sockaddr_in at(unsigned int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	address.sin_addr.s_addr = htonl(0x0a090001);
	return address;
}

static void listens(unsigned int port)
{
	struct sockaddr_in address = at(port);

	memory_server_listens((struct sockaddr *)&address, sizeof(address), 16);
}

static void accepted(unsigned int port, bool in_syn)
{
	struct sockaddr_in address = at(port);

	memory_server_accepted((struct sockaddr *)&address, sizeof(address), in_syn);
}

static struct {
	unsigned int count;
	struct remembered_server last;
} seen;

static void see(const struct remembered_server *server, void *context)
{
	const unsigned int *port = context;

	if (*port && ntohs(server->address.ip4.sin_port) != *port)
		return;
	seen.count++;
	seen.last = *server;
}

/* Those of a port, or, with 0, all. */
static unsigned int look(unsigned int port)
{
	memset(&seen, 0, sizeof(seen));
	memory_each_server(see, &port);
	return seen.count;
}

static void test_counts(void)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(80)};

	check(look(0) == 0, "nothing at first");
	listens(80);
	accepted(80, false);
	accepted(80, true);
	accepted(81, true);
	listens(80); /* again: what was counted stays */
	check(look(80) == 1 && seen.last.accepted == 2 && seen.last.in_syn == 1 &&
		      seen.last.backlog == 16 && seen.last.listened_s && seen.last.last_s,
	      "port 80: %u", seen.count);
	check(seen.last.address.ip4.sin_addr.s_addr == htonl(0x0a090001), "its address");
	check(look(81) == 1 && seen.last.accepted == 1 && seen.last.in_syn == 1 &&
		      !seen.last.listened_s,
	      "port 81");
	memory_server_listens((struct sockaddr *)&six, sizeof(six), 7);
	check(look(0) == 3, "three servers");
	memory_server_listens((struct sockaddr *)&six, 8, 7);
	check(look(0) == 3, "an address cut short");
}

static void test_full(void)
{
	for (unsigned int port = 1000; port < 1000 + 3 * MEMORY_SERVERS; port++)
		accepted(port, false);
	check(look(0) == MEMORY_SERVERS, "as many as there is room for: %u", seen.count);
}

/* Whatever stands in the file, this ends, and what is shown fits its place. */
static void test_rubbish(void)
{
	uint8_t *bytes = (uint8_t *)memory_file()->header.servers;
	uint32_t state = 1;

	for (unsigned int round = 0; round < 200; round++) {
		for (size_t i = 0; i < sizeof(struct memory_server) * MEMORY_SERVERS; i++)
			bytes[i] = (uint8_t)((state = state * 1103515245 + 12345) >> 16);
		check(look(0) == 0, "rubbish is believed");
		accepted(80, true);
		check(look(80) == 1 && seen.last.accepted == 1, "and stands in the way");
	}
	/* A tag without its address: whoever claimed it was killed. */
	accepted(90, true);
	for (unsigned int i = 0; i < MEMORY_SERVERS; i++)
		atomic_store(&memory_file()->header.servers[i].port, 0);
	accepted(90, false);
	check(look(90) == 1 && seen.last.accepted == 1 && seen.last.in_syn == 0, "made new");
}

int main(void)
{
	int fd = mkstemp(path);

	close(fd);
	unlink(path);
	memory_configure(path, NULL);
	test_counts();
	test_full();
	memory_forget(NULL, 0);
	check(look(0) == 0, "all forgotten");
	test_rubbish();
	unlink(path);
	return check_result();
}
