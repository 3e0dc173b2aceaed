/* SPDX-License-Identifier: MIT */
/* Finds the real functions. Knows nothing of what they do. */
#include "shim/next.h"

#include <errno.h>
#include <limits.h>
#include <link.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/find.h"

/* ISO C has no cast from an object pointer to a function pointer; POSIX promises the copy works. */
static void look_up(const char *name, void *pointer_to_function)
{
	void *found = find_next(name);

	if (found)
		memcpy(pointer_to_function, &found, sizeof(found));
}

#define STUB(result, name, parameters, arguments)                                                  \
	static result missing_##name parameters                                                    \
	{                                                                                          \
		errno = ENOSYS;                                                                    \
		return (result)-1;                                                                 \
	}                                                                                          \
	static void resolve_##name(void)                                                           \
	{                                                                                          \
		result(*function) parameters = missing_##name;                                     \
		look_up(#name, (void *)&function);                                                 \
		next.name = function;                                                              \
	}                                                                                          \
	static result first_##name parameters                                                      \
	{                                                                                          \
		int saved = errno;                                                                 \
		resolve_##name();                                                                  \
		errno = saved;                                                                     \
		return next.name arguments;                                                        \
	}

#define STUB_OF_OTHER(result, name, parameters, arguments)                                         \
	static result missing_##name parameters                                                    \
	{                                                                                          \
		errno = ENOSYS;                                                                    \
		return (result)0;                                                                  \
	}                                                                                          \
	static void resolve_##name(void)                                                           \
	{                                                                                          \
		result(*function) parameters = missing_##name;                                     \
		look_up(#name, (void *)&function);                                                 \
		next.name = function;                                                              \
	}                                                                                          \
	static result first_##name parameters                                                      \
	{                                                                                          \
		int saved = errno;                                                                 \
		resolve_##name();                                                                  \
		errno = saved;                                                                     \
		return next.name arguments;                                                        \
	}

/* The parameters are only named by the lists; a stub for a missing function does not look. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
/* NOLINTBEGIN(misc-unused-parameters) */
FUNCTIONS_OF_NUMBERS(STUB)
FUNCTIONS_AT_LEISURE(STUB)
FUNCTIONS_OF_WORDS(STUB)
FUNCTIONS_OF_OTHERS(STUB_OF_OTHER)
/* NOLINTEND(misc-unused-parameters) */
#pragma GCC diagnostic pop

pid_t (*next_vfork)(void);

struct next_functions next = {
#define INITIAL(result, name, parameters, arguments) .name = first_##name,
	FUNCTIONS_OF_NUMBERS(INITIAL) FUNCTIONS_AT_LEISURE(INITIAL) FUNCTIONS_OF_OTHERS(INITIAL)
		FUNCTIONS_OF_WORDS(INITIAL)
#undef INITIAL
};

/* What a libc lacks can still be asked of the kernel by number, and then comes through our door. */

static int close_range_by_number(unsigned int first, unsigned int last, int flags)
{
	return (int)next.syscall(SYS_close_range, first, last, flags, 0, 0, 0);
}

static void closefrom_by_number(int first)
{
	next.syscall(SYS_close_range, first > 0 ? first : 0, UINT_MAX, 0, 0, 0, 0);
}

static int execveat_by_number(int directory, const char *path, char *const arguments[],
			      char *const environment[], int flags)
{
	return (int)next.syscall(SYS_execveat, directory, (long)path, (long)arguments,
				 (long)environment, flags, 0);
}

static ssize_t pwritev2_by_number(int fd, const struct iovec *parts, int count, off_t offset,
				  int flags)
{
	return next.syscall(SYS_pwritev2, fd, (long)parts, count, offset, 0, flags);
}

static void ask_kernel_instead(void)
{
	if (next.close_range == missing_close_range)
		next.close_range = close_range_by_number;
	if (next.closefrom == missing_closefrom)
		next.closefrom = closefrom_by_number;
	if (next.execveat == missing_execveat)
		next.execveat = execveat_by_number;
	if (next.pwritev2 == missing_pwritev2)
		next.pwritev2 = pwritev2_by_number;
}

bool next_connect_is_libcs, next_socket_is_libcs;

/* An address, and where the object begins that it is in. */
struct place {
	uintptr_t address, object;
};

static int look_in_object(struct dl_phdr_info *object, size_t size, void *context)
{
	struct place *place = context;

	(void)size;
	for (unsigned int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];

		if (part->p_type != PT_LOAD ||
		    place->address - object->dlpi_addr - part->p_vaddr >= part->p_memsz)
			continue;
		place->object = (uintptr_t)object->dlpi_phdr;
		return 1;
	}
	return 0;
}

/* dladdr(3) would look for the nearest symbol, too, which takes longer than all else at the start.
 */
static uintptr_t object_of(const void *pointer_to_function)
{
	struct place place = {0};

	memcpy(&place.address, pointer_to_function, sizeof(place.address));
	dl_iterate_phdr(look_in_object, &place);
	return place.object;
}

/* Until 2.34 glibc's libpthread had a connect() of its own. */
static bool is_libcs(const void *pointer_to_function)
{
	uintptr_t object = object_of(pointer_to_function);

	return object == object_of(&next.syscall) || object == object_of(&next.pthread_exit);
}

void next_resolve(void)
{
#define RESOLVE(result, name, parameters, arguments) resolve_##name();
	FUNCTIONS_OF_NUMBERS(RESOLVE)
	FUNCTIONS_OF_OTHERS(RESOLVE)
	FUNCTIONS_OF_WORDS(RESOLVE)
#undef RESOLVE
	look_up("vfork", (void *)&next_vfork);
	ask_kernel_instead();
	next_connect_is_libcs = is_libcs(&next.connect);
	next_socket_is_libcs = is_libcs(&next.socket);
}

/* glibc has at_quick_exit() in a static library only, musl in the shared one. */
void next_at_quick_exit(void (*handler)(void))
{
	int (*of_glibc)(void (*handler)(void), void *object) = NULL;
	int (*of_others)(void (*handler)(void)) = NULL;

	/* A name that is missing is dear: a message is made of it. */
	look_up("__cxa_at_quick_exit", (void *)&of_glibc);
	if (of_glibc) {
		of_glibc(handler, NULL);
		return;
	}
	look_up("at_quick_exit", (void *)&of_others);
	if (of_others)
		of_others(handler);
}
