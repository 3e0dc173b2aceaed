/* SPDX-License-Identifier: MIT */
/*
 * The policy as an operator meets it: which texts are rules, what is said about those that are
 * not, which rule speaks for a destination, and which file is taken.
 */
#include "policy/names.h"
#include "policy/policy.h"
#include "policy_check.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct policy_rule *ask(const struct policy *policy, const struct sockaddr *address,
				     socklen_t length)
{
	return policy_decide(policy,
			     &(struct policy_question){.address = address, .length = length});
}

static struct policy_problem problem;

static struct policy *policy_of_bytes(const char *text, size_t length)
{
	struct policy *policy = policy_new();
	char *exact = malloc(length ? length : 1); /* so that ASan sees a read past the end */

	memcpy(exact, text, length);
	memset(&problem, 0, sizeof(problem));
	if (policy_add_text(policy, "test", exact, length, &problem) < 0) {
		policy_free(policy);
		policy = NULL;
	}
	free(exact);
	return policy;
}

static struct policy *policy_of(const char *text)
{
	return policy_of_bytes(text, strlen(text));
}

/* What a good text becomes: its rules as written, one a line. */
static const struct {
	const char *text, *rules;
} good[] = {
	{"", ""},
	{"\n\n  \t\n", ""},
	{"# nothing\n   # more", ""},
	{"allow * 443 tls", "allow * 443 tls\n"},
	{"allow * 443 tls\n", "allow * 443 tls\n"},
	{"allow * 443 tls\r\ndeny * *\r\n", "allow * 443 tls\ndeny * *\n"},
	{"deny * *\r", "deny * *\n"},
	{"\tallow  *\t443   tls   # comment", "allow * 443 tls\n"},
	{"deny *.example.com * #", "deny *.example.com *\n"},
	{"allow 10.0.0.0/8 80,8080-8090 http hold=5ms",
	 "allow 10.0.0.0/8 80,8080-8090 http hold=5ms\n"},
	{"allow [2001:db8::]/32 853 tls", "allow [2001:db8::]/32 853 tls\n"},
	{"allow 2001:db8::/32 853 dns", "allow 2001:db8::/32 853 dns\n"},
	{"allow [::1] 1-65535 any", "allow [::1] 1-65535 any\n"},
	{"allow a 1 prefix:\"GET # \\\"x\\\\\" hold=1s",
	 "allow a 1 prefix:\"GET # \\\"x\\\\\" hold=1s\n"},
	{"allow API.Internal. 6379 any hold=1000000us",
	 "allow API.Internal. 6379 any hold=1000000us\n"},
	{"deny _srv._tcp.x-y.example *", "deny _srv._tcp.x-y.example *\n"},
	{"deny 0xg.1 *", "deny 0xg.1 *\n"},
	{"deny 0.0.0.0/0 *\ndeny ::/0 *", "deny 0.0.0.0/0 *\ndeny ::/0 *\n"},
	{"deny * * program=curl # x", "deny * * program=curl\n"},
	{"allow * https,80-90,domain-s tls program=a[b", "allow * https,80-90,domain-s tls "
							 "program=a[b\n"},
	{"deny ::ffff:10.0.0.0/104 1,1-3,2", "deny ::ffff:10.0.0.0/104 1,1-3,2\n"},
};

static void write_rules(const struct policy *policy, char *text, size_t size)
{
	const struct policy_rule *rule;
	size_t length = 0;

	text[0] = '\0';
	for (rule = policy_first_rule(policy); rule; rule = rule->next)
		length += (size_t)snprintf(text + length, size - length, "%s\n", rule->text);
}

static void test_good_texts(void)
{
	char rules[4096];

	for (size_t i = 0; i < COUNT(good); i++) {
		struct policy *policy = policy_of(good[i].text);

		check(policy, "refused: %s: %u:%u %s", good[i].text, problem.line, problem.column,
		      problem.sentence);
		if (!policy)
			continue;
		write_rules(policy, rules, sizeof(rules));
		check(strcmp(rules, good[i].rules) == 0, "%s: became %s", good[i].text, rules);
		policy_free(policy);
	}
}

#define LABEL_63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define NAME_255 LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63

