/* SPDX-License-Identifier: MIT */
/*
 * The policy in force: where it is found, whether its compiled form is taken, and when it is no
 * longer the current one. A compiled form that does not fit, or that others could have written, is
 * as good as none.
 */
#include "policy/image.h"
#include "policy/policy.h"
#include "policy/rules.h"
#include "policy_check.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/tfo-open-test.XXXXXX";
static struct policy_problem problem;

static const char *in_directory(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned int turn;
	char *path = paths[turn++ % 4];

	snprintf(path, PATH_MAX, "%s/%s", directory, name);
	return path;
}

static void write_bytes(const char *name, const void *bytes, size_t size, mode_t mode)
{
	int fd = open(in_directory(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	check(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && fchmod(fd, mode) == 0,
	      "write %s", name);
	close(fd);
}

static void write_text(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text), 0600);
}

static void set_time(const char *name, time_t seconds)
{
	struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};

	check(utimensat(AT_FDCWD, in_directory(name), times, 0) == 0, "time of %s", name);
}

static struct policy *open_policy(const char *extra_rules)
{
	return policy_open(in_directory("policy"), extra_rules, NULL, NULL, &problem);
}

static bool is_current(const struct policy *policy)
{
	return policy_is_current(policy, in_directory("policy"), NULL, NULL);
}

/* The compiled form of the policy, with a byte changed if `damage` is one of its places. */
static void compile_damaged(size_t damage, mode_t mode)
{
	struct policy *policy = policy_load(in_directory("policy"), NULL, NULL, NULL, &problem);
	size_t size = 0;
	const uint8_t *image = policy ? policy_image(policy, &size) : NULL;
	uint8_t *bytes;

	check(image != NULL, "%s", problem.sentence);
	if (!image)
		return;
	bytes = malloc(size);
	memcpy(bytes, image, size);
	if (damage < size)
		bytes[damage] ^= 1;
	unlink(in_directory("policy.compiled"));
	write_bytes("policy.compiled", bytes, size, mode);
	free(bytes);
	policy_free(policy);
}

static void compile(void)
{
	compile_damaged(SIZE_MAX, 0600);
}

/* Opens the policy and says whether that came from the compiled form. */
static bool takes_compiled(const char *what)
{
	struct policy *policy = open_policy(NULL);
	bool compiled = policy && policy->image;

	check(policy != NULL, "%s: %s", what, problem.sentence);
	check(!policy || is_current(policy), "%s: not current", what);
	policy_free(policy);
	return compiled;
}

static int line_for(const struct policy *policy, const char *address, uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct policy_question question = {.address = (struct sockaddr *)&to, .length = sizeof(to)};
	const struct policy_rule *rule;

	inet_pton(AF_INET, address, &to.sin_addr);
	rule = policy_decide(policy, &question);
	return rule ? (int)rule->line : 0;
}

static bool may_allow(const struct policy *policy, uint16_t port)
{
	const uint8_t bytes[2] = {(uint8_t)(port >> 8), (uint8_t)port};

	return port_filter_may_have(policy_allowed_ports(policy), bytes);
}

static void test_compiled(void)
{
	struct policy *policy;

	write_text("policy", "deny 192.0.2.7 *\nallow 10.0.0.0/8 https,80 http\nallow * 53 dns\n");
	check(!takes_compiled("text"), "there is no compiled form");
	compile();
	check(takes_compiled("compiled"), "the compiled form is not taken");
	policy = open_policy(NULL);
	check(line_for(policy, "192.0.2.7", 53) == 1, "deny");
	check(line_for(policy, "10.1.2.3", 80) == 2, "network");
	check(line_for(policy, "198.51.100.1", 53) == 3, "any");
	check(line_for(policy, "198.51.100.1", 54) == 0, "none");
	policy_free(policy);

	policy = open_policy("allow 192.0.2.7 53,4000-4001 dns");
	check(policy && policy->behind && policy->behind->image, "in front of a compiled form");
	check(may_allow(policy, 4000) && may_allow(policy, 4001), "a port of the rule in front");
	check(may_allow(policy, 80) && may_allow(policy, 443), "a port of a rule behind");
	check(!may_allow(policy, 4002) && !may_allow(policy, 22), "a port of no rule");
	check(line_for(policy, "192.0.2.7", 53) == 1, "in front");
	check(line_for(policy, "10.1.2.3", 80) == 2, "behind");
	check(is_current(policy), "in front, current");
	write_text("policy", "deny * *\n");
	check(!is_current(policy), "in front, changed");
	policy_free(policy);
	check(!takes_compiled("another text"), "a stale form is taken");
	compile();
	check(!open_policy("alow * 1 any") && problem.line == 1, "bad rules in front");
}

