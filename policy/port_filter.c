/* SPDX-License-Identifier: MIT */
/* Filling a filter of ports. Asking it is in the header. */
#include "port_filter.h"

#include <string.h>

/* From here on the high bytes come round again. */
#define FILTER_PORTS 8192

const struct port_filter port_filter_of_none;

void port_filter_add(struct port_filter *filter, uint16_t first, uint16_t last)
{
	if (last - first >= FILTER_PORTS - 1) {
		memset(filter, 0xff, sizeof(*filter));
		return;
	}
	for (unsigned int port = first; port <= last; port++)
		filter->rows[port & 0xff] |= 1u << (port >> 8) % 32;
}

void port_filter_join(struct port_filter *filter, const struct port_filter *other)
{
	for (unsigned int row = 0; row < sizeof(filter->rows) / sizeof(filter->rows[0]); row++)
		filter->rows[row] |= other->rows[row];
}