/* Where a bad text is refused, how much is underlined, and a piece of the sentence. */
static const struct {
	const char *text;
	unsigned int line, column, width;
	const char *sentence;
} bad[] = {
	/* verbs */
	{"alow * 443 tls", 1, 1, 4,
	 "unknown verb \"alow\": a line begins with allow, deny, listen or include"},
	{"Allow * 443 tls", 1, 1, 5, "unknown verb \"Allow\""},
	{"deny * *\n\n  permit", 3, 3, 6, "unknown verb \"permit\""},
	{"\xef\xbb\xbf# x", 1, 1, 1, "byte order mark"},
	/* missing columns */
	{"allow", 1, 6, 1, "the destination is missing"},
	{"allow  # x", 1, 6, 1, "the destination is missing"},
	{"allow *", 1, 8, 1, "the ports are missing"},
	{"allow * 443", 1, 12, 1, "names its payload"},
	{"deny * * tls", 1, 10, 3,
	 "takes no payload and of the options only program=, but here is \"tls\""},
	{"deny * * hold=1ms", 1, 10, 8, "of the options only program="},
	/* addresses */
	{"deny 10.1.2.3/8 *", 1, 6, 10, "the block is 10.0.0.0/8"},
	{"deny 10.0.0.0/33 *", 1, 15, 2, "\"33\" is not a prefix length: expected 0 to 32"},
	{"deny 10.0.0.0/ *", 1, 15, 1, "is not a prefix length"},
	{"deny 10.0.0.0/-1 *", 1, 15, 2, "is not a prefix length"},
	{"deny 10.0.0.0/8/9 *", 1, 15, 3, "\"8/9\" is not a prefix length"},
	{"deny 10.0.0.0/4294967304 *", 1, 15, 10, "is not a prefix length"},
	{"deny 10/8 *", 1, 6, 2, "\"10\" is not an IPv4 address"},
	{"deny 10.0.0.256 *", 1, 6, 10, "is not an IPv4 address"},
	{"deny 1.2.3 *", 1, 6, 5, "is not an IPv4 address"},
	{"deny 010.0.0.1 *", 1, 6, 9, "is not an IPv4 address"},
	{"deny 12345 *", 1, 6, 5, "is not an IPv4 address"},
	{"deny *.3 *", 1, 8, 1, "neither a host name nor an IPv4 address"},
	{"deny 0x7f.1 *", 1, 6, 6, "neither a host name nor an IPv4 address"},
	{"deny a.example/24 *", 1, 6, 9, "only addresses take a prefix length"},
	{"deny */0 *", 1, 6, 1, "only addresses take a prefix length"},
	{"deny 2001:db8::1/32 *", 1, 6, 14, "the block is 2001:db8::/32"},
	{"deny [2001:db8:0:0:1:0:0:1]/127 *", 1, 6, 26, "the block is 2001:db8:0:0:1::/127"},
	{"deny ::1/129 *", 1, 10, 3, "expected 0 to 128"},
	{"deny [::1 *", 1, 6, 4, "has no closing bracket"},
	{"deny [::1]:443 *", 1, 11, 4, "ports stand in the next column"},
	{"deny [10.0.0.1] *", 1, 7, 8, "is not an IPv6 address"},
	{"deny fe80::1%lo *", 1, 6, 10, "is not an IPv6 address"},
	{"deny a.example:443 *", 1, 6, 13, "ports stand in the next column"},
	{"deny ::ffff:0:0/95 *", 1, 6, 13, "bits set below the prefix"},
	/* names */
	{"deny a..b *", 1, 8, 1, "has an empty label"},
	{"deny .a *", 1, 6, 1, "has an empty label"},
	{"deny *. *", 1, 8, 1, "has an empty label"},
	{"deny a.. *", 1, 8, 1, "has an empty label"},
	{"deny a*.b *", 1, 7, 1, "has a * out of place"},
	{"deny *.*.b *", 1, 8, 1, "has a * out of place"},
	{"deny ** *", 1, 6, 1, "has a * out of place"},
	{"deny a!b *", 1, 7, 1, "has a character that host names do not have"},
	{"deny a#b *", 1, 7, 1, "has a character"},
	{"deny \"a\" *", 1, 6, 1, "has a character"},
	{"deny a." LABEL_63 "a.b *", 1, 8, 64, "a label of more than 63"},
	{"deny " NAME_255 " *", 1, 6, 255, "longer than a host name may be"},
	{"deny x.b\xc3\xbc"
	 "cher.example *",
	 1, 9, 1, "write the name in its xn-- form"},
	{"allow a 1 \xc3\xbc\xc3\xbc", 1, 11, 2, "unknown payload \"\xc3\xbc\xc3\xbc\""},
	{"allow a 1 any \xc3\xbc=\xc3\xbc hold=1 # \xc3\xbc", 1, 15, 1, "unknown option"},
	{"allow a 1 prefix:\"\xc3\xbc\" hold=1", 1, 27, 1, "is not a duration"},
	/* ports */
	{"deny * 0", 1, 8, 1, "\"0\" is not a port: ports are numbers from 1 to 65535"},
	{"deny * 65536", 1, 8, 5, "is not a port"},
	{"deny * 99999999999999999999", 1, 8, 20, "is not a port"},
	{"deny * no-such-thing", 1, 8, 13, "is no TCP service of /etc/services, and ranges"},
	{"deny * 80,nosuchthing", 1, 11, 11, "\"nosuchthing\" is no TCP service of /etc/services"},
	{"deny * http-https", 1, 8, 10, "ranges are written in numbers"},
	{"deny * HTTPS", 1, 8, 5, "is no TCP service"},
	{"deny * https/tcp", 1, 8, 9, "is not a port"},
	{"deny * 80,", 1, 11, 1, "a port is missing"},
	{"deny * ,80", 1, 8, 1, "a port is missing"},
	{"deny * 80,,81", 1, 11, 1, "a port is missing"},
	{"deny * 80,90-85", 1, 11, 5, "\"90-85\" is reversed"},
	{"deny * 80-", 1, 8, 3, "has no end"},
	{"deny * -80", 1, 8, 3, "has no end"},
	{"deny * 1-2-3", 1, 10, 3, "\"2-3\" is not a port"},
	{"deny * 80,*", 1, 11, 1, "stands alone"},
	{"deny * 80, 81", 1, 11, 1, "a port is missing"},
	/* payloads */
	{"allow * 443 tsl", 1, 13, 3,
	 "unknown payload \"tsl\": expected any, tls, http, dns, redis,"},
	{"allow * 443 hold=5ms", 1, 13, 8, "unknown payload"},
	{"allow * 443 prefix:", 1, 13, 7, "stand in quotes"},
	{"allow * 443 prefix:GET", 1, 13, 10, "stand in quotes"},
	{"allow * 443 prefix:\"\"", 1, 13, 9, "an empty prefix matches everything"},
	{"allow * 443 prefix:\"GET", 1, 20, 4, "this quote does not end"},
	{"allow * 443 prefix:\"GET\\\" #x", 1, 20, 9, "this quote does not end"},
	{"allow * 443 prefix:\"a\"b", 1, 23, 1, "behind the closing quote"},
	{"allow * 443 prefix:\"a\\q\"", 1, 22, 1, "unknown escape"},
	{"allow * 443 prefix:\"a\\x4\"", 1, 22, 2, "two hexadecimal digits"},
	{"allow * 443 prefix:\"a\\x4g\"", 1, 22, 2, "two hexadecimal digits"},
	/* options */
	{"allow * 443 tls hold", 1, 17, 4, "option \"hold\" has no value"},
	{"allow * 443 tls hold=", 1, 17, 5, "such as hold=5ms"},
	{"allow * 443 tls hodl=5ms", 1, 17, 4, "unknown option \"hodl\": the known ones are hold="},
	{"allow * 443 tls =5ms", 1, 17, 1, "unknown option"},
	{"allow * 443 tls hold=5", 1, 22, 1, "\"5\" is not a duration"},
	{"allow * 443 tls hold=ms", 1, 22, 2, "is not a duration"},
	{"allow * 443 tls hold=5x", 1, 22, 2, "is not a duration"},
	{"allow * 443 tls hold=5m", 1, 22, 2, "is out of range"},
	{"allow * 443 tls hold=0ms", 1, 22, 3, "is out of range"},
	{"allow * 443 tls hold=2s", 1, 22, 2, "is out of range"},
	{"allow * 443 tls hold=1001ms", 1, 22, 6, "is out of range"},
	{"allow * 443 tls hold=99999999999999s", 1, 22, 15, "is out of range"},
	{"allow * 443 tls program=", 1, 17, 8, "such as program=curl"},
	{"allow * 443 tls program=/usr/bin/curl", 1, 25, 13, "is a path"},
	{"allow * 443 tls program=cur*", 1, 25, 4, "not the exact name"},
	{"allow * 443 tls program=\"a b\"", 1, 25, 5, "not the exact name"},
	{"deny * * program", 1, 10, 7, "option \"program\" has no value"},
	{"deny * * program=a program=b", 1, 20, 7, "option \"program\" stands twice"},
	{"deny * * program=a tls", 1, 20, 3, "but here is \"tls\""},
	{"allow * 443 tls hold=1ms hold=2ms", 1, 26, 4, "option \"hold\" stands twice"},
	/* bytes that do not belong into a text */
	{"deny * *\vx", 1, 8, 3, "\"*?x\" is not a port"},
	{"deny * *\rx", 1, 8, 3, "is not a port"},
	{"# \xc3\xbc \xff x", 1, 5, 1, "this byte is not UTF-8"},
	{"\nallow \xe0\x80\x80", 2, 7, 1, "this byte is not UTF-8"},
	{"# \xed\xa0\x80", 1, 3, 1, "this byte is not UTF-8"},
	{"# \xf4\x90\x80\x80", 1, 3, 1, "this byte is not UTF-8"},
	{"# \xc3", 1, 3, 1, "this byte is not UTF-8"},
	/* includes: more in policy_include_test.c */
	{"include", 1, 8, 1, "the path is missing"},
	{"include  # x", 1, 8, 1, "the path is missing"},
	{"include /a b", 1, 12, 1, "an include ends with its path, but here is \"b\""},
	{"include a.policy", 1, 9, 8, "is not an absolute path"},
	{"include /tmp/", 1, 9, 5, "is not the path of a file"},
	{"include \"\"", 1, 9, 2, "is not the path of a file"},
	{"include \"/a\\x00b\"", 1, 9, 9, "is not the path of a file"},
	{"include \"/a\"b", 1, 13, 1, "behind the closing quote"},
	{"include /*/a", 1, 9, 4, "only file names can be patterns"},
};

