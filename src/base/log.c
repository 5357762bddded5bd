/* SPDX-License-Identifier: ISC */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/* A program has one log.  `ident` is ours because openlog(3) keeps the pointer
 * it is given. */
static struct {
	enum { TO_SYSLOG, TO_STDERR, TO_FILE } target;
	bool	syslog_open;
	char	ident[32];
	int	fd;			/* TO_FILE */
} log_state = { .target = TO_SYSLOG, .ident = "mailbearer", .fd = -1 };

/* No LOG_NDELAY: the socket is made when the first line needs it, after
 * privilege_start() has closed what the caller left open.  Where nobody listens
 * the line is lost; no LOG_CONS, so nothing else happens either. */
static void
to_syslog(int priority, const char *line)
{
	if (!log_state.syslog_open) {
		openlog(log_state.ident, LOG_PID, LOG_MAIL);
		log_state.syslog_open = true;
	}
	syslog(priority, "%s", line);
}

#define LINE_SIZE (sizeof (struct log_event) + 200)	/* with its head */

/* One write per line, so that lines of several processes do not mix. */
static int
write_line(int fd, const char *head, const char *line)
{
	char text[LINE_SIZE];
	int len = snprintf(text, sizeof text, "%s%s\n", head, line);

	if (len < 0 || (size_t)len >= sizeof text)
		return -1;
	return write(fd, text, (size_t)len) == len ? 0 : -1;
}

/* RFC 3339 5.6, local time with its offset. */
static void
file_head(char *head, size_t size)
{
	time_t now = (time_t)clock_wall();
	struct tm tm = { 0 };
	char date[40], zone[8];

	if (localtime_r(&now, &tm) == NULL)
		gmtime_r(&now, &tm);
	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
	strftime(zone, sizeof zone, "%z", &tm);		/* +hhmm */
	snprintf(head, size, "%s%.3s:%s %s[%ld]: ", date, zone, zone + 3,
	    log_state.ident, (long)getpid());
}

/* A caller's limit would cut a line in the middle, and the next one, which may be
 * somebody else's, would stick to what there is of it.  Raised as far as it goes
 * it mostly is none. */
static bool
has_room(int fd)
{
	struct rlimit limit;
	struct stat sb;

	return getrlimit(RLIMIT_FSIZE, &limit) == -1 ||
	    limit.rlim_cur == RLIM_INFINITY || (fstat(fd, &sb) == 0 &&
	    (rlim_t)sb.st_size + LINE_SIZE <= limit.rlim_cur);
}

static void
emit(int priority, const char *line)
{
	char head[150];

	switch (log_state.target) {
	case TO_FILE:
		file_head(head, sizeof head);
		/* A full disk shall not hide what happens. */
		if (!has_room(log_state.fd) ||
		    write_line(log_state.fd, head, line) == -1)
			to_syslog(priority, line);
		break;
	case TO_STDERR:
		snprintf(head, sizeof head, "%s: ", log_state.ident);
		if (write_line(STDERR_FILENO, head, line) == -1)
			to_syslog(priority, line);
		break;
	case TO_SYSLOG:
		to_syslog(priority, line);
	}
}

/* Judges the open file: the name may lead elsewhere than the administrator
 * thinks, and a line would then end up in somebody's file or device. */
static int
open_file(const char *path, struct status *st)
{
	struct stat sb;
	int fd;

	if (path[0] != '/') {
		status_set(st, EX_CONFIG, "log file %s is not an absolute path",
		    path);
		return status_hint(st, "log is \"syslog\", \"stderr\" or a path "
		    "that begins with /");
	}
	/* O_NONBLOCK: a FIFO without a reader must not hold us up. */
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
	    O_NOCTTY | O_NONBLOCK, 0640);
	if (fd == -1) {
		status_set_errno(st, EX_CANTCREAT, "cannot open log file %s",
		    path);
		return status_hint(st, "create %s and let uid %ld write it (no "
		    "symbolic link)", path, (long)geteuid());
	}
	if (fstat(fd, &sb) == -1 || !S_ISREG(sb.st_mode) || sb.st_nlink > 1) {
		close(fd);
		status_set(st, EX_CANTCREAT, "log file %s is not a regular file "
		    "with one name", path);
		return status_hint(st, "name a file of mailbearer's own in "
		    "\"log\"");
	}
	return fd;
}

