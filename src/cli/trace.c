/* SPDX-License-Identifier: ISC */
#include "cli/trace.h"

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"

#define LINE_SIZE	4200
#define PROGRESS_WIDTH	60
#define REDRAWN_MS	250
#define OCTETS_LEAST	(1024 * 1024)
#define MESSAGES_LEAST	2

/* How long all that we write may wait for its reader, and then how often the
 * write is interrupted, should the first time have come too early. */
#define PATIENCE	{ .it_value = { .tv_sec = 3 }, \
	.it_interval = { .tv_usec = 50000 } }

static struct {
	struct itimerval patience;
	bool		 is_given_up;
	bool		 is_drawn;	/* there is a line of progress */
	int64_t		 redraw_at;	/* clock_ms */
} trace = { .patience = PATIENCE };

static void
interrupt(int number)
{
	(void)number;
}

/* False when the reader was too slow for what is left of the patience. */
static bool
write_in_time(const char *text, size_t len)
{
	static const struct itimerval never;
	struct sigaction sa = { .sa_handler = interrupt }, old;
	struct itimerval left;
	ssize_t n = 0;

	sigemptyset(&sa.sa_mask);	/* and no SA_RESTART */
	sigaction(SIGALRM, &sa, &old);
	setitimer(ITIMER_REAL, &trace.patience, NULL);
	while (len != 0 && (n = write(STDERR_FILENO, text, len)) > 0) {
		text += n;
		len -= (size_t)n;
	}
	setitimer(ITIMER_REAL, &never, &left);
	sigaction(SIGALRM, &old, NULL);
	trace.patience.it_value = left.it_value;
	return n > 0;
}

/* Written is what happens in a session with the server, while we hold one of the
 * mailbox's connections: a caller who does not read his stderr must not keep
 * that from others, and loses the rest of his trace. */
static void
say(const char *text, int len)
{
	if (!trace.is_given_up)
		trace.is_given_up = !write_in_time(text, (size_t)len);
}

void
trace_line(void *context, char direction, const char *line)
{
	char text[LINE_SIZE];
	int len;

	(void)context;
	trace_end();
	len = snprintf(text, sizeof text, "%s%s\n",
	    direction == '>' ? ">>> " : "", line);
	if (len >= (int)sizeof text) {
		len = sizeof text - 1;
		text[len - 1] = '\n';
	}
	say(text, len);
}

/* Over the whole width: there may have been a longer one before.  Blanks need no
 * knowledge of the terminal. */
static void
draw(const char *progress)
{
	char text[PROGRESS_WIDTH + 3];
	int len = snprintf(text, sizeof text, "\r%-*.*s\r", PROGRESS_WIDTH,
	    PROGRESS_WIDTH, progress);

	say(text, len);
	trace.is_drawn = *progress != '\0';
}

static bool
is_time(void)
{
	int64_t now = clock_ms();

	if (now < trace.redraw_at || isatty(STDERR_FILENO) != 1)
		return false;
	trace.redraw_at = now + REDRAWN_MS;
	return true;
}

void
trace_octets(void *context, int64_t done, int64_t whole)
{
	char text[PROGRESS_WIDTH];

	(void)context;
	if (whole < OCTETS_LEAST || !is_time())
		return;
	snprintf(text, sizeof text, "%" PRId64 " of %" PRId64 " MB sent",
	    done >> 20, whole >> 20);
	draw(text);
}

void
trace_messages(void *context, int64_t done, int64_t whole)
{
	char text[PROGRESS_WIDTH];

	(void)context;
	if (whole < MESSAGES_LEAST || !is_time())
		return;
	snprintf(text, sizeof text, "message %" PRId64 " of %" PRId64, done + 1,
	    whole);
	draw(text);
}

void
trace_end(void)
{
	if (trace.is_drawn)
		draw("");
	trace.redraw_at = 0;
}