static void test_bad_texts(void)
{
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct policy *policy = policy_of(bad[i].text);

		check(!policy, "accepted: %s", bad[i].text);
		check(problem.line == bad[i].line && problem.column == bad[i].column &&
			      problem.width == bad[i].width,
		      "%s: at %u:%u+%u, expected %u:%u+%u", bad[i].text, problem.line,
		      problem.column, problem.width, bad[i].line, bad[i].column, bad[i].width);
		check(strstr(problem.sentence, bad[i].sentence), "%s: says: %s", bad[i].text,
		      problem.sentence);
		check(strcmp(problem.file, "test") == 0, "%s: file %s", bad[i].text, problem.file);
		policy_free(policy);
	}
}

static void test_nul_byte(void)
{
	static const char text[] = "deny * *\n# a \0 b\n";

	check(!policy_of_bytes(text, sizeof(text) - 1), "a NUL byte was accepted");
	check(problem.line == 2 && problem.column == 5, "NUL at %u:%u", problem.line,
	      problem.column);
	check(strcmp(problem.source, "# a ? b") == 0, "source: %s", problem.source);
}

static void test_long_line(void)
{
	char text[4200];
	struct policy *policy;

	memset(text, 'x', sizeof(text));
	text[0] = '#';
	text[4096] = '\n';
	policy = policy_of_bytes(text, 4097);
	check(policy, "a line of 4096 bytes was refused: %s", problem.sentence);
	policy_free(policy);
	text[4096] = '\r';
	text[4097] = '\n';
	policy = policy_of_bytes(text, 4098);
	check(policy, "a line of 4096 bytes and CRLF was refused: %s", problem.sentence);
	policy_free(policy);
	text[4096] = 'x';
	check(!policy_of_bytes(text, 4098), "a line of 4097 bytes was accepted");
	check(problem.line == 1 && problem.column == 4097, "long line at %u:%u", problem.line,
	      problem.column);
}

