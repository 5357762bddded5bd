/* SPDX-License-Identifier: ISC */
#include "smtp/reply.h"

#include <ctype.h>
#include <string.h>

void
reply_init(struct reply *r)
{
	memset(r, 0, sizeof *r);
	buf_init(&r->text, REPLY_MAX);
}

void
reply_reset(struct reply *r)
{
	r->code = 0;
	r->enhanced[0] = '\0';
	r->lines = 0;
	buf_reset(&r->text);
}

void
reply_release(struct reply *r)
{
	/* A server may have quoted a token. */
	buf_wipe(&r->text);
}

/* RFC 5321 4.2: first digit 2 to 5 (1yz is not used), second 0 to 5.  0 if it
 * is none; the second digit is not held against a server. */
static int
parse_code(const char *line)
{
	if (line[0] < '2' || line[0] > '5' ||
	    !isdigit((unsigned char)line[1]) ||
	    !isdigit((unsigned char)line[2]))
		return 0;
	return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

static size_t
digits(const char *p)
{
	size_t n = 0;

	while (n < 4 && isdigit((unsigned char)p[n]))
		n++;
	return n;
}

/* Length of an enhanced status code (RFC 3463 2) of that class at `p`, 0 if
 * there is none: class "." 1*3digit "." 1*3digit, and nothing glued to it. */
static size_t
enhanced_length(const char *p, char class)
{
	size_t subject, detail, len;

	if (p[0] != class || strchr("245", class) == NULL || p[1] != '.')
		return 0;
	subject = digits(p + 2);
	if (subject < 1 || subject > 3 || p[2 + subject] != '.')
		return 0;
	detail = digits(p + 3 + subject);
	len = 3 + subject + detail;
	if (detail < 1 || detail > 3 || strchr(" \t\n", p[len]) == NULL)
		return 0;
	return len;
}

/* Some servers put two blanks where one belongs. */
static const char *
skip_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

static void
add_printable(struct buf *text, const char *line, size_t len)
{
	size_t i, from = text->len;

	buf_add(text, line, len);
	if (text->overflow)
		return;
	for (i = from; i < text->len; i++)
		if (iscntrl((unsigned char)text->data[i]) &&
		    text->data[i] != '\t')
			text->data[i] = '?';
}

static int
refuse(const char **why, const char *words)
{
	*why = words;
	return -1;
}

int
reply_add_line(struct reply *r, const char *line, size_t len, const char **why)
{
	int code;
	size_t n, from;
	const char *p;

	if (len < 3)
		return refuse(why, "has a line that is too short");
	code = parse_code(line);
	if (code == 0 || (len > 3 && line[3] != ' ' && line[3] != '-'))
		return refuse(why, "does not start with a reply code");
	if (r->lines != 0 && code != r->code)
		return refuse(why, "changes its code from line to line");
	if (r->lines == REPLY_LINES_MAX)
		return refuse(why, "has too many lines");
	if (r->lines++ != 0)
		buf_addch(&r->text, '\n');
	r->code = code;
	from = r->text.len;
	if (len > 4)
		add_printable(&r->text, line + 4, len - 4);
	if (r->text.overflow)
		return refuse(why, "is too long");
	p = skip_blanks(r->text.data + from);
	n = enhanced_length(p, line[0]);
	if (n != 0 && r->enhanced[0] == '\0') {
		memcpy(r->enhanced, p, n);
		r->enhanced[n] = '\0';
	}
	return len > 3 && line[3] == '-' ? 0 : 1;
}

bool
reply_is_there(const char *text, size_t len)
{
	const char *line = text, *end;
	size_t left = len;

	while (left != 0 && (end = memchr(line, '\n', left)) != NULL) {
		if (end - line < 4 || line[3] != '-')
			return true;
		left -= (size_t)(end + 1 - line);
		line = end + 1;
	}
	return len > 2 * REPLY_MAX;
}

void
reply_words(const struct reply *r, char *to, size_t size)
{
	const char *p = r->text.data;
	size_t used = 0, len;

	for (;;) {
		p = skip_blanks(p);
		p = skip_blanks(p + enhanced_length(p,
		    (char)('0' + r->code / 100)));
		len = strcspn(p, "\n");
		if (len != 0 && used != 0 && used + 1 < size)
			to[used++] = ' ';
		if (len > size - 1 - used)
			len = size - 1 - used;
		memcpy(to + used, p, len);
		used += len;
		p += strcspn(p, "\n");
		if (*p++ == '\0')
			break;
	}
	to[used] = '\0';
}
