/* SPDX-License-Identifier: MIT */
/*
 * Reading ELF (elf(5)): only what the kernel and the loader look at when a program starts, and the
 * marks of Go. What it means for the library is said in program.c.
 */
#include "elf.h"

#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OWN_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#else
#error "Which machine is this? See e_machine in elf(5)."
#endif
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OWN_DATA ELFDATA2LSB
#else
#define OWN_DATA ELFDATA2MSB
#endif
#define OWN_BITS  (__SIZEOF_POINTER__ * 8)
#define OWN_CLASS (OWN_BITS == 64 ? ELFCLASS64 : ELFCLASS32)

/* The kernel takes no more than 64 KiB of program headers. The rest is far more than programs
 * have, and keeps the work small for a file that lies. */
#define MOST_SEGMENTS (65536 / sizeof(ElfW(Phdr)))
#define MOST_SECTIONS 4096u
#define MOST_DYNAMIC  4096u
#define MOST_NAMES    65536u
#define MOST_NOTES    4096u

/* A note "Go", 4 holds the build id of the Go linker (cmd/internal/buildid). */
#define GO_NOTE_NAME "Go"
#define GO_NOTE_TYPE 4u
#define GO_SECTION   ".go.buildinfo"

/* All of it, or false. */
static bool read_at(int fd, uint64_t offset, void *to, size_t size)
{
	if (offset > (uint64_t)INT64_MAX - size)
		return false;
	return pread(fd, to, size, (off_t)offset) == (ssize_t)size;
}

/* The item of a table that stands at `offset`. */
static bool read_item(int fd, uint64_t offset, size_t index, void *to, size_t size)
{
	uint64_t distance = (uint64_t)index * size;

	return offset <= UINT64_MAX - distance && read_at(fd, offset + distance, to, size);
}

/* The kernel starts no program whose loader's name is too long or has no end. */
static bool read_loader(int fd, const ElfW(Phdr) * segment, char *loader)
{
	size_t size = (size_t)segment->p_filesz;

	return segment->p_filesz >= 2 && segment->p_filesz <= PATH_MAX &&
	       read_at(fd, segment->p_offset, loader, size) && loader[size - 1] == '\0';
}