/* No byte string may crash the parser: cut and bent copies of everything above. */
static void test_bent_texts(void)
{
	unsigned int random = 1;
	char text[512];

	for (unsigned int round = 0; round < 20000; round++) {
		const char *from = round % 2 ? bad[round / 2 % COUNT(bad)].text
					     : good[round / 2 % COUNT(good)].text;
		size_t length = strlen(from);

		snprintf(text, sizeof(text), "%s", from);
		for (int i = 0; i < 3 && length > 0; i++) {
			random = random * 1103515245 + 12345;
			text[(random >> 8) % length] = (char)(random >> 24);
		}
		random = random * 1103515245 + 12345;
		policy_free(policy_of_bytes(text, length ? (random >> 8) % length : 0));
	}
	check(true, " ");
}

static void test_rule_fields(void)
{
	struct policy *policy =
		policy_of("# first\n"
			  "allow *.Example.COM. 1,5-7 prefix:\"a\\x00\\n\\\"\" hold=3ms\n"
			  "deny [::ffff:192.0.2.0]/120 *\n"
			  "deny Host * program=x\n"
			  "allow * https,http,domain-s tls\n");
	const struct policy_rule *rule = policy_first_rule(policy);

	check(policy_has_names(policy), "no names seen");
	check(rule->verb == POLICY_ALLOW && rule->destination == POLICY_SUFFIX, "first rule");
	check(strcmp(rule->name, ".example.com") == 0, "suffix %s", rule->name);
	check(rule->port_count == 2 && rule->ports[1].first == 5 && rule->ports[1].last == 7,
	      "ports");
	check(rule->payload == POLICY_PAYLOAD_PREFIX && rule->prefix_length == 4 &&
		      memcmp(rule->prefix, "a\0\n\"", 4) == 0,
	      "prefix of %zu bytes", rule->prefix_length);
	check(rule->hold_us == 3000, "hold %u", rule->hold_us);
	check(rule->line == 2 && rule->position == 0 && strcmp(rule->file, "test") == 0, "place");
	rule = rule->next;
	check(rule->destination == POLICY_NETWORK && rule->family == AF_INET &&
		      rule->prefix_bits == 24 && memcmp(rule->network, "\xc0\x00\x02\x00", 4) == 0,
	      "mapped block: family %d, %u bits", rule->family, rule->prefix_bits);
	check(rule->port_count == 0 && rule->payload == POLICY_PAYLOAD_NONE, "deny");
	rule = rule->next;
	check(rule->destination == POLICY_HOST && strcmp(rule->name, "host") == 0 &&
		      rule->position == 2 && strcmp(rule->program, "x") == 0,
	      "host");
	rule = rule->next;
	check(rule->port_count == 3 && rule->ports[0].first == 443 && rule->ports[0].last == 443 &&
		      rule->ports[1].first == 80 && rule->ports[2].first == 853 && !rule->program &&
		      !rule->next,
	      "services");
	policy_free(policy);
	check(!policy_first_rule(NULL) && !policy_has_names(NULL), "no policy");
}

