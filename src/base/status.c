/* SPDX-License-Identifier: ISC */
#include "base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What a sysexits(3) code says of mending and reach, unless the catalogue in
 * diagnose/ knows better. */
static const struct {
	int			sysexit;
	enum status_class	class;
	enum status_scope	scope;
} meanings[] = {
	{ EX_USAGE,	  CLASS_USAGE,	   SCOPE_LOCAL },
	{ EX_DATAERR,	  CLASS_MESSAGE,   SCOPE_MESSAGE },
	{ EX_NOUSER,	  CLASS_RECIPIENT, SCOPE_RECIPIENT },
	{ EX_NOHOST,	  CLASS_RECIPIENT, SCOPE_RECIPIENT },
	{ EX_UNAVAILABLE, CLASS_MESSAGE,   SCOPE_MESSAGE },
	{ EX_SOFTWARE,	  CLASS_RETRY,	   SCOPE_LOCAL },
	{ EX_OSERR,	  CLASS_RETRY,	   SCOPE_LOCAL },
	{ EX_CANTCREAT,	  CLASS_RETRY,	   SCOPE_LOCAL },
	{ EX_IOERR,	  CLASS_RETRY,	   SCOPE_LOCAL },
	{ EX_TEMPFAIL,	  CLASS_RETRY,	   SCOPE_SESSION },
	{ EX_PROTOCOL,	  CLASS_CONFIG,	   SCOPE_SESSION },
	{ EX_NOPERM,	  CLASS_CONFIG,	   SCOPE_ACCOUNT },
	{ EX_CONFIG,	  CLASS_CONFIG,	   SCOPE_ACCOUNT },
};

void
status_clear(struct status *st)
{
	memset(st, 0, sizeof *st);
}

static void
set(struct status *st, int sysexit, const char *text)
{
	size_t i;

	status_clear(st);
	st->sysexit = sysexit;
	st->class = CLASS_RETRY;
	for (i = 0; i < sizeof meanings / sizeof *meanings; i++)
		if (meanings[i].sysexit == sysexit) {
			st->class = meanings[i].class;
			st->scope = meanings[i].scope;
		}
	status_printable(st->text, sizeof st->text, text);
}

int
status_set(struct status *st, int sysexit, const char *format, ...)
{
	char text[sizeof st->text];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	set(st, sysexit, text);
	return -1;
}

int
status_set_errno(struct status *st, int sysexit, const char *format, ...)
{
	const char *reason = strerror(errno);
	char text[sizeof st->text];
	va_list ap;
	size_t used;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	used = strlen(text);
	snprintf(text + used, sizeof text - used, ": %s", reason);
	set(st, sysexit, text);
	return -1;
}

int
status_context(struct status *st, const char *format, ...)
{
	char context[sizeof st->text], text[sizeof st->text];
	va_list ap;
	size_t used;

	va_start(ap, format);
	vsnprintf(context, sizeof context, format, ap);
	va_end(ap);
	used = strlen(context);
	snprintf(context + used, sizeof context - used, ": %s", st->text);
	status_printable(text, sizeof text, context);
	memcpy(st->text, text, sizeof text);
	return -1;
}

int
status_hint(struct status *st, const char *format, ...)
{
	char hint[sizeof st->hint];
	va_list ap;

	va_start(ap, format);
	vsnprintf(hint, sizeof hint, format, ap);
	va_end(ap);
	status_printable(st->hint, sizeof st->hint, hint);
	return -1;
}

void
status_remote(struct status *st, int reply, const char *enhanced,
    const char *words)
{
	st->reply = reply;
	status_printable(st->enhanced, sizeof st->enhanced, enhanced);
	status_printable(st->remote, sizeof st->remote, words);
}

void
status_line(const struct status *st, char line[STATUS_LINE_SIZE])
{
	char code[40] = "";

	if (st->reply != 0)
		snprintf(code, sizeof code, "%d%s%s", st->reply,
		    st->enhanced[0] != '\0' ? " " : "", st->enhanced);
	snprintf(line, STATUS_LINE_SIZE, "%s%s%s%s%s", st->text,
	    code[0] != '\0' || st->remote[0] != '\0' ? ": " : "", code,
	    code[0] != '\0' && st->remote[0] != '\0' ? " " : "", st->remote);
}

int
status_exit(const struct status *st)
{
	return st->sysexit != EX_OK ? st->sysexit : EX_SOFTWARE;
}

bool
status_is_mendable(const struct status *st)
{
	return st->class == CLASS_RETRY || st->class == CLASS_CONFIG ||
	    st->class == CLASS_POLICY;
}

/* U+061C, U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069: they change what a
 * reader of the log sees of the text around them. */
static bool
is_bidi_control(const unsigned char *p)
{
	if (p[0] == 0xd8)
		return p[1] == 0x9c;
	if (p[0] != 0xe2)
		return false;
	return (p[1] == 0x80 && (p[2] == 0x8e || p[2] == 0x8f ||
	    (p[2] >= 0xa8 && p[2] <= 0xae))) ||
	    (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9);
}

/* Length of the valid UTF-8 sequence at `p` (RFC 3629 4), 0 if there is none.
 * C1 controls count as none: terminals obey them. */
static size_t
utf8_length(const unsigned char *p)
{
	size_t len, i;

	if (*p < 0x20 || *p == 0x7f)
		return 0;
	if (*p < 0x80)
		return 1;
	len = *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;
	if (*p < 0xc2 || *p > 0xf4)
		return 0;
	for (i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
	    (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f) ||
	    (*p == 0xc2 && p[1] < 0xa0))
		return 0;
	return is_bidi_control(p) ? 0 : len;
}

void
status_printable(char *to, size_t size, const char *from)
{
	const unsigned char *p = (const unsigned char *)from;
	size_t used = 0, len;

	while (*p != '\0') {
		len = utf8_length(p);
		if (used + (len != 0 ? len : 1) >= size)
			break;
		if (len == 0) {
			to[used++] = '?';
			p++;
			continue;
		}
		memcpy(to + used, p, len);
		used += len;
		p += len;
	}
	to[used] = '\0';
}
