/* SPDX-License-Identifier: ISC */
#include "config/scan.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "config/lex.h"
#include "config/value.h"

int
scan_error(struct status *st, const char *path, int line, const char *format,
    ...)
{
	char text[sizeof st->text];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (line == 0)
		return status_set(st, EX_CONFIG, "%s: %s", path, text);
	return status_set(st, EX_CONFIG, "%s:%d: %s", path, line, text);
}

static bool
is_atom(const struct scanner *s)
{
	return s->token == TOKEN_WORD || s->token == TOKEN_STRING;
}

static bool
followed_by(const struct scanner *s, char mark)
{
	return s->next[strspn(s->next, " \t\r\n")] == mark;
}

/* Reads one token that must be an atom. */
static int
read_atom(struct scanner *s, const char *key)
{
	if (lex_token(s) == -1)
		return -1;
	return is_atom(s) ? 0 : scan_error(s->st, s->path, s->line,
	    "%s: a value is missing", key);
}

/* What follows "{" in a value. */
static int
read_list(struct scanner *s, const struct key *k)
{
	int line = s->line, items = 0;

	do {
		if (lex_token(s) == -1)
			return -1;
		if (!is_atom(s))
			break;
		items++;
		if (lex_token(s) == -1)
			return -1;
	} while (s->token == TOKEN_COMMA);
	if (s->token != TOKEN_CLOSE)
		return scan_error(s->st, s->path, s->line, "%s: values in a "
		    "list stand between commas, and the list ends in }",
		    k->name);
	if (items == 0)
		return scan_error(s->st, s->path, line, "%s: the list is empty",
		    k->name);
	return 0;
}

/* Whether the word just read begins a setting or a block. */
static bool
is_next_setting(const struct scanner *s)
{
	struct status ignored = STATUS_INIT;
	struct scanner ahead = *s;

	ahead.st = &ignored;
	if (s->token != TOKEN_WORD || lex_token(&ahead) == -1)
		return false;
	if (ahead.token == TOKEN_EQUALS)
		return true;
	return is_atom(&ahead) && lex_token(&ahead) == 0 &&
	    ahead.token == TOKEN_OPEN;
}

/* A value may stand on a later line than its key; but what looks like the next
 * setting there is none, and the mistake is in the line of the key. */
static int
read_value(struct scanner *s, const struct key *k, int key_line)
{
	if (lex_token(s) == -1)
		return -1;
	if ((!is_atom(s) && s->token != TOKEN_OPEN) ||
	    (s->line > key_line && is_next_setting(s)))
		return scan_error(s->st, s->path, key_line,
		    "%s: a value is missing", k->name);
	if (is_atom(s) && !followed_by(s, ','))
		return 0;
	if (is_atom(s) && key_is_list(k)) {
		scan_error(s->st, s->path, s->line,
		    "%s: several values stand between { and }", k->name);
		return status_hint(s->st, "a list is written { \"a\", \"b\" }");
	}
	if (!key_is_list(k))
		return scan_error(s->st, s->path, s->line,
		    "%s takes one value, not a list", k->name);
	return read_list(s, k);
}

/* Where else a key of that name belongs, or what it may have meant. */
static int
unknown_key(struct scanner *s, enum key_level level, const char *name)
{
	const char *where = key_tables[level].where, *nearest;
	int other;

	for (other = 0; other < LEVEL_COUNT; other++) {
		if (key_find((enum key_level)other, name) == NULL)
			continue;
		scan_error(s->st, s->path, s->line, level == LEVEL_TOP ?
		    "%s does not belong here" :
		    "%s does not belong into the block %s", name, where);
		return other == LEVEL_TOP ?
		    status_hint(s->st, "put %s outside of the blocks", name) :
		    status_hint(s->st, "put %s into a block: %s NAME { ... }",
			name, key_tables[other].where);
	}
	scan_error(s->st, s->path, s->line, "unknown key %s", name);
	nearest = key_nearest(level, name);
	if (nearest != NULL)
		return status_hint(s->st, "did you mean %s?", nearest);
	return status_hint(s->st, "mailbearer.conf(5) lists all keys");
}

int
scan_line(const struct scan_block *b, const char *name)
{
	const struct key *k = key_find(b->level, name);

	return k == NULL ? 0 : b->lines[k - key_tables[b->level].keys];
}

/* The rest of: key "=" value. */
static int
read_setting(struct scanner *s, struct scan_block *b, const char *name)
{
	const struct key *k = key_find(b->level, name);
	int *line;

	if (k == NULL)
		return unknown_key(s, b->level, name);
	line = &b->lines[k - key_tables[b->level].keys];
	if (*line != 0)
		return scan_error(s->st, s->path, s->line,
		    "%s is given twice, first in line %d", name, *line);
	*line = s->line;
	if (lex_token(s) == -1)
		return -1;
	if (s->token != TOKEN_EQUALS)
		return scan_error(s->st, s->path, s->line,
		    "%s: \"=\" is missing", name);
	return read_value(s, k, *line);
}

