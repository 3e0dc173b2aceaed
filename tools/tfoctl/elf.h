/* SPDX-License-Identifier: MIT */
/*
 * What an ELF file says about how it will run. Nothing in the file is trusted: each offset and each
 * length is checked, and the work is bounded whatever they are.
 */
#ifndef TFO_TOOLS_TFOCTL_ELF_H
#define TFO_TOOLS_TFOCTL_ELF_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum elf_kind {
	ELF_NONE,    /* another kind of file, or one too damaged to run */
	ELF_FOREIGN, /* for another architecture: nothing more is known but `machine` and `bits` */
	ELF_STATIC,  /* a program without a loader */
	ELF_DYNAMIC, /* a program with one */
	ELF_LIBRARY, /* a shared object without a loader, such as the loader itself */
};

struct elf {
	enum elf_kind kind;
	uint16_t machine; /* EM_ of elf.h */
	unsigned int bits;
	bool is_go;	       /* of the Go toolchain */
	char loader[PATH_MAX]; /* of ELF_DYNAMIC */
};

/* Reads the file behind `fd`, which must be a regular one. */
void elf_read(int fd, struct elf *elf);

/* "x86-64": of what elf_read() found; valid until the next call. */
const char *elf_architecture(const struct elf *elf);

/* The architecture that this was built for, and so the library. */
const char *elf_own_architecture(void);

#endif