static size_t rounded_up(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

static bool is_go_note(const ElfW(Nhdr) * note, const char *name)
{
	return note->n_type == GO_NOTE_TYPE && note->n_namesz == sizeof(GO_NOTE_NAME) + 1 &&
	       strcmp(name, GO_NOTE_NAME) == 0;
}

static bool has_go_note(int fd, const ElfW(Phdr) * segment)
{
	char bytes[MOST_NOTES];
	size_t size = segment->p_filesz < sizeof(bytes) ? (size_t)segment->p_filesz : sizeof(bytes);
	size_t at = 0;

	if (!read_at(fd, segment->p_offset, bytes, size))
		return false;
	while (size - at >= sizeof(ElfW(Nhdr)) + rounded_up(sizeof(GO_NOTE_NAME))) {
		ElfW(Nhdr) note;
		size_t left;

		memcpy(&note, bytes + at, sizeof(note));
		at += sizeof(note);
		if (is_go_note(&note, bytes + at))
			return true;
		left = size - at;
		if (note.n_namesz > left || note.n_descsz > left ||
		    rounded_up(note.n_namesz) + rounded_up(note.n_descsz) > left)
			return false;
		at += rounded_up(note.n_namesz) + rounded_up(note.n_descsz);
	}
	return false;
}

/* Whether a position-independent file was linked as a program: those have DT_DEBUG, and newer ones
 * DF_1_PIE, too. The loader, which can be run as well, has neither. */
static bool is_linked_as_program(int fd, const ElfW(Phdr) * segment)
{
	for (size_t i = 0; i < MOST_DYNAMIC && i < segment->p_filesz / sizeof(ElfW(Dyn)); i++) {
		ElfW(Dyn) entry;

		if (!read_item(fd, segment->p_offset, i, &entry, sizeof(entry)) ||
		    entry.d_tag == DT_NULL)
			return false;
		if (entry.d_tag == DT_DEBUG ||
		    (entry.d_tag == DT_FLAGS_1 && (entry.d_un.d_val & DF_1_PIE)))
			return true;
	}
	return false;
}

/* A Go program may have lost its note, or its section headers. */
static bool has_go_section(int fd, const ElfW(Ehdr) * header)
{
	static char names[MOST_NAMES];
	ElfW(Shdr) section;
	size_t size;

	if (header->e_shentsize != sizeof(section) || header->e_shstrndx >= header->e_shnum ||
	    !read_item(fd, header->e_shoff, header->e_shstrndx, &section, sizeof(section)))
		return false;
	size = section.sh_size < sizeof(names) ? (size_t)section.sh_size : sizeof(names);
	if (!read_at(fd, section.sh_offset, names, size))
		return false;
	for (size_t i = 0; i < header->e_shnum && i < MOST_SECTIONS; i++) {
		if (!read_item(fd, header->e_shoff, i, &section, sizeof(section)))
			return false;
		if (section.sh_name < size && size - section.sh_name >= sizeof(GO_SECTION) &&
		    memcmp(names + section.sh_name, GO_SECTION, sizeof(GO_SECTION)) == 0)
			return true;
	}
	return false;
}

/* False if the kernel would not start it. */
static bool read_segments(int fd, const ElfW(Ehdr) * header, struct elf *elf)
{
	bool is_program = header->e_type == ET_EXEC;

	elf->kind = ELF_LIBRARY;
	for (size_t i = 0; i < header->e_phnum; i++) {
		ElfW(Phdr) segment;

		if (!read_item(fd, header->e_phoff, i, &segment, sizeof(segment)))
			return false;
		if (segment.p_type == PT_NOTE)
			elf->is_go |= has_go_note(fd, &segment);
		if (segment.p_type == PT_DYNAMIC && elf->kind == ELF_LIBRARY)
			is_program |= is_linked_as_program(fd, &segment);
		if (segment.p_type == PT_INTERP && elf->kind != ELF_DYNAMIC) {
			if (!read_loader(fd, &segment, elf->loader))
				return false;
			elf->kind = ELF_DYNAMIC;
		}
	}
	if (elf->kind == ELF_LIBRARY && is_program)
		elf->kind = ELF_STATIC;
	return true;
}

static void read_own(int fd, struct elf *elf)
{
	ElfW(Ehdr) header;

	if (!read_at(fd, 0, &header, sizeof(header)) ||
	    (header.e_type != ET_EXEC && header.e_type != ET_DYN) ||
	    header.e_phentsize != sizeof(ElfW(Phdr)) || header.e_phnum == 0 ||
	    header.e_phnum > MOST_SEGMENTS)
		return;
	if (!read_segments(fd, &header, elf)) {
		elf->kind = ELF_NONE;
		return;
	}
	elf->is_go = elf->is_go || has_go_section(fd, &header);
}

static uint16_t machine_of(const Elf32_Ehdr *header)
{
	uint16_t machine = header->e_machine;

	return header->e_ident[EI_DATA] == OWN_DATA ? machine : __builtin_bswap16(machine);
}

void elf_read(int fd, struct elf *elf)
{
	Elf32_Ehdr header; /* up to e_machine both classes are alike */

	memset(elf, 0, sizeof(*elf));
	if (!read_at(fd, 0, &header, sizeof(header)) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return;
	elf->machine = machine_of(&header);
	elf->bits = header.e_ident[EI_CLASS] == ELFCLASS32 ? 32 : 64;
	if (elf->machine == OWN_MACHINE && header.e_ident[EI_CLASS] == OWN_CLASS &&
	    header.e_ident[EI_DATA] == OWN_DATA)
		read_own(fd, elf);
	else
		elf->kind = ELF_FOREIGN;
}

const char *elf_architecture(const struct elf *elf)
{
	static char text[32];

	switch (elf->machine) {
	case EM_386:
		return "32-bit x86";
	case EM_X86_64:
		return elf->bits == 64 ? "x86-64" : "x32";
	case EM_ARM:
		return "32-bit Arm";
	case EM_AARCH64:
		return "aarch64";
	case EM_RISCV:
		return "RISC-V";
	case EM_PPC64:
		return "POWER";
	case EM_S390:
		return "s390";
	default:
		snprintf(text, sizeof(text), "machine %u of elf.h", (unsigned int)elf->machine);
		return text;
	}
}

const char *elf_own_architecture(void)
{
	const struct elf own = {.machine = OWN_MACHINE, .bits = OWN_BITS};

	return elf_architecture(&own);
}
