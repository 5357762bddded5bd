/* SPDX-License-Identifier: ISC */
#include "queue/limits_window.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "queue/limits.h"
#include "queue/state_file.h"

#define COUNT_MAX	1000000
#define MINUTE_BUCKET	1000	/* milliseconds */
#define HOUR_BUCKET	60000

/* One number of at most 15 digits; NULL if there is none. */
static const char *
take_number(const char *p, int64_t *value)
{
	const char *start = p;

	*value = 0;
	while (*p >= '0' && *p <= '9' && p - start < 15)
		*value = *value * 10 + (*p++ - '0');
	return p == start ? NULL : p;
}

void
window_parse(struct window *w, const char *text, int64_t bucket_ms,
    int64_t now_ms)
{
	int64_t bucket, count, age;
	const char *p = text;

	memset(w, 0, sizeof *w);
	w->bucket_ms = bucket_ms;
	w->last = now_ms / bucket_ms;
	while ((p = take_number(p, &bucket)) != NULL && *p == ':' &&
	    (p = take_number(p + 1, &count)) != NULL) {
		age = w->last - bucket;
		if (age >= 0 && age < WINDOW_BUCKETS && count <= COUNT_MAX)
			w->counts[WINDOW_BUCKETS - 1 - age] = count;
		if (*p++ != ',')
			break;
	}
}

void
window_format(const struct window *w, struct buf *out)
{
	int i;

	for (i = 0; i < WINDOW_BUCKETS; i++)
		if (w->counts[i] != 0)
			buf_addf(out, "%s%" PRId64 ":%" PRId64,
			    out->len != 0 ? "," : "",
			    w->last - (WINDOW_BUCKETS - 1 - i), w->counts[i]);
}

int64_t
window_wait(const struct window *w, int64_t limit, int64_t more,
    int64_t now_ms)
{
	int64_t total = more < limit ? more : limit;
	int i;

	for (i = 0; i < WINDOW_BUCKETS; i++)
		total += w->counts[i];
	if (total <= limit)
		return 0;
	/* The oldest leave first: how many must have left? */
	for (i = 0; i < WINDOW_BUCKETS - 1; i++)
		if ((total -= w->counts[i]) <= limit)
			break;
	return (w->last + i + 1) * w->bucket_ms - now_ms;
}

void
window_count(struct window *w, int64_t more)
{
	w->counts[WINDOW_BUCKETS - 1] += more;
}

/* A window on file. */
struct stored {
	char	 boot[CLOCK_BOOT_SIZE];
	char	*counts;
};

#define AT(member) offsetof(struct stored, member)
static const struct field stored_fields[] = {
	FIELD_CHECKED("boot", FIELD_CHARS, AT(boot), 39, sealed_is_name),
	FIELD_CHECKED("counts", FIELD_TEXT, AT(counts), 4096, sealed_is_line),
	FIELD_LAST
};
#undef AT

/* Times since boot mean nothing after the next one; a minute or an hour of
 * counting is then forgotten. */
static void
load(struct state_file *f, struct window *w, int64_t bucket_ms,
    int64_t now_ms)
{
	struct stored stored = { .counts = NULL };
	bool is_known;
	char boot[CLOCK_BOOT_SIZE];

	clock_boot(boot);
	is_known = state_file_read(f, stored_fields, &stored, NULL,
	    NULL) == 0 && stored.counts != NULL &&
	    strcmp(stored.boot, boot) == 0;
	window_parse(w, is_known ? stored.counts : "", bucket_ms, now_ms);
	sealed_release(stored_fields, &stored);
}

static void
store(struct state_file *f, const struct window *w)
{
	struct stored stored;
	struct buf text;

	buf_init(&text, 4096);
	window_format(w, &text);
	clock_boot(stored.boot);
	stored.counts = text.data;
	if (!text.overflow)
		(void)state_file_write(f, stored_fields, &stored, NULL, NULL);
	buf_release(&text);
}

/* Counts, or says how long to wait.  The file is locked. */
static int64_t
count_in(struct state_file *f, int64_t bucket_ms, int64_t limit, int64_t more)
{
	int64_t now = clock_ms(), wait;
	struct window w;

	load(f, &w, bucket_ms, now);
	if ((wait = window_wait(&w, limit, more, now)) == 0) {
		window_count(&w, more);
		store(f, &w);
	}
	return wait;
}

/* Opens what was not opened before. */
static int
open_minute(struct state_file *f, const struct config *c,
    const struct account *a)
{
	char key[STATE_KEY_SIZE];

	if (f->directory != -1)
		return state_file_resume(f);
	state_file_key(key, a);
	return state_file_open(f, c, "rate", key, true);
}

int
limits_count_message(struct state_file *minute, const struct config *c,
    const struct account *a, int64_t *wait_ms, struct status *st)
{
	*wait_ms = 0;
	if (a->messages_per_minute <= 0 || open_minute(minute, c, a) == -1)
		return 0;
	*wait_ms = count_in(minute, MINUTE_BUCKET, a->messages_per_minute, 1);
	state_file_yield(minute);
	if (*wait_ms == 0)
		return 0;
	status_set(st, EX_TEMPFAIL, "account %s: this host has sent %d "
	    "messages within a minute", a->name, a->messages_per_minute);
	st->scope = SCOPE_ACCOUNT;
	status_hint(st, "it passes within a minute; messages-per-minute is this "
	    "host's share of what the mailbox may send");
	return 1;
}

int64_t
limits_minute_until(const struct config *c, const struct account *a)
{
	int64_t now = clock_ms(), wait_ms;
	char key[STATE_KEY_SIZE];
	struct state_file f;
	struct window w;

	state_file_key(key, a);
	if (a->messages_per_minute <= 0 ||
	    state_file_open(&f, c, "rate", key, false) == -1)
		return 0;
	load(&f, &w, MINUTE_BUCKET, now);
	state_file_close(&f);
	wait_ms = window_wait(&w, a->messages_per_minute, 1, now);
	return wait_ms != 0 ? clock_wall() + (wait_ms + 999) / 1000 : 0;
}

int
limits_count_user(const struct config *c, uid_t uid, struct status *st)
{
	struct state_file f;
	int64_t wait;
	char key[24];

	if (uid == 0 || c->user_messages_per_hour <= 0)
		return 0;
	if (limits_check_caller(st) == -1)
		return 1;
	snprintf(key, sizeof key, "%lu", (unsigned long)uid);
	if (state_file_open(&f, c, "user", key, true) == -1)
		return 0;
	wait = count_in(&f, HOUR_BUCKET, c->user_messages_per_hour, 1);
	state_file_close(&f);
	if (wait == 0)
		return 0;
	status_set(st, EX_TEMPFAIL, "uid %lu has sent %d messages within an "
	    "hour", (unsigned long)uid, c->user_messages_per_hour);
	status_hint(st, "user-messages-per-hour sets how many a user may send");
	return 1;
}
