/* SPDX-License-Identifier: ISC */
#include "model.h"

#include <string.h>

#include "fuzz.h"
#include "mail/header.h"
#include "mail/lines.h"

bool
model_covers(const char *bytes, size_t len)
{
	size_t i, run = 0;

	for (i = 0; i < len; i++) {
		run = bytes[i] == '\r' ? run + 1 : 0;
		if (run == LINES_BUFFER)
			return false;
	}
	return true;
}

/* One line of the input. */
struct line {
	const char	*bytes;
	size_t		 len;		/* with its end */
	size_t		 text;		/* without it */
	bool		 has_lf;
	bool		 whole;		/* fits in the reader's buffer */
};

static struct line
cut_line(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));
	struct line l = { .bytes = p, .has_lf = lf != NULL };

	l.len = (size_t)((lf != NULL ? lf + 1 : end) - p);
	l.text = l.len - l.has_lf;
	while (l.text > 0 && p[l.text - 1] == '\r')
		l.text--;
	l.whole = l.has_lf ? l.len <= LINES_BUFFER : l.len < LINES_BUFFER;
	return l;
}

static bool
is_lone_dot(const struct model *m, const struct line *l)
{
	if (!m->dots || l->bytes[0] != '.')
		return false;
	if (m->strict)
		return m->after_crlf && l->len == 3 &&
		    memcmp(l->bytes, ".\r\n", 3) == 0;
	return l->text == 1 && l->whole && (l->has_lf || !m->smtp);
}

static bool
is_stuffed(const struct model *m, const struct line *l)
{
	if (!m->dots || l->bytes[0] != '.')
		return false;
	if (m->smtp)
		return !m->strict || m->after_crlf;
	return l->len > 1 && l->bytes[1] == '.';
}

/* NULs go, CRs become blanks. */
static void
repair(struct model *m, struct buf *to, const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (text[i] == '\0')
			m->had_nul = true;
		else if (text[i] == '\r') {
			m->had_bare_cr = true;
			buf_addch(to, ' ');
		} else
			buf_addch(to, text[i]);
	}
}

/* Whether the line belongs to the header, judged by as much of it as the reader
 * sees at once.  An empty line is taken, too, but for one behind what only
 * looked like an mbox line. */
static bool
is_header(struct model *m, const struct line *l, size_t skip)
{
	size_t seen = l->whole ? l->text : LINES_BUFFER, len;
	struct buf text;
	char first;
	bool field, mbox;

	while (!l->whole && seen > 0 && l->bytes[seen - 1] == '\r')
		seen--;
	buf_init(&text, l->len + 1);
	repair(m, &text, l->bytes + skip, seen - skip);
	len = text.len;
	first = len > 0 ? text.data[0] : '\0';
	field = len > 0 && header_name_length(text.data, len) > 0;
	mbox = m->head.len == m->mbox && m->mbox_lines < 2 && l->whole &&
	    (strncmp(text.data, "From ", 5) == 0 ||
	    strncmp(text.data, ">From ", 6) == 0);
	buf_release(&text);
	if (len == 0 && l->whole) {
		m->in_body = true;
		return m->mbox_lines == 0 || m->fields > 0;
	}
	if ((first == ' ' || first == '\t') && m->fields > 0)
		field = false;
	else if (field)
		m->fields++;
	else if (mbox)
		m->mbox_lines++;
	else
		m->in_body = true;
	return !m->in_body;
}

static void
add_line(struct model *m, const struct line *l)
{
	size_t skip = is_stuffed(m, l);
	size_t mbox_lines = m->mbox_lines;

	if (m->in_body || !is_header(m, l, skip)) {
		repair(m, &m->body, l->bytes + skip, l->text - skip);
		buf_addstr(&m->body, "\r\n");
	} else if (!m->in_body) {
		repair(m, &m->head, l->bytes + skip, l->text - skip);
		buf_addstr(&m->head, "\r\n");
		if (m->mbox_lines != mbox_lines)
			m->mbox = m->head.len;
	}
}

/* Header, empty line, body; and where an mbox line belongs. */
static void
assemble(struct model *m)
{
	size_t skip = m->mbox;

	if (m->fields > 0 || m->mbox == 0)
		buf_add(&m->stored, m->head.data + skip, m->head.len - skip);
	buf_addstr(&m->stored, "\r\n");
	m->body_offset = m->stored.len;
	if (m->fields == 0 && m->mbox != 0)
		buf_add(&m->stored, m->head.data, m->head.len);
	buf_add(&m->stored, m->body.data, m->body.len);
	FUZZ_PROMISE(!m->stored.overflow);
}

void
model_read(struct model *m, const char *bytes, size_t len)
{
	const char *p = bytes, *end = bytes + len;
	struct line l;

	buf_init(&m->stored, 2 * len + 8);
	buf_init(&m->head, 2 * len + 8);
	buf_init(&m->body, 2 * len + 8);
	m->after_crlf = true;
	while (p < end && !m->ended) {
		l = cut_line(p, end);
		if (is_lone_dot(m, &l))
			m->ended = true;
		else
			add_line(m, &l);
		m->after_crlf = l.len > 1 && l.has_lf && p[l.len - 2] == '\r';
		p += l.len;
	}
	m->used = (size_t)(p - bytes);
	assemble(m);
}

void
model_release(struct model *m)
{
	buf_release(&m->stored);
	buf_release(&m->head);
	buf_release(&m->body);
}