/* Deciding. */

static struct sockaddr_storage address_of(const char *text, unsigned int port, socklen_t *length)
{
	struct sockaddr_storage storage = {0};
	struct sockaddr_in *inet = (struct sockaddr_in *)&storage;
	struct sockaddr_in6 *inet6 = (struct sockaddr_in6 *)&storage;

	if (inet_pton(AF_INET, text, &inet->sin_addr) == 1) {
		inet->sin_family = AF_INET;
		inet->sin_port = htons((uint16_t)port);
		*length = sizeof(*inet);
	} else if (inet_pton(AF_INET6, text, &inet6->sin6_addr) == 1) {
		inet6->sin6_family = AF_INET6;
		inet6->sin6_port = htons((uint16_t)port);
		*length = sizeof(*inet6);
	} else {
		abort();
	}
	return storage;
}

static void learn(const char *name, const char *address)
{
	socklen_t length;
	struct sockaddr_storage storage = address_of(address, 1, &length);

	names_learn(name, (struct sockaddr *)&storage, length);
}

static unsigned int decided_line(const struct policy *policy, const char *address,
				 unsigned int port)
{
	socklen_t length;
	struct sockaddr_storage storage = address_of(address, port, &length);
	const struct policy_rule *rule = ask(policy, (struct sockaddr *)&storage, length);

	return rule ? rule->line : 0;
}

/* Which line of the rules speaks; 0: none. */
static const struct {
	const char *rules, *address;
	unsigned int port, line;
} decisions[] = {
	{"", "192.0.2.1", 80, 0},
	{"allow * 443 tls", "192.0.2.1", 443, 1},
	{"allow * 443 tls", "2001:db8::1", 443, 1},
	{"allow * 443 tls", "192.0.2.1", 444, 0},
	{"deny * 443\nallow * * tls", "192.0.2.1", 443, 1},
	{"deny * 443\nallow * * tls", "192.0.2.1", 80, 2},
	{"allow * 80,90-92 any", "192.0.2.1", 89, 0},
	{"allow * 80,90-92 any", "192.0.2.1", 90, 1},
	{"allow * 80,90-92 any", "192.0.2.1", 92, 1},
	{"allow * 80,90-92 any", "192.0.2.1", 93, 0},
	/* edges of blocks */
	{"deny 10.0.0.0/8 *", "9.255.255.255", 1, 0},
	{"deny 10.0.0.0/8 *", "10.0.0.0", 1, 1},
	{"deny 10.0.0.0/8 *", "10.255.255.255", 1, 1},
	{"deny 10.0.0.0/8 *", "11.0.0.0", 1, 0},
	{"deny 10.1.160.0/19 *", "10.1.159.255", 1, 0},
	{"deny 10.1.160.0/19 *", "10.1.191.255", 1, 1},
	{"deny 10.1.160.0/19 *", "10.1.192.0", 1, 0},
	{"deny 10.0.0.1 *", "10.0.0.1", 1, 1},
	{"deny 10.0.0.1 *", "10.0.0.2", 1, 0},
	{"deny 10.0.0.2/31 *", "10.0.0.3", 1, 1},
	{"deny 0.0.0.0/0 *", "255.255.255.255", 1, 1},
	{"deny 0.0.0.0/0 *", "::1", 1, 0},
	{"deny ::/0 *", "192.0.2.1", 1, 0},
	{"deny 2001:db8::/33 *", "2001:db8:7fff:ffff::1", 1, 1},
	{"deny 2001:db8::/33 *", "2001:db8:8000::", 1, 0},
	{"deny ::1 *", "::1", 1, 1},
	{"deny ::1 *", "::2", 1, 0},
	/* mapped addresses */
	{"deny 192.0.2.0/24 *", "::ffff:192.0.2.9", 1, 1},
	{"deny ::ffff:192.0.2.0/120 *", "192.0.2.9", 1, 1},
	{"deny ::ffff:0:0/96 *", "1.2.3.4", 1, 1},
	{"deny ::/0 *", "::ffff:192.0.2.9", 1, 0},
	/* names: see learn_names() */
	{"allow one.example 443 tls", "198.51.100.1", 443, 1},
	{"allow ONE.example. 443 tls", "198.51.100.1", 443, 1},
	{"allow one.example 443 tls", "::ffff:198.51.100.1", 443, 1},
	{"allow one.example 443 tls", "198.51.100.99", 443, 0},
	{"allow *.example 443 tls", "198.51.100.1", 443, 1},
	{"allow *.one.example 443 tls", "198.51.100.1", 443, 0},
	{"allow *.ne.example 443 tls", "198.51.100.1", 443, 0},
	{"allow six.example 443 tls", "2001:db8::6", 443, 1},
	{"deny 198.51.100.0/24 *\nallow one.example 443 tls", "198.51.100.1", 443, 1},
	{"allow one.example 443 tls\ndeny 198.51.100.0/24 *", "198.51.100.1", 443, 1},
	/* two names for 198.51.100.2: two.example and zwei.example */
	{"allow two.example 443 tls", "198.51.100.2", 443, 0},
	{"allow two.example 443 tls\nallow zwei.example 443 tls", "198.51.100.2", 443, 1},
	{"allow zwei.example 443 tls\nallow two.example 443 tls", "198.51.100.2", 443, 1},
	{"allow two.example 443 tls\nallow zwei.example 443 any", "198.51.100.2", 443, 1},
	{"allow two.example 443 any\nallow zwei.example 443 tls", "198.51.100.2", 443, 2},
	{"allow two.example 443 http\nallow zwei.example 443 tls", "198.51.100.2", 443, 0},
	{"allow two.example 1 prefix:\"a\"\nallow * 1 prefix:\"a\"", "198.51.100.2", 1, 1},
	{"allow two.example 1 prefix:\"a\"\nallow * 1 prefix:\"b\"", "198.51.100.2", 1, 0},
	{"deny two.example *\nallow * 443 tls", "198.51.100.2", 443, 1},
	{"deny zwei.example *\nallow * 443 tls", "198.51.100.2", 443, 1},
	{"deny zwei.example *\nallow two.example 443 tls", "198.51.100.2", 443, 1},
	{"allow two.example 443 tls\nallow 198.51.100.0/24 443 any", "198.51.100.2", 443, 1},
	/* numeric hosts are no names; a name outside ASCII may be any xn-- name */
	{"deny *.example *\nallow * 443 tls", "198.51.100.3", 443, 2},
	{"deny xn--bcher-kva.example *\nallow * 443 tls", "198.51.100.4", 443, 1},
	{"allow xn--bcher-kva.example 443 tls", "198.51.100.4", 443, 0},
	{"allow *.example 443 tls", "198.51.100.4", 443, 0},
	{"allow * 443 tls", "198.51.100.4", 443, 1},
};

