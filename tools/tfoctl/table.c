/* SPDX-License-Identifier: MIT */
/* The memory as a table, its columns as wide as what stands in them. */
#include "place.h"
#include "status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum column {
	DESTINATION,
	NAME,
	CONNECTIONS,
	IN_SYN,
	NOT_ACKED,
	LOST,
	FAILED,
	RTT,
	ROUND_TRIPS_SAVED,
	TIME_SAVED,
	SUSPENDED,
	COLUMNS,
};

static const char *const titles[COLUMNS] = {
	[DESTINATION] = "DESTINATION", [NAME] = "NAME",
	[CONNECTIONS] = "CONNECTIONS", [IN_SYN] = "IN SYN",
	[NOT_ACKED] = "NOT ACKED",     [LOST] = "LOST",
	[FAILED] = "FAILED",	       [RTT] = "RTT",
	[TIME_SAVED] = "TIME SAVED",   [ROUND_TRIPS_SAVED] = "ROUND TRIPS SAVED",
	[SUSPENDED] = "SUSPENDED",
};

struct row {
	char cells[COLUMNS][96];
};

static bool is_number(enum column column)
{
	return column >= CONNECTIONS && column <= TIME_SAVED;
}

static void write_count(struct row *row, enum column column, uint64_t count)
{
	snprintf(row->cells[column], sizeof(row->cells[column]), "%" PRIu64, count);
}

static void write_text(struct row *row, enum column column, const char *text)
{
	snprintf(row->cells[column], sizeof(row->cells[column]), "%s", *text ? text : "-");
}

/* Three digits or so, in the unit that suits them. */
static void duration_text(uint64_t us, char *text, size_t size)
{
	const struct {
		double us;
		const char *name;
	} units[] = {{1, "us"}, {1e3, "ms"}, {1e6, "s"}, {60e6, "min"}, {3600e6, "h"}};
	size_t unit = 0;
	double amount;

	if (us == 0) {
		snprintf(text, size, "-");
		return;
	}
	while (unit + 1 < sizeof(units) / sizeof(*units) && (double)us >= units[unit + 1].us)
		unit++;
	amount = (double)us / units[unit].us;
	snprintf(text, size, "%.*f %s", unit > 0 && amount < 100, amount, units[unit].name);
}

static void write_duration(struct row *row, enum column column, uint64_t us)
{
	duration_text(us, row->cells[column], sizeof(row->cells[column]));
}

/* Local time; with its date if that is another day. */
static void local_time_text(uint32_t time_s, char *text, size_t size)
{
	const time_t then = (time_t)time_s, now = time(NULL);
	struct tm then_tm, now_tm;
	bool today;

	text[0] = '\0';
	if (!localtime_r(&then, &then_tm) || !localtime_r(&now, &now_tm))
		return;
	today = then_tm.tm_year == now_tm.tm_year && then_tm.tm_yday == now_tm.tm_yday;
	if (strftime(text, size, today ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &then_tm) == 0)
		text[0] = '\0';
}

static void write_suspension(struct row *row, const struct remembered *remembered)
{
	const char *reason = memory_reason_text(remembered->reason);
	char *cell = row->cells[SUSPENDED], until[32];
	size_t size = sizeof(row->cells[SUSPENDED]);

	if (remembered->suspended_until_s) {
		local_time_text(remembered->suspended_until_s, until, sizeof(until));
		snprintf(cell, size, "until %s: %s", until, reason);
	} else if (remembered->strikes) {
		snprintf(cell, size, "%u strike%s: %s", remembered->strikes,
			 remembered->strikes == 1 ? "" : "s", reason);
	} else {
		snprintf(cell, size, "-");
	}
}

static struct row row_of(const struct remembered *remembered)
{
	char place[PLACE_TEXT_SIZE];
	struct row row;

	write_text(&row, DESTINATION, place_text(&remembered->address.any, place));
	write_text(&row, NAME, remembered->name);
	write_count(&row, CONNECTIONS, remembered->connections);
	write_count(&row, IN_SYN, remembered->in_syn);
	write_count(&row, NOT_ACKED, remembered->not_acknowledged);
	write_count(&row, LOST, remembered->lost);
	write_count(&row, FAILED, remembered->failed);
	write_duration(&row, RTT, remembered->rtt_us);
	write_count(&row, ROUND_TRIPS_SAVED, remembered->round_trips_saved);
	write_duration(&row, TIME_SAVED, remembered->saved_us);
	write_suspension(&row, remembered);
	return row;
}

struct totals {
	uint64_t connections, in_syn, not_acknowledged, lost, failed, round_trips_saved, saved_us;
};

