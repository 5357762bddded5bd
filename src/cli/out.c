/* SPDX-License-Identifier: ISC */
#include "cli/out.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define NAME_COLUMN	8	/* behind the mark */
#define TEXT_COLUMN	20	/* behind the name */
#define FIELD_WIDTH	8	/* of a label, with its colon */

static const struct {
	const char *word, *colour;
} marks[OUT_MARKS] = {
	[OUT_OK] = { "ok", "\033[32m" },
	[OUT_DOUBT] = { "??", "\033[33m" },
	[OUT_FAILED] = { "FAILED", "\033[1;31m" },
	[OUT_NOT_TRIED] = { "-", "" },
};

int
out_end(const char *name, int sysexit)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return sysexit;
	/* "mailq | head" has seen enough. */
	if (errno != EPIPE)
		fprintf(stderr, "%s: what is on stdout is not all: %s\n", name,
		    strerror(errno != 0 ? errno : EIO));
	return sysexit == EX_OK ? EX_IOERR : sysexit;
}

void
out_init(struct out *o, FILE *to)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	*o = (struct out){ .to = to };
	o->colour = isatty(fileno(to)) == 1 &&
	    (no_color == NULL || *no_color == '\0') &&
	    term != NULL && strcmp(term, "dumb") != 0;
}

/* Characters, not bytes: the continuation bytes of UTF-8 take no column. */
static int
columns(const char *s, size_t len)
{
	size_t i;
	int n = 0;

	for (i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

static void
put(struct out *o, const char *s, size_t len)
{
	fwrite(s, 1, len, o->to);
	o->column += columns(s, len);
}

static void
end_line(struct out *o)
{
	putc('\n', o->to);
	o->column = 0;
}

static void
move_to(struct out *o, int column)
{
	for (; o->column < column; o->column++)
		putc(' ', o->to);
}

/* How much of a word goes on a line: all, for a path or an address is there to be
 * copied; but what a server strings together is cut. */
static size_t
part_length(const char *word, size_t len, int room)
{
	if (len <= (size_t)room || memchr(word, '/', len) != NULL ||
	    (unsigned char)word[room] >= 0x80)
		return len;
	return (size_t)room;
}

/* One word, on the next line if it does not fit here. */
static void
put_word(struct out *o, int indent, bool is_first, const char *word, size_t len)
{
	int blank = is_first || o->column <= indent ? 0 : 1;
	size_t n;

	if (blank == 1 && o->column + 1 + columns(word, len) > OUT_WIDTH)
		end_line(o);
	else if (blank == 1)
		put(o, " ", 1);
	move_to(o, indent);
	n = part_length(word, len, OUT_WIDTH - indent);
	put(o, word, n);
	if (n < len)
		put_word(o, indent, false, word + n, len - n);
}

/* Words without the end of the line. */
static void
put_words(struct out *o, int indent, const char *text, size_t len)
{
	const char *end = text + len;
	bool is_first = true;
	size_t n;

	while (text < end) {
		if (*text == '\n') {
			end_line(o);
			is_first = true;
		}
		if (*text == ' ' || *text == '\n') {
			text++;
			continue;
		}
		n = 0;
		while (text + n < end && text[n] != ' ' && text[n] != '\n')
			n++;
		put_word(o, indent, is_first, text, n);
		is_first = false;
		text += n;
	}
}

void
out_wrap(struct out *o, int indent, const char *text)
{
	put_words(o, indent, text, strlen(text));
	end_line(o);
}

/* Verb-Noun, as all cmdlets are named: its length, or 0. */
static size_t
cmdlet(const char *s)
{
	size_t verb = 0, n;

	if (!isupper((unsigned char)s[0]))
		return 0;
	while (isalpha((unsigned char)s[verb]))
		verb++;
	if (s[verb] != '-' || !isupper((unsigned char)s[verb + 1]))
		return 0;
	n = verb + 1;
	while (isalnum((unsigned char)s[n]))
		n++;
	return s[n] == ' ' ? n : 0;
}

/* A command ends where prose takes over: at "; ", ": ", ", ", " (" or a line. */
static size_t
command_length(const char *s)
{
	size_t n;

	for (n = 0; s[n] != '\0' && s[n] != '\n'; n++)
		if ((strchr(";:,", s[n]) != NULL &&
		    (s[n + 1] == ' ' || s[n + 1] == '\0')) ||
		    (s[n] == ' ' && s[n + 1] == '('))
			break;
	return n;
}

/* The first PowerShell command in a text that has more to it than its name
 * ("Verb-Noun -Option", "Verb-Noun | fl"): where it begins, and its length; NULL
 * if there is none. */
static const char *
find_command(const char *text, size_t *len)
{
	const char *s;

	for (s = text; *s != '\0'; s++) {
		if ((s != text && !isspace((unsigned char)s[-1])) ||
		    cmdlet(s) == 0)
			continue;
		*len = command_length(s);
		if (memmem(s, *len, " -", 2) != NULL ||
		    memmem(s, *len, " | ", 3) != NULL)
			return s;
	}
	return NULL;
}

/* Whether a line may be broken before this blank: " -Option" or " | ". */
static bool
may_break(const char *s)
{
	return s[0] == ' ' && ((s[1] == '-' && isupper((unsigned char)s[2])) ||
	    (s[1] == '|' && s[2] == ' '));
}

/* Up to where the command may be broken next. */
static size_t
option_length(const char *s, size_t len)
{
	size_t n;

	for (n = 1; n < len && !may_break(s + n); n++)
		continue;
	return n < len ? n : len;
}

/* A back-tick at the end continues a line of PowerShell; it needs two columns. */
static void
put_command(struct out *o, int indent, const char *s, size_t len)
{
	size_t n;
	bool is_last;

	move_to(o, indent);
	for (; len != 0; s += n, len -= n) {
		n = option_length(s, len);
		is_last = n == len;
		if (*s == ' ' && o->column + columns(s, n) +
		    (is_last ? 0 : 2) > OUT_WIDTH) {
			put(o, " `", 2);
			end_line(o);
			move_to(o, indent + 1);
		}
		put(o, s, n);
	}
}

/* What stands behind a command goes on on a line of its own. */
static const char *
skip_separator(const char *s)
{
	while (*s != '\0' && strchr(";:, \n", *s) != NULL)
		s++;
	return s;
}

void
out_advice(struct out *o, int indent, const char *text)
{
	const char *command;
	size_t len = 0;

	while ((command = find_command(text, &len)) != NULL) {
		put_words(o, indent, text, (size_t)(command - text));
		if (o->column > indent)
			end_line(o);
		put_command(o, indent + 2, command, len);
		text = skip_separator(command + len);
		if (*text != '\0')
			end_line(o);
	}
	out_wrap(o, indent, text);
}

static void
put_mark(struct out *o, enum out_mark mark)
{
	if (o->colour)
		fputs(marks[mark].colour, o->to);
	put(o, marks[mark].word, strlen(marks[mark].word));
	if (o->colour)
		fputs("\033[0m", o->to);
}

void
out_step(struct out *o, enum out_mark mark, const char *name, const char *text)
{
	put_mark(o, mark);
	move_to(o, NAME_COLUMN);
	put(o, name, strlen(name));
	put(o, " ", 1);
	move_to(o, TEXT_COLUMN);
	out_wrap(o, TEXT_COLUMN, text);
}

void
out_field(struct out *o, int indent, const char *label, const char *text)
{
	move_to(o, indent);
	put(o, label, strlen(label));
	put(o, ":", 1);
	move_to(o, indent + FIELD_WIDTH);
	out_advice(o, indent + FIELD_WIDTH, text);
}
