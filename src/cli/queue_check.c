/* SPDX-License-Identifier: ISC */
#include "cli/queue_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/record.h"
#include "cli/listing.h"
#include "config/value.h"

static const struct measure {
	const char	*option, *name, *unit;
	int		(*parse)(const char *text, int64_t *n);
	int64_t		 warning, critical;
} measures[MEASURES] = {
	[MEASURE_OLDEST] = { "--oldest", "oldest", "s", value_duration,
	    3600, 86400 },
	[MEASURE_WAITING] = { "--waiting", "waiting", "", value_number,
	    100, 1000 },
	[MEASURE_FAILED] = { "--failed", "failed", "", value_number, 1, 0 },
};

static const char *const names[] = {
	"OK", "WARNING", "CRITICAL", "UNKNOWN"
};

/* "WARNING,CRITICAL"; one alone leaves the other never to be reached. */
static int
parse_limits(const struct measure *m, const char *text, int64_t *warning,
    int64_t *critical, struct status *st)
{
	const char *comma = strchr(text, ',');
	size_t len = comma != NULL ? (size_t)(comma - text) : strlen(text);
	char first[32];

	snprintf(first, sizeof first, "%.*s", len < sizeof first ? (int)len : 0,
	    text);
	*critical = 0;
	if (m->parse(first, warning) == 0 &&
	    (comma == NULL || m->parse(comma + 1, critical) == 0))
		return 0;
	status_set(st, EX_USAGE, "%s %s cannot be read", m->option, text);
	return status_hint(st, "WARNING or WARNING,CRITICAL, 0 for never, such "
	    "as --oldest 1h,1d --waiting 100,1000 --failed 1");
}

int
queue_check_options(struct queue_check *check, struct arguments *a,
    struct status *st)
{
	const struct measure *m;
	const char *text;
	size_t i;

	for (i = 0; i < MEASURES; i++) {
		m = &measures[i];
		check->value[i] = 0;
		check->warning[i] = m->warning;
		check->critical[i] = m->critical;
		text = NULL;
		if (admin_value(a, m->option, &text, st) == -1)
			return -1;
		if (text != NULL && parse_limits(m, text, &check->warning[i],
		    &check->critical[i], st) == -1)
			return -1;
	}
	return 0;
}

int
queue_check_measure(struct queue_check *check, struct queue *q,
    struct status *st)
{
	struct listing waiting, failed;
	int64_t now = clock_wall();

	if (listing_read(&waiting, &q->spool, false, st) == -1)
		return -1;
	check->value[MEASURE_WAITING] = (int64_t)waiting.count;
	if (waiting.oldest != 0 && waiting.oldest < now)
		check->value[MEASURE_OLDEST] = now - waiting.oldest;
	listing_release(&waiting);
	if (listing_read(&failed, &q->spool, true, st) == -1)
		return -1;
	check->value[MEASURE_FAILED] = (int64_t)failed.count;
	listing_release(&failed);
	return 0;
}

static bool
reached(int64_t value, int64_t limit)
{
	return limit != 0 && value >= limit;
}

int
queue_check_judge(const struct queue_check *check)
{
	int worst = CHECK_OK;
	size_t i;

	for (i = 0; i < MEASURES; i++)
		if (reached(check->value[i], check->critical[i]))
			worst = CHECK_CRITICAL;
		else if (reached(check->value[i], check->warning[i]) &&
		    worst == CHECK_OK)
			worst = CHECK_WARNING;
	return worst;
}

/* An age as people say it, rounded down. */
static void
format_age(char text[VALUE_SIZE], int64_t seconds)
{
	static const struct { int64_t seconds; char unit; } units[] = {
		{ 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' },
	};
	size_t i = 0;

	while (seconds < 2 * units[i].seconds && units[i].seconds > 1)
		i++;
	snprintf(text, VALUE_SIZE, "%" PRId64 "%c", seconds / units[i].seconds,
	    units[i].unit);
}

/* 'label'=value[unit];[warning];[critical];minimum: the guidelines of the
 * monitoring plugins. */
static void
print_performance(const struct queue_check *check)
{
	size_t i;

	for (i = 0; i < MEASURES; i++) {
		printf(" %s=%" PRId64 "%s;", measures[i].name, check->value[i],
		    measures[i].unit);
		if (check->warning[i] != 0)
			printf("%" PRId64, check->warning[i]);
		putchar(';');
		if (check->critical[i] != 0)
			printf("%" PRId64, check->critical[i]);
		fputs(";0", stdout);
	}
	putchar('\n');
}

static void
print_json(const char *state, const struct queue_check *check,
    const char *problem)
{
	struct record *r = record_new();
	struct buf text;
	size_t i;

	record_put_text(r, "state", state);
	for (i = 0; i < MEASURES && check != NULL; i++)
		record_put_number(r, measures[i].name, check->value[i]);
	if (problem != NULL)
		record_put_text(r, "text", problem);
	buf_init(&text, 4096);
	record_format(r, &text);
	puts(text.data);
	buf_release(&text);
	record_free(r);
}

int
queue_check_report(const struct queue_check *check, bool json)
{
	int code = queue_check_judge(check);
	char age[VALUE_SIZE];

	if (json) {
		print_json(names[code], check, NULL);
		return code;
	}
	printf("MAILBEARER %s - %" PRId64 " waiting", names[code],
	    check->value[MEASURE_WAITING]);
	if (check->value[MEASURE_WAITING] != 0) {
		format_age(age, check->value[MEASURE_OLDEST]);
		printf(", the oldest for %s", age);
	}
	printf(", %" PRId64 " failed", check->value[MEASURE_FAILED]);
	/* One line is for programs; a person's screen is not so wide. */
	fputs(isatty(STDOUT_FILENO) ? "\n|" : " |", stdout);
	print_performance(check);
	return code;
}

int
queue_check_unknown(const struct status *st, bool json)
{
	if (json)
		print_json(names[CHECK_UNKNOWN], NULL, st->text);
	else
		printf("MAILBEARER %s - %s%s%s\n", names[CHECK_UNKNOWN],
		    st->text, st->hint[0] != '\0' ? ": " : "", st->hint);
	return CHECK_UNKNOWN;
}