static struct totals total(const struct snapshot *snapshot)
{
	struct totals totals = {0};

	for (size_t i = 0; i < snapshot->count; i++) {
		const struct remembered *remembered = &snapshot->destinations[i];

		totals.connections += remembered->connections;
		totals.in_syn += remembered->in_syn;
		totals.not_acknowledged += remembered->not_acknowledged;
		totals.lost += remembered->lost;
		totals.failed += remembered->failed;
		totals.round_trips_saved += remembered->round_trips_saved;
		totals.saved_us += remembered->saved_us;
	}
	return totals;
}

static struct row total_row(const struct snapshot *snapshot)
{
	struct totals totals = total(snapshot);
	struct row row = {0};

	write_text(&row, DESTINATION, "total");
	write_count(&row, CONNECTIONS, totals.connections);
	write_count(&row, IN_SYN, totals.in_syn);
	write_count(&row, NOT_ACKED, totals.not_acknowledged);
	write_count(&row, LOST, totals.lost);
	write_count(&row, FAILED, totals.failed);
	write_count(&row, ROUND_TRIPS_SAVED, totals.round_trips_saved);
	write_duration(&row, TIME_SAVED, totals.saved_us);
	return row;
}

static struct row title_row(void)
{
	struct row row;

	for (enum column column = 0; column < COLUMNS; column++)
		write_text(&row, column, titles[column]);
	return row;
}

static void measure(const struct row *row, int widths[COLUMNS])
{
	for (enum column column = 0; column < COLUMNS; column++) {
		int width = (int)strlen(row->cells[column]);

		if (widths[column] < width)
			widths[column] = width;
	}
}

static void print_row(FILE *to, const struct row *row, const int widths[COLUMNS])
{
	char line[COLUMNS * (sizeof(row->cells[0]) + 2)];
	int length = 0;

	for (enum column column = 0; column < COLUMNS; column++) {
		int width = is_number(column) ? widths[column] : -widths[column];

		length += snprintf(line + length, sizeof(line) - (size_t)length, "%*s  ", width,
				   row->cells[column]);
	}
	while (length > 0 && line[length - 1] == ' ')
		length--;
	fprintf(to, "%.*s\n", length, line);
}

static void print_rows(FILE *to, const struct row *rows, size_t count)
{
	int widths[COLUMNS] = {0};

	for (size_t i = 0; i < count; i++)
		measure(&rows[i], widths);
	for (size_t i = 0; i < count; i++)
		print_row(to, &rows[i], widths);
}

static void print_destinations(FILE *to, const struct snapshot *snapshot)
{
	size_t count = snapshot->count + 2;
	struct row *rows = calloc(count, sizeof(*rows));

	if (!rows) {
		fputs("not enough memory for the table\n", to);
		return;
	}
	rows[0] = title_row();
	for (size_t i = 0; i < snapshot->count; i++)
		rows[i + 1] = row_of(&snapshot->destinations[i]);
	rows[count - 1] = total_row(snapshot);
	print_rows(to, rows, count);
	free(rows);
}

static void print_trial(FILE *to, const struct remembered_trial *trial)
{
	char treated[32], control[32], until[32];

	duration_text(trial->treated_median_us, treated, sizeof(treated));
	duration_text(trial->control_median_us, control, sizeof(control));
	fprintf(to, "%s\n  median to first byte: %s over %u with, %s over %u without", trial->rule,
		treated, trial->treated_count, control, trial->control_count);
	if (trial->suspended_until_s) {
		local_time_text(trial->suspended_until_s, until, sizeof(until));
		fprintf(to, "; suspended until %s: no gain", until);
	}
	fputc('\n', to);
}

static void print_head(FILE *to, const struct snapshot *snapshot)
{
	char until[32];

	if (snapshot->file)
		fprintf(to, "memory: %s", snapshot->file);
	else
		fputs("memory: no file in use, each process remembers for itself", to);
	if (snapshot->paused_until_s) {
		local_time_text(snapshot->paused_until_s, until, sizeof(until));
		fprintf(to, "; all Fast Open pauses until %s", until);
	}
	fputs("\n\n", to);
}

void print_table(FILE *to, const struct snapshot *snapshot)
{
	print_head(to, snapshot);
	if (snapshot->count)
		print_destinations(to, snapshot);
	else
		fputs("nothing remembered yet\n", to);
	if (snapshot->trial_count)
		fputs("\nrules with a control group\n", to);
	for (size_t i = 0; i < snapshot->trial_count; i++)
		print_trial(to, &snapshot->trials[i]);
}
