/* SPDX-License-Identifier: ISC
 *
 * The right side of an alias: addresses, and what is none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/xalloc.h"
#include "mail/alias_report.h"
#include "mail/aliases.h"

#define INCLUDE		":include:"
#define TARGET_MAX	8192

/* Cuts a right side into targets. */
struct splitter {
	const char	*at, *end;
	int		 line;		/* of `at` */
	bool		 line_start;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* A "#" begins a comment at the start of a line or after a blank: nobody has an
 * address there, and people write remarks. */
static bool
begins_comment(const struct splitter *s, const struct buf *text)
{
	return *s->at == '#' && (s->line_start || text->len == 0 ||
	    is_blank(text->data[text->len - 1]));
}

/* Reads up to the comma or line end that ends the target; quotes and comments
 * in parentheses hide both.  False when there is none left. */
static bool
next_target(struct splitter *s, struct buf *text, int *line)
{
	bool quoted = false;

	buf_reset(text);
	*line = s->line;
	for (; s->at < s->end; s->at++) {
		if (*s->at == '\n') {
			s->at++;
			s->line++;
			s->line_start = true;
			return true;
		}
		if (!quoted && begins_comment(s, text)) {
			while (s->at + 1 < s->end && s->at[1] != '\n')
				s->at++;
			continue;
		}
		if (!quoted && *s->at == ',') {
			s->at++;
			return true;
		}
		if (*s->at == '"')
			quoted = !quoted;
		if (*s->at == '\\' && s->at + 1 < s->end && s->at[1] != '\n')
			buf_addch(text, *s->at++);
		s->line_start = s->line_start && is_blank(*s->at);
		buf_addch(text, *s->at);
	}
	return text->len != 0;
}

static void
trim(struct buf *text)
{
	size_t lead = 0;

	while (text->len != 0 && is_blank(text->data[text->len - 1]))
		buf_truncate(text, text->len - 1);
	while (lead < text->len && is_blank(text->data[lead]))
		lead++;
	buf_consume(text, lead);
}

/* What stands in quotes as a whole, such as "|program -x": its beginning says
 * what it is. */
static const char *
inside(const struct buf *text)
{
	const char *p = text->data;

	return *p == '"' ? p + 1 + strspn(p + 1, " \t") : p;
}

static struct alias_target *
add(struct alias_targets *t, int line)
{
	if (t->count == t->cap) {
		t->cap = t->cap == 0 ? 8 : 2 * t->cap;
		t->items = xreallocarray(t->items, t->cap, sizeof *t->items);
	}
	t->items[t->count] = (struct alias_target){ .line = line };
	return &t->items[t->count++];
}

static void
add_include(struct alias_targets *t, const char *text, int line,
    const struct alias_reporter *r)
{
	const char *path = text + strlen(INCLUDE);
	size_t len;

	path += strspn(path, " \t");
	len = strcspn(path, "\"");
	if (*path != '/') {
		alias_report(r, line, true,
		    ":include: needs an absolute path");
		return;
	}
	add(t, line)->include = xmemdup(path, len);
}

static void
add_address(struct alias_targets *t, const char *text, int line,
    const struct alias_reporter *r)
{
	struct address_list list = ADDRESS_LIST_INIT;
	struct status ignored = STATUS_INIT;
	struct alias_target *target;
	bool is_final = text[0] == '\\';

	address_parse_list(&list, text + is_final, strlen(text + is_final),
	    &ignored);
	if (list.count == 1 && list.bad == 0 && !list.had_group) {
		target = add(t, line);
		target->address = list.items[0];
		target->is_final = is_final;
		list.count = 0;		/* transferred */
	} else
		alias_report(r, line, true, "not an address: %.200s", text);
	address_list_release(&list);
}

static void
judge(struct alias_targets *t, struct buf *text, int line,
    const struct alias_reporter *r)
{
	const char *p;

	trim(text);
	if (text->len == 0)
		return;
	p = inside(text);
	if (text->overflow)
		alias_report(r, line, true, "an entry longer than %d bytes",
		    TARGET_MAX);
	else if (strncasecmp(p, INCLUDE, strlen(INCLUDE)) == 0)
		add_include(t, p, line, r);
	else if (*p == '|')
		alias_report(r, line, false,
		    "refused, programs are not run from here: %.200s", p);
	else if (*p == '/')
		alias_report(r, line, false,
		    "refused, nothing is delivered to files: %.200s", p);
	else
		add_address(t, text->data, line, r);
}

void
aliases_parse_targets(struct alias_targets *t, const char *text, size_t len,
    int line, const struct alias_reporter *r)
{
	struct splitter s = { text, text + len, line, true };
	struct buf target;
	int at_line;

	buf_init(&target, TARGET_MAX);
	while (next_target(&s, &target, &at_line))
		judge(t, &target, at_line, r);
	buf_release(&target);
}

int
aliases_include(struct alias_targets *t, const char *path,
    const struct trust *trust, const struct alias_reporter *r,
    struct status *st)
{
	struct buf text;
	int rc = 0;

	if (safefile_read(path, TRUST_CONFIG, trust, ALIASES_INCLUDE_MAX,
	    &text, st) == -1)
		return -1;
	if (memchr(text.data, '\0', text.len) != NULL)
		rc = status_set(st, EX_CONFIG, "%s: NUL byte", path);
	else
		aliases_parse_targets(t, text.data, text.len, 1, r);
	buf_release(&text);
	if (rc == -1)
		errno = EINVAL;
	return rc;
}

void
alias_targets_release(struct alias_targets *t)
{
	size_t i;

	for (i = 0; i < t->count; i++) {
		address_release(&t->items[i].address);
		free(t->items[i].include);
	}
	free(t->items);
	*t = (struct alias_targets)ALIAS_TARGETS_INIT;
}
