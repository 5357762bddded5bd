/* SPDX-License-Identifier: ISC */
#include "config/lex.h"

#include <string.h>

#include "config/scan.h"

#define WORD_BYTES "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" \
	"0123456789._@/:%-"

/* The first line with a byte that text does not have, or 0. */
static int
line_of_binary(const char *text, size_t len)
{
	int line = 1;
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '\n')
			line++;
		else if ((c < ' ' && c != '\t' && c != '\r') || c == 0x7f)
			return line;
	}
	return 0;
}

int
lex_check(const char *path, const char *text, size_t len, struct status *st)
{
	int line;

	if (strncmp(text, "\xef\xbb\xbf", 3) == 0 ||
	    strncmp(text, "\xff\xfe", 2) == 0 ||
	    strncmp(text, "\xfe\xff", 2) == 0) {
		scan_error(st, path, 1,
		    "the file begins with a byte order mark");
		return status_hint(st, "save it as plain UTF-8 without one");
	}
	line = line_of_binary(text, len);
	if (line != 0)
		return scan_error(st, path, line,
		    "a control character or NUL byte");
	return 0;
}

static void
blank(char *from, const char *to)
{
	for (; from < to; from++)
		if (*from != '\n')
			*from = ' ';
}

/* Blanks the comment at s->next, if there is one: 1 then, 0 if not. */
static int
skip_comment(struct scanner *s)
{
	char *p = s->next, *end;

	if (*p == '#' || (*p == '/' && p[1] == '/')) {
		s->next += strcspn(p, "\n");
		blank(p, s->next);
		return 1;
	}
	if (*p != '/' || p[1] != '*')
		return 0;
	end = strstr(p + 2, "*/");
	if (end == NULL)
		return scan_error(s->st, s->path, s->line,
		    "a comment begins here and never ends");
	for (; p < end; p++)
		s->line += *p == '\n';
	blank(s->next, end + 2);
	s->next = end + 2;
	return 1;
}

static int
skip_space(struct scanner *s)
{
	int found;

	do {
		for (; *s->next != '\0' && strchr(" \t\r\n", *s->next) != NULL;
		    s->next++) {
			s->line += *s->next == '\n';
			if (*s->next == '\r')
				*s->next = ' ';
		}
		found = skip_comment(s);
	} while (found == 1);
	return found;
}

/* A string at s->next. */
static int
read_string(struct scanner *s)
{
	char quote = *s->next, *p;

	for (p = s->next + 1; *p != quote; p++) {
		if (*p == '\0' || *p == '\n')
			return scan_error(s->st, s->path, s->line,
			    "the string that begins here has no closing %c on "
			    "its line", quote);
		if (*p == '$' && p[1] == '{')
			return scan_error(s->st, s->path, s->line,
			    "\"${\" is not allowed: nothing is taken from the "
			    "environment");
		if (*p != '\\')
			continue;
		if (p[1] != '\\' && p[1] != quote)
			return scan_error(s->st, s->path, s->line,
			    "a backslash in a string may only stand before %c "
			    "or another backslash", quote);
		p++;
	}
	s->token = TOKEN_STRING;
	s->start = s->next + 1;
	s->len = (size_t)(p - s->start);
	s->next = p + 1;
	return 0;
}

/* Text from a web page or an office program: what looks like a quote or like a
 * blank there is none, and printed alone one octet of it says nothing. */
static int
refuse_octet(const struct scanner *s)
{
	if ((unsigned char)*s->next > 127) {
		scan_error(s->st, s->path, s->line, "a character that is not "
		    "ASCII, such as a typographic quote or a no-break space");
		return status_hint(s->st, "type the quotes and blanks of this "
		    "line anew; what is not ASCII stands in double quotes");
	}
	scan_error(s->st, s->path, s->line, "unexpected \"%c\"", *s->next);
	return status_hint(s->st, "put values with other characters than "
	    "letters, digits and ._@/:%%- in double quotes");
}

static int
read_word(struct scanner *s)
{
	s->token = TOKEN_WORD;
	s->start = s->next;
	s->len = strspn(s->next, WORD_BYTES);
	s->next += s->len;
	if (s->len != 0 && (*s->next == '\0' ||
	    strchr(" \t\r\n#={},", *s->next) != NULL))
		return 0;
	return refuse_octet(s);
}

int
lex_token(struct scanner *s)
{
	static const char marks[] = "{}=,";
	static const enum token tokens[] = {
		TOKEN_OPEN, TOKEN_CLOSE, TOKEN_EQUALS, TOKEN_COMMA
	};
	const char *mark;

	if (skip_space(s) == -1)
		return -1;
	if (*s->next == '\0') {
		s->token = TOKEN_END;
		return 0;
	}
	if (*s->next == '"' || *s->next == '\'')
		return read_string(s);
	mark = strchr(marks, *s->next);
	if (mark == NULL)
		return read_word(s);
	s->token = tokens[mark - marks];
	s->next++;
	return 0;
}
