/* SPDX-License-Identifier: MIT */
/*
 * Whether LD_PRELOAD reaches a program: it must load a libc of our architecture by a loader that
 * trusts its environment (ld.so(8), "secure-execution mode"), and use it.
 */
#include "program.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

/* fs/binfmt_script.c and fs/exec.c: so much of a script is looked at, and so many in a row. */
#define SCRIPT_HEAD  256
#define SCRIPTS_MOST 5

/* What the kernel shows for an owner who has no name in this user namespace. */
#define NOBODY 65534u

static void __attribute__((format(printf, 3, 4)))
refuse(struct program *program, enum reach reach, const char *format, ...)
{
	size_t length = 0;
	va_list arguments;

	program->reach = reach;
	if (program->is_script)
		length = (size_t)snprintf(program->why, sizeof(program->why),
					  "its interpreter %s: ", program->file);
	va_start(arguments, format);
	vsnprintf(program->why + length, sizeof(program->why) - length, format, arguments);
	va_end(arguments);
	for (char *at = program->why; *at; at++)
		if (iscntrl((unsigned char)*at)) /* "#!/bin/sh" with the line's end of Windows */
			*at = '?';
}

/* The kernel minds these bits and capabilities only where nothing forbids it. */
static bool gains_privileges(int fd, const struct runner *runner)
{
	struct statvfs mount;

	return !runner->gains_nothing && !(fstatvfs(fd, &mount) == 0 && (mount.f_flag & ST_NOSUID));
}

static bool is_setuid(const struct stat *status, const struct runner *runner)
{
	return (status->st_mode & S_ISUID) && status->st_uid != runner->user &&
	       status->st_uid != NOBODY;
}

/* Without the group's x the bit means something else. */
static bool is_setgid(const struct stat *status, const struct runner *runner)
{
	return (status->st_mode & S_ISGID) && (status->st_mode & S_IXGRP) &&
	       status->st_gid != runner->group && status->st_gid != NOBODY;
}

/* Root has the capabilities anyway, and its environment is trusted. */
static bool has_capabilities(const char *file, const struct runner *runner)
{
	return runner->user != 0 && getxattr(file, "security.capability", NULL, 0) > 0;
}

static bool judge_privileges(int fd, const struct stat *status, const struct runner *runner,
			     struct program *program)
{
	const char *what = is_setuid(status, runner)		     ? "setuid"
			   : is_setgid(status, runner)		     ? "setgid"
			   : has_capabilities(program->file, runner) ? "has file capabilities"
								     : NULL;

	if (!what || !gains_privileges(fd, runner))
		return true;
	refuse(program, REACH_NO, "%s, so the loader ignores LD_PRELOAD", what);
	program->is_privileged = true;
	program->remedy = "Run it as the user, or with the privileges, that it would gain.";
	return false;
}

static void judge_loader(struct program *program)
{
	program->reach = REACH_YES;
	if (access(program->elf.loader, X_OK) == 0)
		return;
	refuse(program, REACH_CANNOT_RUN, "its loader %s: %s", program->elf.loader,
	       errno == ENOENT ? "no such file" : strerror(errno));
	program->remedy = "Install the libc that it was built for.";
}

#define SUPERVISE "tfo-run --supervise reaches it, under rules with payload any or supervise=yes."

static void judge_elf(struct program *program)
{
	const struct elf *elf = &program->elf;

	if (elf->kind == ELF_FOREIGN) {
		refuse(program, REACH_NO, "built for %s, but the library is for %s",
		       elf_architecture(elf), elf_own_architecture());
		program->remedy = "Install it for this architecture.";
	} else if (elf->is_go) {
		refuse(program, REACH_NO,
		       "a Go program, which makes its system calls itself and not through libc");
		program->is_supervisable = true;
		program->remedy = "Nothing in its environment can change that; " SUPERVISE;
	} else if (elf->kind == ELF_STATIC) {
		refuse(program, REACH_NO,
		       "statically linked, so no loader runs that would read LD_PRELOAD");
		program->is_supervisable = true;
		program->remedy = "Install or build it dynamically linked; or use tfo-run -f, if "
				  "it only starts another program; " SUPERVISE;
	} else if (elf->kind == ELF_DYNAMIC) {
		judge_loader(program);
	} else if (elf->kind == ELF_LIBRARY) {
		program->reach = REACH_YES; /* the loader: it reads LD_PRELOAD */
	}
}

