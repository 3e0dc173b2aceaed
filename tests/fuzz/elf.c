/* SPDX-License-Identifier: MIT */
/*
 * The look at a program before it is run: any file is some kind of ELF or none. What is said of it
 * fits where it is put.
 */
#include "tools/tfoctl/elf.h"
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static int fd = -1;
	struct elf elf;

	if (fd < 0)
		fd = memfd_create("elf", MFD_CLOEXEC);
	require(fd >= 0);
	require(ftruncate(fd, 0) == 0);
	require(pwrite(fd, bytes, length, 0) == (ssize_t)length);
	elf_read(fd, &elf);
	require(elf.kind <= ELF_LIBRARY);
	require(memchr(elf.loader, '\0', sizeof(elf.loader)));
	require(elf.kind == ELF_DYNAMIC || elf.kind == ELF_NONE || elf.loader[0] == '\0');
	require(strlen(elf_architecture(&elf)) > 0);
	return 0;
}