static void test_damaged(void)
{
	static const size_t places[] = {0, 16, 20, 24, 32, 40, 200, 4095};

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		compile_damaged(places[i], 0600);
		check(!takes_compiled("damaged"), "byte %zu changed, and taken", places[i]);
	}
	compile_damaged(4096 + 8, 0600);
	takes_compiled("damaged in the body"); /* that is seen when it is asked */
	compile_damaged(SIZE_MAX, 0620);
	check(!takes_compiled("others write"), "a form that the group can write is taken");
	compile_damaged(SIZE_MAX, 0602);
	check(!takes_compiled("all write"), "a form that all can write is taken");
	write_bytes("policy.compiled", "", 0, 0600);
	check(!takes_compiled("empty"), "an empty form is taken");
	write_bytes("policy.compiled", "tfo-run policy\n", 16, 0600);
	check(!takes_compiled("short"), "a short form is taken");
	unlink(in_directory("policy.compiled"));
	check(mkfifo(in_directory("policy.compiled"), 0600) == 0, "mkfifo");
	check(!takes_compiled("a FIFO"), "a FIFO is taken");
	unlink(in_directory("policy.compiled"));
	compile();
	check(rename(in_directory("policy.compiled"), in_directory("elsewhere")) == 0 &&
		      symlink(in_directory("elsewhere"), in_directory("policy.compiled")) == 0,
	      "a link");
	check(!takes_compiled("a link"), "a link is taken");
	unlink(in_directory("policy.compiled"));
}

/* Copied with its times to another place: the bytes tell. */
static void test_copied(void)
{
	write_text("policy", "allow * 53 dns\n");
	set_time("policy", 1000000000);
	compile();
	unlink(in_directory("policy"));
	write_text("policy", "allow * 53 dns\n");
	set_time("policy", 1000000000);
	check(takes_compiled("copied"), "the same file under another inode");
	write_text("policy", "allow * 54 dns\n");
	set_time("policy", 1000000000);
	check(!takes_compiled("other bytes"), "another file of the same size and time");
	set_time("policy", 1000000001);
	check(!takes_compiled("another time"), "another time");
}

static void test_includes(void)
{
	struct policy *policy;

	check(mkdir(in_directory("more"), 0700) == 0, "mkdir");
	write_text("more/a.policy", "allow * 1 any\n");
	write_text("policy", "include more/*.policy\ninclude later/*.policy\n");
	compile();
	check(takes_compiled("includes"), "with includes");
	policy = open_policy(NULL);
	check(line_for(policy, "10.0.0.1", 1) == 1, "included");
	check(mkdir(in_directory("later"), 0700) == 0, "mkdir");
	check(!is_current(policy), "a directory came");
	policy_free(policy);
	check(!takes_compiled("a directory more"), "a directory came, and the form is taken");
	compile();
	policy = open_policy(NULL);
	check(policy && policy->image && is_current(policy), "compiled again");
	write_text("more/b.policy", "deny * 1\n");
	check(!is_current(policy), "a file more");
	policy_free(policy);
	check(!takes_compiled("a file more"), "a file came, and the form is taken");
	compile();
	check(unlink(in_directory("more/a.policy")) == 0, "unlink");
	check(!takes_compiled("a file less"), "a file went, and the form is taken");
}

/* Where there is none yet, one may come. */
static void test_places(void)
{
	const char *config = in_directory("config");
	struct policy *policy = policy_open(NULL, NULL, config, NULL, &problem);

	check(policy && (policy->path == NULL || strcmp(policy->path, "/etc/tfo/policy") == 0),
	      "the default");
	check(policy_is_current(policy, NULL, config, NULL), "nothing has come");
	check(mkdir(config, 0700) == 0 && mkdir(in_directory("config/tfo"), 0700) == 0, "mkdir");
	write_text("config/tfo/policy", "allow * 53 dns\n");
	check(!policy_is_current(policy, NULL, config, NULL), "one has come");
	policy_free(policy);
	policy = policy_open(NULL, "deny * 1", config, NULL, &problem);
	check(line_for(policy, "10.0.0.1", 53) == 1 && line_for(policy, "10.0.0.1", 1) == 1,
	      "both");
	policy_free(policy);
	check(!policy_open(in_directory("nowhere"), NULL, NULL, NULL, &problem), "nowhere");
	check(!policy_open(in_directory("more"), NULL, NULL, NULL, &problem), "a directory");
	check(!policy_open(in_directory("policy/x"), NULL, NULL, NULL, &problem), "under a file");
	check(symlink("loop", in_directory("loop")) == 0, "symlink");
	check(!policy_open(in_directory("loop"), NULL, NULL, NULL, &problem), "a loop");
}

/* Enough rules that the index is used for a policy from text, too. */
static void test_many(void)
{
	char text[4096];
	size_t length = 0;
	struct policy *policy;

	for (int i = 1; i <= 60; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length,
					   "allow 10.0.0.%d %d any\n", i, i);
	unlink(in_directory("policy.compiled"));
	write_text("policy", text);
	policy = open_policy(NULL);
	check(policy && policy->index && !policy->image, "indexed");
	for (int i = 1; i <= 60; i++) {
		char address[20];

		snprintf(address, sizeof(address), "10.0.0.%d", i);
		check(line_for(policy, address, (uint16_t)i) == i, "rule %d", i);
	}
	policy_free(policy);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

int main(void)
{
	if (!mkdtemp(directory))
		return 77;
	test_compiled();
	test_damaged();
	test_copied();
	test_includes();
	test_places();
	test_many();
	nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return check_result();
}