static void learn_names(void)
{
	learn("One.EXAMPLE.", "198.51.100.1");
	learn("one.example", "198.51.100.1");
	learn("six.example", "2001:db8::6");
	learn("two.example", "::ffff:198.51.100.2");
	learn("zwei.example", "198.51.100.2");
	learn("198.51.100.3", "198.51.100.3");
	learn("0xc6.0x33.25603", "198.51.100.3");
	learn("::1", "198.51.100.3");
	learn("", "198.51.100.3");
	learn("b\xc3\xbc"
	      "cher.example",
	      "198.51.100.4");
}

static void test_decisions(void)
{
	learn_names();
	for (size_t i = 0; i < COUNT(decisions); i++) {
		struct policy *policy = policy_of(decisions[i].rules);
		unsigned int line;

		check(policy, "%s: refused", decisions[i].rules);
		line = decided_line(policy, decisions[i].address, decisions[i].port);
		check(line == decisions[i].line, "%s: %s port %u: line %u, expected %u",
		      decisions[i].rules, decisions[i].address, decisions[i].port, line,
		      decisions[i].line);
		policy_free(policy);
	}
}

static void test_addresses_that_are_none(void)
{
	struct policy *policy = policy_of("allow * * any");
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	struct sockaddr_in6 inet6 = {.sin6_family = AF_INET6};
	struct sockaddr_in inet = {.sin_family = AF_INET};

	check(!ask(policy, (struct sockaddr *)&local, sizeof(local)), "AF_UNIX");
	check(!ask(policy, NULL, 0), "NULL");
	check(!ask(NULL, (struct sockaddr *)&inet, sizeof(inet)), "no policy");
	check(!ask(policy, (struct sockaddr *)&inet, 1), "one byte");
	check(!ask(policy, (struct sockaddr *)&inet, sizeof(inet) - 1), "IPv4 cut short");
	check(ask(policy, (struct sockaddr *)&inet, sizeof(inet)), "IPv4 whole");
	check(ask(policy, (struct sockaddr *)&inet6, 24), "IPv6 without scope id");
	check(!ask(policy, (struct sockaddr *)&inet6, 23), "IPv6 cut short");
	policy_free(policy);
}

/* How a problem is shown. */

