/* SPDX-License-Identifier: MIT */
/*
 * Who may say what is allowed: a policy, what it includes and the directory of a pattern must be
 * such that nobody writes to them but root or the user. In a user namespace, where the kernel does
 * not tell the owners of most files, only those in /etc count as root's.
 */
#include "policy/policy.h"
#include "policy/rules.h"
#include "policy_check.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define STRANGER 64999
#define USER	 64998

static char directory[] = "/tmp/tfo-trust-test.XXXXXX";
static struct policy_problem problem;

static const char *in_directory(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned int turn;
	char *path = paths[turn++ % 4];

	snprintf(path, PATH_MAX, "%s/%s", directory, name);
	return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	const char *path = in_directory(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	check(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
		      fchmod(fd, mode) == 0,
	      "write %s", name);
	close(fd);
}

static bool is_accepted(const char *path)
{
	struct policy *policy = policy_new();
	bool accepted;

	memset(&problem, 0, sizeof(problem));
	accepted = policy_add_file(policy, path, &problem) == 0;
	policy_free(policy);
	return accepted;
}

static void check_refused(const char *name, const char *file, const char *sentence)
{
	check(!is_accepted(in_directory(name)), "%s: accepted", name);
	check(strcmp(problem.file, in_directory(file)) == 0 && problem.line == 0, "%s: %s:%u", name,
	      problem.file, problem.line);
	check(strstr(problem.sentence, sentence), "%s: %s", name, problem.sentence);
}

static void test_modes(void)
{
	static const mode_t good[] = {0600, 0644, 0444, 0755, 0400};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		write_file("policy", "deny * *", good[i]);
		check(is_accepted(in_directory("policy")), "mode %o: %s", good[i],
		      problem.sentence);
		unlink(in_directory("policy"));
	}
	write_file("policy", "deny * *", 0664);
	check_refused("policy", "policy",
		      "its group can write to it, and so change what is "
		      "allowed: take that away with chmod go-w");
	write_file("policy", "deny * *", 0646);
	check_refused("policy", "policy", "everybody can write to it");
	write_file("policy", "deny * *", 0620);
	check_refused("policy", "policy", "its group can write to it");
}

static void test_includes(void)
{
	mkdir(in_directory("d"), 0755);
	write_file("d/a", "deny * *", 0644);
	write_file("main", "include d/*", 0644);
	check(is_accepted(in_directory("main")), "a directory: %s", problem.sentence);
	chmod(in_directory("d"), 0775);
	check_refused("main", "d/", "its group can write to it");
	check(strstr(problem.included_from, "/main:1"), "from %s", problem.included_from);
	chmod(in_directory("d"), 01777);
	check_refused("main", "d/", "everybody can write to it");
	chmod(in_directory("d"), 0755);
	chmod(in_directory("d/a"), 0666);
	check_refused("main", "d/a", "everybody can write to it");
	chmod(in_directory("d/a"), 0644);
}

static void test_owners(void)
{
	write_file("policy", "deny * *", 0644);
	if (chown(in_directory("policy"), STRANGER, (gid_t)-1) < 0)
		return; /* not root: every other owner that there is, is root */
	check_refused("policy", "policy", "it belongs to user 64999, who could change");
	check(seteuid(STRANGER) == 0, "seteuid");
	check(is_accepted(in_directory("policy")), "one's own: %s", problem.sentence);
	check(is_accepted(in_directory("d/a")), "root's: %s", problem.sentence);
	check(seteuid(0) == 0, "seteuid");
	check(chown(in_directory("d"), STRANGER, (gid_t)-1) == 0, "chown");
	check_refused("main", "d/", "it belongs to user 64999");
	check(chown(in_directory("d"), 0, (gid_t)-1) == 0, "chown");
}

static bool write_proc(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return written;
}

/* A user namespace in which only we are known; false where that cannot be. */
static bool enter_namespace(void)
{
	char map[32];
	uid_t user = geteuid();

	if (user == 0) {
		user = USER;
		/* A change of user leaves /proc/self to root, unless the process may be traced. */
		if (setresgid(USER, USER, USER) < 0 || setresuid(USER, USER, USER) < 0 ||
		    prctl(PR_SET_DUMPABLE, 1) < 0)
			return false;
	}
	snprintf(map, sizeof(map), "0 %u 1", user);
	return unshare(CLONE_NEWUSER) == 0 && write_proc("/proc/self/uid_map", map);
}

/* A policy of root's in an /etc of our own, compiled; false where that cannot be had. */
static bool compile_in_etc(void)
{
	const uint8_t *image;
	struct policy *policy;
	size_t size;
	int fd;

	if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", "/etc", "tmpfs", 0, "mode=0755") != 0)
		return false;
	fd = open("/etc/policy", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	check(fd >= 0 && write(fd, "deny * *", 8) == 8, "/etc/policy");
	close(fd);
	policy = policy_load("/etc/policy", NULL, NULL, NULL, &problem);
	image = policy ? policy_image(policy, &size) : NULL;
	fd = open("/etc/policy.compiled", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	check(image && fd >= 0 && write(fd, image, size) == (ssize_t)size, "/etc/policy.compiled");
	close(fd);
	policy_free(policy);
	return true;
}

static bool is_taken_compiled(const char *path)
{
	struct policy *policy = policy_open(path, NULL, NULL, NULL, &problem);
	bool taken = policy && policy->image;

	check(policy, "%s: %s", path, problem.sentence);
	policy_free(policy);
	return taken;
}

/* In a child, which exits with 1 if a check failed, and 77 if it could not try. */
static void test_namespace(bool with_etc)
{
	int status = 0;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child > 0) {
		check(waitpid(child, &status, 0) == child && WIFEXITED(status), "the child");
		if (WEXITSTATUS(status) == 77)
			printf("no user namespace here: owners that are not known are not tried\n");
		else
			check(WEXITSTATUS(status) == 0, "in a user namespace: see above");
		return;
	}
	checks_failed = 0;
	with_etc = with_etc && compile_in_etc();
	if (with_etc)
		check(is_taken_compiled("/etc/policy"), "the compiled policy is not taken");
	if (!enter_namespace())
		_exit(77);
	if (with_etc) {
		check(is_taken_compiled("/etc/policy"),
		      "root's compiled policy in /etc: not taken");
		fflush(stdout);
		_exit(checks_failed > 0);
	}
	/* A regular file of the machine's root, outside /etc. */
	check(!is_accepted("/proc/sys/kernel/ostype") &&
		      strstr(problem.sentence, "its owner is not known in this user namespace"),
	      "root's file: %s", problem.sentence);
	check(!is_accepted("/etc/passwd") && problem.line == 1, "/etc/passwd: %s",
	      problem.sentence);
	check(!is_accepted("/etc/../proc/sys/kernel/ostype") &&
		      strstr(problem.sentence, "its owner is not known"),
	      "not in /etc: %s", problem.sentence);
	write_file("own", "deny * *", 0644);
	check(is_accepted(in_directory("own")), "one's own: %s", problem.sentence);
	fflush(stdout);
	_exit(checks_failed > 0);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	return remove(path);
}

int main(void)
{
	umask(022);
	if (!mkdtemp(directory))
		return 1;
	test_modes();
	test_includes();
	check(chmod(directory, 0755) == 0, "chmod");
	test_owners();
	check(chmod(directory, 0777) == 0, "chmod");
	test_namespace(false);
	test_namespace(true);
	check(nftw(directory, remove_one, 4, FTW_DEPTH | FTW_PHYS) == 0, "%s stays", directory);
	return check_result();
}
