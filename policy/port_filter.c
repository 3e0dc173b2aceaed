/* SPDX-License-Identifier: MIT */
/* Filling a filter of ports. Asking it is in the header. */
#include "port_filter.h"

#include <string.h>

/* From here on the high bytes come round again. */
#define FILTER_PORTS 8192

const struct port_filter port_filter_of_none;

/* Plain enough for the compiler to take several rows at once. */
static void add_of_high_byte(struct port_filter *filter, unsigned int high, unsigned int first_low,
			     unsigned int last_low)
{
	for (unsigned int low = first_low; low <= last_low; low++)
		filter->rows[low] |= 1u << high % 32;
}

void port_filter_add(struct port_filter *filter, uint16_t first, uint16_t last)
{
	if (last - first >= FILTER_PORTS - 1) {
		memset(filter, 0xff, sizeof(*filter));
		return;
	}
	for (unsigned int high = first >> 8; high <= last >> 8; high++)
		add_of_high_byte(filter, high, high == first >> 8 ? first & 0xff : 0,
				 high == last >> 8 ? last & 0xff : 0xff);
}

void port_filter_join(struct port_filter *filter, const struct port_filter *other)
{
	for (unsigned int row = 0; row < sizeof(filter->rows) / sizeof(filter->rows[0]); row++)
		filter->rows[row] |= other->rows[row];
}