static const struct {
	const char *text, *shown;
} layouts[] = {
	{"alow * 443 tls",
	 "test:1:1: unknown verb \"alow\": a line begins with allow, deny, listen or include\n"
	 "alow * 443 tls\n"
	 "^~~~\n"},
	{"\tdeny\t*\t0-5 # x", "test:1:9: \"0\" is not a port: ports are numbers from 1 to 65535, "
			       "or names of services\n"
			       "\tdeny\t*\t0-5 # x\n"
			       "\t    \t \t^\n"},
	{"allow *", "test:1:8: the ports are missing: expected a list such as 80,8000-8100, or *\n"
		    "allow *\n"
		    "       ^\n"},
	{"allow a 1 prefix:\"\xc3\xbc\" x\033[1m=1",
	 "test:1:22: unknown option \"x?[1m\": the known ones are hold=, verify=, minrtt=, max=, "
	 "suspend=, control=, supervise=, program=\n"
	 "allow a 1 prefix:\"\xc3\xbc\" x?[1m=1\n"
	 "                     ^~~~~\n"},
};

static void test_layouts(void)
{
	char shown[1024];

	for (size_t i = 0; i < COUNT(layouts); i++) {
		size_t length;

		policy_free(policy_of(layouts[i].text));
		length = policy_problem_text(&problem, shown, sizeof(shown));
		check(strcmp(shown, layouts[i].shown) == 0, "shown as\n%sexpected\n%s", shown,
		      layouts[i].shown);
		check(length == strlen(shown), "length %zu", length);
		length = policy_problem_text(&problem, shown, 10);
		check(length == 9 && strncmp(shown, layouts[i].shown, 9) == 0 && !shown[9],
		      "cut: %s", shown);
	}
	check(policy_problem_text(&problem, shown, 0) == 0, "no room at all");
}

/* The fault is shown even if it stands far behind the end of what fits. */
static void test_layout_of_a_long_line(void)
{
	char text[1024] = "allow * 1", shown[1024];
	const char *caret, *fault;

	size_t length = strlen(text);

	while (length < 600)
		length += (size_t)snprintf(text + length, sizeof(text) - length, ",22222");
	snprintf(text + length, sizeof(text) - length, ",70000 tls");
	policy_free(policy_of(text));
	policy_problem_text(&problem, shown, sizeof(shown));
	fault = strstr(strchr(shown, '\n'), "70000 tls");
	caret = strchr(shown, '^');
	check(fault && caret, "shown as %s", shown);
	if (fault && caret)
		check(caret - strrchr(shown, ' ') > 0 &&
			      fault - strchr(shown, '\n') ==
				      caret - strchr(strchr(shown, '\n') + 1, '\n'),
		      "caret and fault apart: %s", shown);
	check(strncmp(text + problem.column - 1, "70000", 5) == 0, "column %u", problem.column);
}

/* Files. */

static char directory[] = "/tmp/tfo-policy-test.XXXXXX";

static const char *in_directory(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned int turn;
	char *path = paths[turn++ % 4];

	snprintf(path, PATH_MAX, "%s/%s", directory, name);
	return path;
}

