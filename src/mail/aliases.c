/* SPDX-License-Identifier: ISC
 *
 * The alias file as entries.
 */
#include "mail/aliases.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "mail/alias_report.h"

#define NAME_MAX_BYTES	ADDRESS_MAX

void
alias_report(const struct alias_reporter *r, int line, bool is_error,
    const char *format, ...)
{
	char text[300], printable[300];
	va_list ap;

	if (r == NULL || r->report == NULL)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	status_printable(printable, sizeof printable, text);
	r->report(r->context, line, is_error, printable);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The end of the line at `p`: at its LF, or at `end`. */
static const char *
line_end(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));

	return lf != NULL ? lf : end;
}

static bool
is_empty_line(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	return p == end || *p == '#';
}

/* Reads the name in front of the colon into `name`; returns behind the colon,
 * or NULL if the line has no such beginning. */
static const char *
take_name(struct buf *name, const char *p, const char *end)
{
	const char *start = p;

	if (*p == '"') {
		for (p++; p < end && *p != '"'; p++) {
			if (*p == '\\' && p + 1 < end)
				p++;
			buf_addch(name, *p);
		}
		if (p++ == end)
			return NULL;
	} else {
		while (p < end && *p != ':' && !is_blank(*p))
			p++;
		buf_add(name, start, (size_t)(p - start));
	}
	while (p < end && is_blank(*p))
		p++;
	return p < end && *p == ':' && name->len != 0 ? p + 1 : NULL;
}

static void
keep(struct aliases *a, const struct buf *name, const char *right,
    const char *end, int line)
{
	struct alias *alias;
	size_t i;

	if (a->count == a->cap) {
		a->cap = a->cap == 0 ? 32 : 2 * a->cap;
		a->items = xreallocarray(a->items, a->cap, sizeof *a->items);
	}
	alias = &a->items[a->count++];
	*alias = (struct alias){ xstrdup(name->data), right,
	    (size_t)(end - right), line };
	for (i = 0; alias->name[i] != '\0'; i++)
		alias->name[i] =
		    (char)tolower((unsigned char)alias->name[i]);
}

/* One entry: its first line [p, first_end), its text up to `end`. */
static void
read_entry(struct aliases *a, const char *p, const char *first_end,
    const char *end, int line, const struct alias_reporter *r)
{
	struct buf name;
	const char *right;

	buf_init(&name, NAME_MAX_BYTES);
	right = take_name(&name, p, first_end);
	if (right == NULL || name.overflow)
		alias_report(r, line, true, "not of the form NAME: ADDRESS");
	else if (memchr(name.data, '\0', name.len) != NULL ||
	    memchr(right, '\0', (size_t)(end - right)) != NULL)
		alias_report(r, line, true, "NUL byte");
	else if (strchr(name.data, '@') != NULL)
		alias_report(r, line, true,
		    "%s: an alias is a name without a domain", name.data);
	else
		keep(a, &name, right, end, line);
	buf_release(&name);
}

static int
compare(const void *a, const void *b)
{
	const struct alias *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

/* Sorts for aliases_find(), and lets the first entry of a name stand. */
static void
sort(struct aliases *a, const struct alias_reporter *r)
{
	size_t i, kept = 0;

	if (a->count == 0)
		return;
	qsort(a->items, a->count, sizeof *a->items, compare);
	for (i = 1; i < a->count; i++) {
		if (strcmp(a->items[i].name, a->items[kept].name) != 0) {
			a->items[++kept] = a->items[i];
			continue;
		}
		alias_report(r, a->items[i].line, true,
		    "%s: duplicate of line %d", a->items[i].name,
		    a->items[kept].line);
		free(a->items[i].name);
	}
	a->count = kept + 1;
}

/* The end of the entry whose first line ends at `first_end`.  Lines that begin
 * with a blank continue it, whatever comments and empty lines stand between. */
static const char *
entry_end(const char *first_end, const char *end)
{
	const char *p, *last = first_end, *eol;

	for (p = first_end + 1; p < end; p = eol + 1) {
		eol = line_end(p, end);
		if (is_empty_line(p, eol))
			continue;
		if (!is_blank(*p))
			break;
		last = eol;
	}
	return last;
}

/* Splits a->text. */
static void
split(struct aliases *a, const struct alias_reporter *r)
{
	const char *p = a->text.data, *end = p + a->text.len;
	const char *first_end, *last;
	int line = 1;

	for (; p < end; p = last + 1, line++) {
		first_end = last = line_end(p, end);
		if (is_empty_line(p, first_end))
			continue;
		last = entry_end(first_end, end);
		if (is_blank(*p))
			alias_report(r, line, true,
			    "continues nothing: a name begins in column one");
		else
			read_entry(a, p, first_end, last, line, r);
		for (; p < last; p++)
			line += *p == '\n';
	}
	sort(a, r);
}

void
aliases_parse(struct aliases *a, const char *text, size_t len,
    const struct alias_reporter *r)
{
	*a = (struct aliases){ 0 };
	buf_init(&a->text, len);
	buf_add(&a->text, text, len);
	split(a, r);
}

int
aliases_load(struct aliases *a, const char *path, const struct trust *trust,
    const struct alias_reporter *r, struct status *st)
{
	struct status problem = STATUS_INIT;

	*a = (struct aliases){ 0 };
	errno = 0;
	if (safefile_read(path, TRUST_CONFIG, trust, ALIASES_FILE_MAX,
	    &a->text, &problem) == -1) {
		bool missing = errno == ENOENT;

		buf_init(&a->text, 0);
		if (missing)
			return 0;
		*st = problem;
		return -1;
	}
	split(a, r);
	return 0;
}

void
aliases_release(struct aliases *a)
{
	size_t i;

	for (i = 0; i < a->count; i++)
		free(a->items[i].name);
	free(a->items);
	buf_release(&a->text);
	a->items = NULL;
	a->count = a->cap = 0;
}

const struct alias *
aliases_find(const struct aliases *a, const char *name)
{
	struct alias key = { .name = xstrdup(name) };
	size_t low = 0, high = a->count, middle;
	const struct alias *found = NULL;
	int order;
	char *p;

	for (p = key.name; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	while (low < high && found == NULL) {
		middle = low + (high - low) / 2;
		order = strcmp(key.name, a->items[middle].name);
		if (order == 0)
			found = &a->items[middle];
		else if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	free(key.name);
	return found;
}
