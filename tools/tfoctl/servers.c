/* SPDX-License-Identifier: MIT */
/*
 * tfoctl status --listen: what came to the servers that listen under a rule, and what the kernel
 * counts of all servers of this network.
 */
#include "json.h"
#include "place.h"
#include "status.h"
#include "tfoctl.h"

#include "shim/memory/servers.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NETSTAT	     "/proc/net/netstat"
#define SYSCTL	     "/proc/sys/net/ipv4/tcp_fastopen"
#define SERVER_BIT   2u
#define SERVERS_MOST 64

/* Counters of TcpExt, in the kernel's words and in ours. */
static const struct {
	const char *name, *words, *key;
} counters[] = {
	{"TCPFastOpenPassive", "SYNs taken with their cookie", "taken"},
	{"TCPFastOpenPassiveFail", "cookies that were not good", "failed"},
	{"TCPFastOpenListenOverflow", "refused because the queue was full", "overflows"},
	{"TCPFastOpenCookieReqd", "asked for a cookie", "cookies_asked"},
	{"TCPFastOpenPassiveAltKey", "taken by the backup key", "taken_by_backup_key"},
};
#define COUNTERS (sizeof(counters) / sizeof(*counters))

struct kernel_view {
	bool has[COUNTERS];
	uint64_t counts[COUNTERS];
	int sysctl; /* -1: cannot be told */
};

struct servers {
	struct remembered_server list[SERVERS_MOST];
	size_t count;
};

/* A line of names, and below it one of numbers. */
static void take_counts(struct kernel_view *view, char *names, char *numbers)
{
	char *names_left, *numbers_left;
	char *name = strtok_r(names, " \n", &names_left);
	const char *number = strtok_r(numbers, " \n", &numbers_left);

	for (; name && number; name = strtok_r(NULL, " \n", &names_left),
			       number = strtok_r(NULL, " \n", &numbers_left)) {
		for (size_t i = 0; i < COUNTERS; i++) {
			if (strcmp(name, counters[i].name) != 0)
				continue;
			view->has[i] = true;
			view->counts[i] = strtoull(number, NULL, 10);
		}
	}
}

static void read_counters(struct kernel_view *view)
{
	static char names[16384], numbers[16384];
	FILE *file = fopen(NETSTAT, "re");

	while (file && fgets(names, sizeof(names), file) && fgets(numbers, sizeof(numbers), file))
		take_counts(view, names, numbers);
	if (file)
		fclose(file);
}

static struct kernel_view ask_kernel(void)
{
	struct kernel_view view = {.sysctl = -1};
	FILE *file = fopen(SYSCTL, "re");
	char digits[16];

	if (file && fgets(digits, sizeof(digits), file))
		view.sysctl = (int)strtol(digits, NULL, 10);
	if (file)
		fclose(file);
	read_counters(&view);
	return view;
}

static void add_server(const struct remembered_server *server, void *context)
{
	struct servers *servers = context;

	if (servers->count < SERVERS_MOST)
		servers->list[servers->count++] = *server;
}

/* Most connections first; the address makes the order a fixed one. */
static int compare(const void *left, const void *right)
{
	const struct remembered_server *one = left, *other = right;
	char text[PLACE_TEXT_SIZE], other_text[PLACE_TEXT_SIZE];

	if (one->accepted != other->accepted)
		return one->accepted > other->accepted ? -1 : 1;
	return strcmp(place_text(&one->address.any, text),
		      place_text(&other->address.any, other_text));
}

static void find_servers(struct servers *servers)
{
	servers->count = 0;
	memory_each_server(add_server, servers);
	qsort(servers->list, servers->count, sizeof(*servers->list), compare);
}

static bool take_apart(uint32_t time_s, struct tm *tm)
{
	const time_t seconds = (time_t)time_s;

	return time_s && gmtime_r(&seconds, tm);
}

void print_servers(FILE *to)
{
	struct kernel_view view = ask_kernel();
	static struct servers servers;
	char place[PLACE_TEXT_SIZE], when[32];
	struct tm tm;

	find_servers(&servers);
	if (servers.count == 0)
		fputs("No server has listened under a rule.\n", to);
	else
		fprintf(to, "%-28s %6s %10s %10s  %s\n", "SERVER", "QUEUE", "ACCEPTED", "IN SYN",
			"LAST (UTC)");
	for (size_t i = 0; i < servers.count; i++) {
		const struct remembered_server *server = &servers.list[i];

		if (!take_apart(server->last_s, &tm) ||
		    !strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm))
			strcpy(when, "-");
		fprintf(to, "%-28s %6" PRIu32 " %10" PRIu64 " %10" PRIu64 "  %s\n",
			place_text(&server->address.any, place), server->backlog, server->accepted,
			server->in_syn, when);
	}
	fputs("\nThe kernel, for all servers of this network:\n", to);
	for (size_t i = 0; i < COUNTERS; i++) {
		if (view.has[i])
			fprintf(to, "%10" PRIu64 "  %s\n", view.counts[i], counters[i].words);
	}
	if (view.sysctl >= 0 && !((unsigned int)view.sysctl & SERVER_BIT))
		fprintf(to,
			"\nThe server bit is off: sysctl -w net.ipv4.tcp_fastopen=%u turns it "
			"on.\n",
			(unsigned int)view.sysctl | SERVER_BIT);
}

static void put_time(struct json *json, const char *key, uint32_t time_s)
{
	char text[32] = "";
	struct tm tm;

	if (take_apart(time_s, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_text(json, key, text);
}

static void put_server(struct json *json, const struct remembered_server *server)
{
	char host[PLACE_TEXT_SIZE];

	json_item(json);
	json_open(json);
	json_text(json, "address", host_text(&server->address.any, host, sizeof(host)));
	json_number(json, "port", port_of(&server->address.any));
	json_number(json, "backlog", server->backlog);
	json_number(json, "accepted", server->accepted);
	json_number(json, "in_syn", server->in_syn);
	put_time(json, "listened", server->listened_s);
	put_time(json, "last", server->last_s);
	json_close(json);
}

void print_servers_as_json(FILE *to)
{
	struct kernel_view view = ask_kernel();
	struct json json = {.to = to};
	static struct servers servers;

	find_servers(&servers);
	json_open(&json);
	json_open_list(&json, "servers");
	for (size_t i = 0; i < servers.count; i++)
		put_server(&json, &servers.list[i]);
	json_close_list(&json);
	json_key(&json, "kernel");
	json_open(&json);
	for (size_t i = 0; i < COUNTERS; i++) {
		if (view.has[i])
			json_number(&json, counters[i].key, view.counts[i]);
		else
			json_text(&json, counters[i].key, NULL);
	}
	json_close(&json);
	if (view.sysctl >= 0)
		json_bool(&json, "server_bit", (unsigned int)view.sysctl & SERVER_BIT);
	else
		json_text(&json, "server_bit", NULL);
	json_close(&json);
	fputc('\n', to);
}
