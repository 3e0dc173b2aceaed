/* SPDX-License-Identifier: MIT */
/*
 * One DNS query over TCP (RFC 1035 section 4.2.2). Asking twice is answered twice; updates,
 * notifications, key exchanges and zone transfers are something else and are refused.
 */
#include "scan.h"

#define HEADER_LENGTH	12
#define QUESTION_LEAST	5 /* the root, type, class */
#define NAME_MOST	255
#define LABEL_MOST	63
#define FLAG_RD		0x01 /* in the first byte of flags (RFC 1035 section 4.1.1) */
#define FLAGS_AD_CD	0x30 /* in the second (RFC 4035 section 3.2) */
#define TYPE_OPT	41   /* RFC 6891 */
#define TYPE_TSIG	250  /* RFC 8945 */
#define TYPE_ANY	255
#define ADDITIONAL_MOST 2 /* OPT and TSIG */

struct query {
	struct scan scan;
	size_t left; /* bytes of the message that were not read */
};

static uint8_t message_byte(struct query *query)
{
	scan_expect(&query->scan, query->left > 0);
	if (scan_is_going(&query->scan))
		query->left--;
	return scan_byte(&query->scan);
}

static unsigned int read_number(struct query *query)
{
	unsigned int high = message_byte(query);

	return high << 8 | message_byte(query);
}

static void skip(struct query *query, size_t bytes)
{
	scan_expect(&query->scan, bytes <= query->left);
	while (bytes-- > 0 && scan_is_going(&query->scan))
		message_byte(query);
}

static void read_length(struct query *query)
{
	query->left = (size_t)scan_byte(&query->scan) << 8;
	query->left |= scan_byte(&query->scan);
	scan_expect(&query->scan, query->left >= HEADER_LENGTH + QUESTION_LEAST);
}

/* Returns how many additional records follow. */
static unsigned int read_header(struct query *query)
{
	unsigned int additional;

	read_number(query); /* the id */
	scan_expect(&query->scan, (message_byte(query) & ~FLAG_RD) == 0);
	scan_settle(&query->scan); /* QUERY: no update, no notification */
	scan_expect(&query->scan, (message_byte(query) & ~FLAGS_AD_CD) == 0);
	scan_expect(&query->scan, read_number(query) == 1);
	scan_expect(&query->scan, read_number(query) == 0);
	scan_expect(&query->scan, read_number(query) == 0);
	additional = read_number(query);
	scan_expect(&query->scan, additional <= ADDITIONAL_MOST);
	return additional;
}

/* Without compression: nothing stands before the question that it could point at, and behind it a
 * pointer only costs the query its ride in the SYN. */
static void read_name(struct query *query)
{
	size_t length = 0;
	uint8_t label;

	do {
		label = message_byte(query);
		length += 1U + label;
		scan_expect(&query->scan, label <= LABEL_MOST && length <= NAME_MOST);
		skip(query, label);
	} while (label > 0 && scan_is_going(&query->scan));
}

/* From 128 to 254 are meta types: key exchange, zone transfers (RFC 6895 section 3.1). */
static bool is_plain_type(unsigned int type)
{
	return type > 0 && type != TYPE_OPT && (type < 128 || type >= TYPE_ANY);
}

static void read_question(struct query *query)
{
	read_name(query);
	scan_expect(&query->scan, is_plain_type(read_number(query)));
	read_number(query); /* the class */
}

static void read_additional(struct query *query)
{
	unsigned int type;

	read_name(query);
	type = read_number(query);
	scan_expect(&query->scan, type == TYPE_OPT || type == TYPE_TSIG);
	read_number(query); /* the class */
	skip(query, 4);	    /* time to live */
	skip(query, read_number(query));
}

enum payload_verdict payload_dns(const uint8_t *bytes, size_t length)
{
	struct query query = {.scan = scan_of(bytes, length)};
	unsigned int additional;

	read_length(&query);
	additional = read_header(&query);
	read_question(&query);
	while (additional-- > 0 && scan_is_going(&query.scan))
		read_additional(&query);
	scan_expect(&query.scan, query.left == 0);
	scan_expect_end(&query.scan);
	return scan_verdict(&query.scan);
}
