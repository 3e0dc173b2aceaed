/* SPDX-License-Identifier: MIT */
/* Host names as text. <ctype.h> would ask the locale, so it is not used. */
#include "hostname.h"

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static char lower(char byte)
{
	if (byte >= 'A' && byte <= 'Z')
		return (char)(byte | 0x20);
	return byte;
}

static bool is_hex(char byte)
{
	return is_digit(byte) || (lower(byte) >= 'a' && lower(byte) <= 'f');
}

/* Underscores are not host names to RFC 952, but the DNS and people use them. */
static bool is_allowed(char byte)
{
	return is_digit(byte) || (lower(byte) >= 'a' && lower(byte) <= 'z') || byte == '-' ||
	       byte == '_';
}

static bool is_foreign(char byte)
{
	return (unsigned char)byte >= 0x80;
}

static size_t label_length(const char *name, size_t length)
{
	size_t count = 0;

	while (count < length && name[count] != '.')
		count++;
	return count;
}

static size_t without_final_dot(const char *name, size_t length)
{
	return length > 1 && name[length - 1] == '.' ? length - 1 : length;
}

static const char *byte_fault(const char *name, size_t length, size_t *at)
{
	for (size_t i = 0; i < length; i++) {
		*at = i;
		if (is_foreign(name[i]))
			return " is not ASCII: write the name in its xn-- form";
		if (name[i] == '*')
			return " has a * out of place: it stands alone or begins *.name";
		if (name[i] != '.' && !is_allowed(name[i]))
			return " has a character that host names do not have";
	}
	return NULL;
}

static const char *label_fault(const char *name, size_t length, size_t *at, size_t *width)
{
	for (size_t i = 0; i <= length; i += *width + 1) {
		*at = i;
		*width = label_length(name + i, length - i);
		if (*width == 0)
			return " has an empty label";
		if (*width > HOSTNAME_LABEL_MOST)
			return " has a label of more than 63 characters";
	}
	return NULL;
}

const char *hostname_fault(const char *name, size_t length, size_t *at, size_t *width)
{
	const char *fault;

	length = without_final_dot(name, length);
	*width = 1;
	fault = byte_fault(name, length, at);
	if (!fault)
		fault = label_fault(name, length, at, width);
	if (fault)
		return fault;
	*at = 0;
	*width = length;
	if (length > HOSTNAME_MOST)
		return " is longer than a host name may be, 253 characters";
	if (hostname_is_numeric(name, length))
		return " is neither a host name nor an IPv4 address";
	return NULL;
}

static bool label_is_number(const char *label, size_t length)
{
	bool hex = length >= 2 && label[0] == '0' && lower(label[1]) == 'x';

	for (size_t i = hex ? 2 : 0; i < length; i++) {
		if (!is_digit(label[i]) && !(hex && is_hex(label[i])))
			return false;
	}
	return length > 0;
}

bool hostname_is_numeric(const char *name, size_t length)
{
	length = without_final_dot(name, length);
	for (size_t i = 0; i < length; i++) {
		if (name[i] == ':')
			return true;
	}
	for (size_t i = 0; i <= length;) {
		size_t width = label_length(name + i, length - i);

		if (!label_is_number(name + i, width))
			return false;
		i += width + 1;
	}
	return true;
}

bool hostname_is_foreign(const char *name)
{
	while (*name && !is_foreign(*name))
		name++;
	return *name != '\0';
}

size_t hostname_fold(char *to, const char *name, size_t length)
{
	length = without_final_dot(name, length);
	for (size_t i = 0; i < length; i++)
		to[i] = lower(name[i]);
	to[length] = '\0';
	return length;
}