static void write_file(const char *name, const char *text)
{
	int fd = open(in_directory(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	check(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "write %s", name);
	close(fd);
}

static void check_refused_file(const char *path, const char *sentence)
{
	struct policy *policy = policy_new();
	char shown[1024];

	memset(&problem, 0, sizeof(problem));
	check(policy_add_file(policy, path, &problem) == -1, "%s: accepted", path);
	check(problem.line == 0 && strcmp(problem.sentence, sentence) == 0, "%s:%u: %s", path,
	      problem.line, problem.sentence);
	check(strcmp(problem.file, path) == 0, "file %s", problem.file);
	policy_problem_text(&problem, shown, sizeof(shown));
	check(strncmp(shown, path, strlen(path)) == 0 &&
		      strncmp(shown + strlen(path), ": ", 2) == 0 && strchr(shown, '\n')[1] == 0,
	      "shown as %s", shown);
	policy_free(policy);
}

static int free_descriptor(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

static void test_files(void)
{
	struct policy *policy = policy_new();
	int free_before = free_descriptor();

	write_file("good", "deny 192.0.2.1 *\nallow * 443 tls");
	check(policy_add_file(policy, in_directory("good"), &problem) == 0, "good: %s",
	      problem.sentence);
	check(decided_line(policy, "192.0.2.2", 443) == 2, "the file's second rule");
	write_file("empty", "");
	check(policy_add_file(policy, in_directory("empty"), &problem) == 0, "empty: %s",
	      problem.sentence);
	write_file("bad", "\nallow");
	check(policy_add_file(policy, in_directory("bad"), &problem) == -1 && problem.line == 2,
	      "bad: line %u", problem.line);
	policy_free(policy);

	check_refused_file(in_directory("none"), "cannot be opened: there is no such file");
	check_refused_file(in_directory("good/x"),
			   "cannot be opened: part of its path is not a directory");
	check_refused_file(directory, "this is a directory: a policy is a regular file");
	check_refused_file("/dev/null", "this is a device: a policy is a regular file");
	check(mkfifo(in_directory("fifo"), 0600) == 0, "mkfifo");
	check_refused_file(in_directory("fifo"),
			   "this is a FIFO or a pipe: a policy is a regular file");
	write_file("huge", "");
	check(truncate(in_directory("huge"), 16 * 1024 * 1024 + 1) == 0, "truncate");
	check_refused_file(in_directory("huge"), "the file is larger than 16 MiB");
	check(symlink("loop", in_directory("loop")) == 0, "symlink");
	check_refused_file(in_directory("loop"), "cannot be opened: too many symbolic links");
	check(free_descriptor() == free_before, "a descriptor was left open");
}

static void check_found(const char *explicit_path, const char *xdg, const char *home,
			const char *expected)
{
	char path[PATH_MAX] = "untouched";
	bool system = access("/etc/tfo/policy", F_OK) == 0;
	int result = policy_find(explicit_path, xdg, home, path, sizeof(path));

	if (!expected && system)
		expected = "/etc/tfo/policy";
	check(result == (expected ? 0 : -1), "find: %d", result);
	if (expected)
		check(strcmp(path, expected) == 0, "found %s, expected %s", path, expected);
}

static void test_search_order(void)
{
	const char *home = strdup(in_directory("home")), *xdg = strdup(in_directory("xdg"));
	char small[8];

	check(!mkdir(home, 0700) && !mkdir(xdg, 0700), "mkdir");
	check(!mkdir(in_directory("home/.config"), 0700) && !mkdir(in_directory("xdg/tfo"), 0700) &&
		      !mkdir(in_directory("home/.config/tfo"), 0700),
	      "mkdir");
	check_found(NULL, NULL, NULL, NULL);
	check_found("", "", "", NULL);
	check_found(NULL, xdg, home, NULL);
	write_file("home/.config/tfo/policy", "deny * *");
	check_found(NULL, NULL, home, in_directory("home/.config/tfo/policy"));
	check_found(NULL, "", home, in_directory("home/.config/tfo/policy"));
	check_found(NULL, "xdg", home, in_directory("home/.config/tfo/policy"));
	check_found(NULL, xdg, home, NULL); /* XDG_CONFIG_HOME is in the place of ~/.config */
	check(symlink("nowhere", in_directory("xdg/tfo/policy")) == 0, "symlink");
	check_found(NULL, xdg, home, in_directory("xdg/tfo/policy"));
	check_found("/no/such", xdg, home, "/no/such");
	check_found("no/such", xdg, home, "no/such");
	check(chdir(directory) == 0, "chdir");
	check_found(NULL, "xdg", "home", NULL);
	check(policy_find("/longer/than/eight", NULL, NULL, small, sizeof(small)) == 0 && !small[0],
	      "an explicit path that does not fit gave %s", small);
	free((char *)home);
	free((char *)xdg);
}

static void test_load(void)
{
	struct policy *policy;

	write_file("policy", "allow * 443 tls");
	policy = policy_load(in_directory("policy"), "deny 192.0.2.1 *\ndeny a *", NULL, NULL,
			     &problem);
	check(policy, "load: %s", problem.sentence);
	check(policy && strcmp(policy_first_rule(policy)->file, "TFO_RULES") == 0, "extra first");
	check(policy && strcmp(policy_first_rule(policy)->next->next->file,
			       in_directory("policy")) == 0,
	      "then the file");
	policy_free(policy);
	check(!policy_load(in_directory("policy"), "deny", NULL, NULL, &problem) &&
		      strcmp(problem.file, "TFO_RULES") == 0 && problem.line == 1,
	      "bad extra rules: %s", problem.file);
	check(!policy_load("/no/such", NULL, NULL, NULL, &problem) && problem.line == 0,
	      "an explicit file that is not there");
	if (access("/etc/tfo/policy", F_OK) == 0)
		return;
	policy = policy_load(NULL, NULL, NULL, NULL, &problem);
	check(policy && policy_first_rule(policy)->payload == POLICY_PAYLOAD_TLS, "the default: %s",
	      problem.sentence);
	check(decided_line(policy, "192.0.2.1", 443) > 0 && decided_line(policy, "::1", 991) == 0,
	      "the default's ports");
	policy_free(policy);
	check(strlen(policy_default_text) == policy_default_length, "the default's length");
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	return remove(path);
}

static void remove_files(void)
{
	check(nftw(directory, remove_one, 4, FTW_DEPTH | FTW_PHYS) == 0, "%s stays", directory);
}

int main(void)
{
	if (!mkdtemp(directory))
		return 1;
	test_good_texts();
	test_bad_texts();
	test_nul_byte();
	test_long_line();
	test_bent_texts();
	test_rule_fields();
	test_decisions();
	test_addresses_that_are_none();
	test_layouts();
	test_layout_of_a_long_line();
	test_files();
	test_search_order();
	test_load();
	remove_files();
	return check_result();
}
