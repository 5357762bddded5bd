/* SPDX-License-Identifier: ISC
 *
 * Whether anything runs the queue.
 */
#include "cli/check_step.h"

#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/safefile.h"
#include "queue/spool.h"

#define OVERDUE		(15 * 60)	/* a runner comes every minute */
#define PEEK_MAX	20		/* waiting messages looked at */
#define FILE_MAX	(64 * 1024)	/* of a unit or a cron.d file */
#define SERVICE		"mailbearer-queue.service"
#define TIMER		"mailbearer-queue.timer"
#define CRON		CRONDIR "/mailbearer"

/* How long the most overdue of the oldest messages has been due, 0 if none. */
static int64_t
find_overdue(const struct config *c)
{
	struct status st = STATUS_INIT;
	int64_t now = clock_wall(), overdue = 0;
	struct spool_entry e;
	size_t i, count = 0;
	char **ids = NULL;
	struct spool s;

	if (spool_open(&s, c, &st) == -1)
		return 0;
	if (spool_list(&s, false, &ids, &count, &st) == 0) {
		for (i = 0; i < count && i < PEEK_MAX; i++) {
			if (spool_peek(&s, ids[i], false, &e, &st) != 0)
				continue;
			if (now - e.next_attempt > overdue)
				overdue = now - e.next_attempt;
			spool_entry_release(&e);
		}
		spool_ids_free(ids, count);
	}
	spool_close(&s);
	return overdue;
}

/* As a whole word, after what systemd.service(5) lets stand before a command. */
static bool
has_word(const char *line, size_t len, const char *word)
{
	const char *at = line, *end = line + len;
	size_t n = strlen(word);

	while ((at = memmem(at, (size_t)(end - at), word, n)) != NULL) {
		if ((at == line || strchr(" \t=\"'@-:+!", at[-1]) != NULL) &&
		    (at + n == end || strchr(" \t\"'", at[n]) != NULL))
			return true;
		at += n;
	}
	return false;
}

bool
check_timer_runs(const char *text, const char *program)
{
	size_t len;

	for (; *text != '\0'; text += len + (text[len] != '\0')) {
		len = strcspn(text, "\n");
		if (text[strspn(text, " \t")] != '#' &&
		    has_word(text, len, program))
			return true;
	}
	return false;
}

static bool
file_runs(const char *path)
{
	struct status ignored = STATUS_INIT;
	const struct trust root = { 0, 0 };
	struct buf text;
	bool runs = safefile_read(path, TRUST_CONFIG, &root, FILE_MAX, &text,
	    &ignored) == 0 &&
	    (check_timer_runs(text.data, SBINDIR "/sendmail") ||
	    check_timer_runs(text.data, SBINDIR "/mailbearer"));

	buf_release(&text);
	return runs;
}

/* The first that is there is the one that counts, systemd.unit(5). */
static const char *
find_service(void)
{
	static const char *const paths[] = {
		"/etc/systemd/system/" SERVICE, "/run/systemd/system/" SERVICE,
		"/usr/local/lib/systemd/system/" SERVICE,
		"/usr/lib/systemd/system/" SERVICE, "/lib/systemd/system/" SERVICE,
	};
	struct stat sb;
	size_t i;

	for (i = 0; i < sizeof paths / sizeof *paths; i++)
		if (lstat(paths[i], &sb) == 0)
			return paths[i];
	return SERVICE;
}

/* What runs the queue, NULL if nothing does, and in which file that is said. */
static const char *
find_timer(const char **file)
{
	static const char enabled[] =
	    "/etc/systemd/system/timers.target.wants/" TIMER;
	struct stat sb;

	if (stat("/run/systemd/system", &sb) == 0) {
		*file = find_service();
		return lstat(enabled, &sb) == 0 ? TIMER : NULL;
	}
	*file = CRON;
	return stat(CRON, &sb) == 0 ? CRON : NULL;
}

static void
no_timer(struct check_result *r)
{
	check_ok(r, "neither " TIMER " nor " CRON);
	check_fail(r, EX_CONFIG, "nothing runs the queue: mail that cannot be "
	    "sent at once would wait for ever",
	    "systemctl enable --now " TIMER "\n"
	    "or, without systemd, have the user " MAILBEARER_USER
	    " run sendmail -q every minute from cron");
}

static void
late(struct check_result *r, int64_t overdue)
{
	char span[CLOCK_SPAN_SIZE];

	clock_span(span, overdue, 0);
	check_ok(r, "a message was due %s", span);
	check_fail(r, EX_CONFIG, "nothing runs the queue, or the runner fails",
	    "see systemctl status " TIMER ", or " CRON " and whether cron runs; "
	    "mailbearer queue retry sends what waits now");
}

void
check_timer(struct check *k, struct check_result *r)
{
	int64_t overdue = find_overdue(&k->config);
	const char *file, *timer = find_timer(&file);

	if (overdue > OVERDUE)
		late(r, overdue);
	else if (k->config.given) {
		check_ok(r, "the timer does not look into this spool");
		check_doubt(r, "what is installed runs /etc/mailbearer.conf's "
		    "spool and not that of a file given by -C",
		    "have cron run, every minute: mailbearer sendmail -C FILE "
		    "-q");
	} else if (timer == NULL)
		no_timer(r);
	else if (file_runs(file))
		check_ok(r, "%s runs the queue every minute", timer);
	else {
		check_ok(r, "%s does not run " SBINDIR "/sendmail", file);
		check_doubt(r, "it belongs to another installation, or is empty: "
		    "mail that cannot be sent at once may wait for ever",
		    "have cron run, every minute: " SBINDIR "/sendmail -q");
	}
}