/* Two blocks of one kind cannot share a name. */
static int
check_title(const struct scanner *s, const struct scan *out,
    const struct scan_block *b)
{
	const struct scan_block *other = out->blocks[b->level];
	size_t i;

	if (!value_is_name(b->title)) {
		scan_error(s->st, s->path, b->line,
		    "the name of this %s cannot be \"%s\"",
		    key_tables[b->level].where, b->title);
		return status_hint(s->st, "names are up to 64 letters, digits, "
		    "dots, dashes and underscores");
	}
	for (i = 0; i < out->count[b->level]; i++)
		if (strcmp(other[i].title, b->title) == 0)
			return scan_error(s->st, s->path, b->line,
			    "there are two blocks %s \"%s\", the first in "
			    "line %d", key_tables[b->level].where, b->title,
			    other[i].line);
	return 0;
}

/* Title and "{". */
static int
open_block(struct scanner *s, struct scan *out, struct scan_block *b)
{
	if (read_atom(s, key_tables[b->level].where) == -1)
		return -1;
	snprintf(b->title, sizeof b->title, "%.*s",
	    s->len < sizeof b->title ? (int)s->len : 0, s->start);
	if (check_title(s, out, b) == -1)
		return -1;
	if (out->count[b->level] == SCAN_BLOCKS_MAX)
		return scan_error(s->st, s->path, s->line,
		    "more than %d blocks %s", SCAN_BLOCKS_MAX,
		    key_tables[b->level].where);
	if (lex_token(s) == -1)
		return -1;
	if (s->token != TOKEN_OPEN)
		return scan_error(s->st, s->path, s->line,
		    "%s \"%s\": \"{\" is missing", key_tables[b->level].where,
		    b->title);
	return 0;
}

/* The word just read, cut at a length past which it is no key anyway. */
static void
copy_word(const struct scanner *s, char word[65])
{
	snprintf(word, 65, "%.*s", s->len < 64 ? (int)s->len : 64, s->start);
}

/* The level of the blocks with this name, LEVEL_TOP if there is none. */
static enum key_level
block_level(const char *word)
{
	if (strcmp(word, key_tables[LEVEL_APP].where) == 0)
		return LEVEL_APP;
	if (strcmp(word, key_tables[LEVEL_ACCOUNT].where) == 0)
		return LEVEL_ACCOUNT;
	return LEVEL_TOP;
}

static int
read_block(struct scanner *s, struct scan *out, enum key_level level)
{
	struct scan_block b = { .level = level, .line = s->line };
	char word[65];

	if (open_block(s, out, &b) == -1)
		return -1;
	for (;;) {
		if (lex_token(s) == -1)
			return -1;
		if (s->token == TOKEN_CLOSE)
			break;
		if (s->token == TOKEN_END)
			return scan_error(s->st, s->path, b.line,
			    "the block %s \"%s\" that begins here has no }",
			    key_tables[level].where, b.title);
		if (s->token != TOKEN_WORD)
			return scan_error(s->st, s->path, s->line,
			    "a key was expected here");
		copy_word(s, word);
		if (block_level(word) != LEVEL_TOP && !followed_by(s, '='))
			return scan_error(s->st, s->path, s->line,
			    "a block inside of a block: %s \"%s\" of line %d "
			    "has no }", key_tables[level].where, b.title,
			    b.line);
		if (read_setting(s, &b, word) == -1)
			return -1;
	}
	out->blocks[level] = xreallocarray(out->blocks[level],
	    out->count[level] + 1, sizeof b);
	out->blocks[level][out->count[level]++] = b;
	return 0;
}

static int
read_file(struct scanner *s, struct scan *out)
{
	enum key_level level;
	char word[65];
	int rc;

	for (;;) {
		if (lex_token(s) == -1)
			return -1;
		if (s->token == TOKEN_END)
			return 0;
		if (s->token == TOKEN_CLOSE)
			return scan_error(s->st, s->path, s->line,
			    "a } without a block that it ends");
		if (s->token != TOKEN_WORD)
			return scan_error(s->st, s->path, s->line,
			    "a key or a block was expected here");
		copy_word(s, word);
		level = block_level(word);
		rc = level == LEVEL_TOP || followed_by(s, '=') ?
		    read_setting(s, &out->top, word) :
		    read_block(s, out, level);
		if (rc == -1)
			return -1;
	}
}

int
scan_text(struct scan *s, const char *path, char *text, size_t len,
    struct status *st)
{
	struct scanner scanner = {
		.path = path, .next = text, .line = 1, .st = st
	};

	*s = (struct scan)SCAN_INIT;
	if (lex_check(path, text, len, st) == -1)
		return -1;
	if (read_file(&scanner, s) == -1) {
		scan_release(s);
		return -1;
	}
	return 0;
}

void
scan_release(struct scan *s)
{
	free(s->blocks[LEVEL_APP]);
	free(s->blocks[LEVEL_ACCOUNT]);
	*s = (struct scan)SCAN_INIT;
}