/* Finds the interpreter in a script's first line, as the kernel does; false if there is none that
 * it would run. `head` ends with a NUL. */
static bool read_interpreter(char *head, char *interpreter)
{
	char *start, *end;

	if (strncmp(head, "#!", 2) != 0)
		return false;
	start = head + 2 + strspn(head + 2, " \t");
	end = start + strcspn(start, " \t\n");
	if (end == start || (*end == '\0' && end == head + SCRIPT_HEAD))
		return false; /* empty, or cut short */
	*end = '\0';
	memcpy(interpreter, start, (size_t)(end - start) + 1);
	return true;
}

/* Whether program->file is a script; then that is its interpreter from now on. */
static bool follow_script(int fd, struct program *program)
{
	char head[SCRIPT_HEAD + 1] = "";

	if (pread(fd, head, SCRIPT_HEAD, 0) < 0 || !read_interpreter(head, program->file))
		return false;
	program->is_script = true;
	return true;
}

/* Returns the opened file; -1, with the verdict, when that cannot be. */
static int open_program(struct program *program, struct stat *status)
{
	int fd = open(program->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd >= 0 && fstat(fd, status) == 0 && S_ISREG(status->st_mode))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Some may be run, but not read; the mode is all that there is to see of them. */
static void judge_unreadable(const struct runner *runner, struct program *program)
{
	struct stat status;
	int fd = open(program->file, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		judge_privileges(fd, &status, runner, program);
	close(fd);
}

/* Returns true if the file was a script, whose interpreter is to be looked at next. */
static bool examine_file(const struct runner *runner, struct program *program)
{
	struct stat status;
	int fd;
	bool is_script;

	if (program->is_script && access(program->file, X_OK) != 0) {
		refuse(program, REACH_CANNOT_RUN, "%s",
		       errno == ENOENT ? "no such file" : strerror(errno));
		program->remedy = "Install it, or correct the first line of the script.";
		return false;
	}
	fd = open_program(program, &status);
	if (fd < 0) {
		judge_unreadable(runner, program);
		return false;
	}
	is_script = follow_script(fd, program);
	if (!is_script) {
		elf_read(fd, &program->elf);
		if (judge_privileges(fd, &status, runner, program))
			judge_elf(program);
	}
	close(fd);
	return is_script;
}

void program_examine_for(const char *path, const struct runner *runner, struct program *program)
{
	memset(program, 0, sizeof(*program));
	program->reach = REACH_UNKNOWN;
	if ((size_t)snprintf(program->file, sizeof(program->file), "%s", path) >=
	    sizeof(program->file))
		return;
	for (int scripts = 0; scripts <= SCRIPTS_MOST; scripts++)
		if (!examine_file(runner, program))
			return;
}

void program_examine(const char *path, struct program *program)
{
	const struct runner runner = {getuid(), getgid(),
				      prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1};

	program_examine_for(path, &runner, program);
}

static bool is_program(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

bool program_find(const char *command, char *path, size_t size)
{
	const char *directories = getenv("PATH");

	if (strchr(command, '/'))
		return (size_t)snprintf(path, size, "%s", command) < size && is_program(path);
	if (!*command)
		return false;
	for (const char *at = directories ? directories : "";; at++) {
		size_t length = strcspn(at, ":");

		/* An empty field is the current directory. */
		if ((size_t)snprintf(path, size, "%.*s/%s", length ? (int)length : 1,
				     length ? at : ".", command) < size &&
		    is_program(path))
			return true;
		at += length;
		if (!*at)
			return false;
	}
}
