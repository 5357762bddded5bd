/* SPDX-License-Identifier: ISC */
#include "smtp/ehlo.h"

#include <string.h>
#include <strings.h>

/* Extensions that are there or not, and SASL mechanisms. */
static const struct word {
	const char	*name;
	size_t		 offset;
} keywords[] = {
	{ "PIPELINING", offsetof(struct session_extensions, pipelining) },
	{ "8BITMIME", offsetof(struct session_extensions, eightbitmime) },
	{ "SMTPUTF8", offsetof(struct session_extensions, smtputf8) },
	{ "CHUNKING", offsetof(struct session_extensions, chunking) },
	{ "DSN", offsetof(struct session_extensions, dsn) },
	{ "STARTTLS", offsetof(struct session_extensions, starttls) },
	{ NULL, 0 }
}, mechanisms[] = {
	{ "XOAUTH2", offsetof(struct session_extensions, auth_xoauth2) },
	{ "OAUTHBEARER",
	  offsetof(struct session_extensions, auth_oauthbearer) },
	{ "PLAIN", offsetof(struct session_extensions, auth_plain) },
	{ "LOGIN", offsetof(struct session_extensions, auth_login) },
	{ NULL, 0 }
};

/* Whether the word at `p` of that length is `name`. */
static bool
is_word(const char *p, size_t len, const char *name)
{
	return len == strlen(name) && strncasecmp(p, name, len) == 0;
}

static void
note(struct session_extensions *x, const struct word *words, const char *p,
    size_t len)
{
	for (; words->name != NULL; words++)
		if (is_word(p, len, words->name))
			*(bool *)((char *)x + words->offset) = true;
}

/* RFC 1870 3: SIZE [ SP 1*20DIGIT ]; no number or 0 name no limit. */
static void
parse_size(struct session_extensions *x, const char *p)
{
	x->size = true;
	x->max_size = 0;
	for (p += strspn(p, " \t"); *p >= '0' && *p <= '9'; p++) {
		if (x->max_size > (INT64_MAX - 9) / 10) {
			x->max_size = 0;	/* as good as none */
			return;
		}
		x->max_size = x->max_size * 10 + (*p - '0');
	}
}

static void
parse_mechanisms(struct session_extensions *x, const char *p)
{
	size_t len, used, room = sizeof x->auth_offered - 1;

	for (;; p += len) {
		p += strspn(p, " \t");
		len = strcspn(p, " \t\n");
		if (len == 0)
			return;
		note(x, mechanisms, p, len);
		used = strlen(x->auth_offered);
		if (used + len + 1 <= room) {
			if (used != 0)
				x->auth_offered[used++] = ' ';
			memcpy(x->auth_offered + used, p, len);
			x->auth_offered[used + len] = '\0';
		}
	}
}

static void
parse_line(struct session_extensions *x, const char *line)
{
	size_t len = strcspn(line, " \t=\n");

	note(x, keywords, line, len);
	if (is_word(line, len, "SIZE"))
		parse_size(x, line + len);
	/* "AUTH=LOGIN": what some servers still say for clients of 1998. */
	if (is_word(line, len, "AUTH") && line[len] != '\n' &&
	    line[len] != '\0')
		parse_mechanisms(x, line + len + 1);
}

void
ehlo_parse(struct session_extensions *x, const char *text)
{
	memset(x, 0, sizeof *x);
	for (text = strchr(text, '\n'); text != NULL;
	    text = strchr(text, '\n'))
		parse_line(x, ++text);
}
