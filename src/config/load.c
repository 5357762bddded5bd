/* SPDX-License-Identifier: ISC */
#include "config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "config/lex.h"
#include "config/value.h"

int
config_load(struct config *c, const struct config_source *source,
    struct status *st)
{
	struct buf text;
	bool missing;
	int rc;

	*c = (struct config){ .path = NULL };
	if (safefile_read(config_path(source), TRUST_CONFIG, &source->trust,
	    CONFIG_FILE_MAX, &text, st) == -1) {
		missing = errno == ENOENT;
		if (missing)
			status_hint(st, "write it: mailbearer.conf(5) has an "
			    "example that fits on one screen");
		errno = missing ? ENOENT : 0;
		return -1;
	}
	rc = config_parse(c, source, text.data, text.len, st);
	buf_release(&text);
	/* Only a file that is not there is ENOENT. */
	errno = 0;
	return rc;
}

static bool
is_word(const struct scanner *s, const char *word)
{
	return s->token == TOKEN_WORD && s->len == strlen(word) &&
	    memcmp(s->start, word, s->len) == 0;
}

/* Reads behind `spool =`: whether it is false. */
static bool
reads_false(struct scanner *s)
{
	bool flag = true, is_false;
	char *value;

	if (lex_token(s) == -1 || s->token != TOKEN_EQUALS ||
	    lex_token(s) == -1 ||
	    (s->token != TOKEN_WORD && s->token != TOKEN_STRING))
		return false;
	value = xmemdup(s->start, s->len);
	is_false = value_flag(value, &flag) == 0 && !flag;
	free(value);
	return is_false;
}

/* There is one key of this name, so the block need not be known. */
bool
config_may_spool(const struct config_source *source)
{
	struct status st = STATUS_INIT;
	struct scanner s = { .path = config_path(source), .line = 1, .st = &st };
	struct buf text;
	bool may = true;

	if (safefile_read(s.path, TRUST_CONFIG, &source->trust,
	    CONFIG_FILE_MAX, &text, &st) == -1)
		return true;
	s.next = text.data;
	while (may && lex_token(&s) == 0 && s.token != TOKEN_END)
		may = !is_word(&s, "spool") || !reads_false(&s);
	buf_release(&text);
	return may;
}