int
log_open(const char *ident, const char *target, struct status *st)
{
	int fd = -1;

	if (log_state.syslog_open)
		closelog();
	if (log_state.fd != -1)
		close(log_state.fd);
	log_state.syslog_open = false;
	log_state.target = TO_SYSLOG;
	log_state.fd = -1;
	status_printable(log_state.ident, sizeof log_state.ident, ident);

	if (strcmp(target, "syslog") == 0)
		return 0;
	if (strcmp(target, "stderr") == 0) {
		log_state.target = TO_STDERR;
		return 0;
	}
	if ((fd = open_file(target, st)) == -1)
		return -1;
	log_state.fd = fd;
	log_state.target = TO_FILE;
	return 0;
}

void
log_line(int priority, const char *format, ...)
{
	struct log_event raw, line;
	va_list ap;
	int saved = errno;

	va_start(ap, format);
	vsnprintf(raw.line, sizeof raw.line, format, ap);
	va_end(ap);
	status_printable(line.line, sizeof line.line, raw.line);
	emit(priority, line.line);
	errno = saved;
}

/* Adds a byte, keeping one for what must follow and one for the NUL. */
static void
put(struct log_event *e, char c)
{
	if (e->len >= sizeof e->line - 2)
		return;
	e->line[e->len++] = c;
	e->line[e->len] = '\0';
}

static void
put_string(struct log_event *e, const char *s)
{
	while (*s != '\0')
		put(e, *s++);
}

/* A value that is cut for want of room is closed all the same. */
static void
put_quoted(struct log_event *e, const char *value)
{
	put(e, '"');
	for (; *value != '\0'; value++) {
		if (e->len + 4 >= sizeof e->line)
			break;
		if (*value == '"' || *value == '\\')
			put(e, '\\');
		put(e, *value);
	}
	e->line[e->len++] = '"';
	e->line[e->len] = '\0';
}

void
log_event_begin(struct log_event *e, const char *event)
{
	e->len = 0;
	e->line[0] = '\0';
	put_string(e, event);
}

void
log_event_add(struct log_event *e, const char *key, const char *format, ...)
{
	char raw[sizeof e->line], value[sizeof e->line];
	va_list ap;

	/* Half a key would be worse than none. */
	if (e->len + strlen(key) + 8 > sizeof e->line)
		return;
	va_start(ap, format);
	vsnprintf(raw, sizeof raw, format, ap);
	va_end(ap);
	status_printable(value, sizeof value, raw);

	put(e, ' ');
	put_string(e, key);
	put(e, '=');
	if (value[0] == '\0' || strpbrk(value, " \"=") != NULL)
		put_quoted(e, value);
	else
		put_string(e, value);
}

void
log_event_add_status(struct log_event *e, const struct status *st)
{
	if (st->sysexit != EX_OK)
		log_event_add(e, "exit", "%d", st->sysexit);
	if (st->reply != 0)
		log_event_add(e, "reply", "%d", st->reply);
	if (st->enhanced[0] != '\0')
		log_event_add(e, "enhanced", "%s", st->enhanced);
	if (st->text[0] != '\0')
		log_event_add(e, "error", "%s", st->text);
	if (st->remote[0] != '\0')
		log_event_add(e, "remote", "%s", st->remote);
	if (st->hint[0] != '\0')
		log_event_add(e, "hint", "%s", st->hint);
}

void
log_event_end(struct log_event *e, int priority)
{
	log_line(priority, "%s", e->line);
}
