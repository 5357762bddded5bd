/* SPDX-License-Identifier: ISC */
#include "cli/reply_text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool
reply_text_edge(char c)
{
	return !isalnum((unsigned char)c) && strchr("._-/@", c) == NULL;
}

size_t
reply_text_digits(const char *s)
{
	return strspn(s, "0123456789");
}

/* RFC 3463 2: class "." subject "." detail, no longer dotted, as an address or a
 * version would be.  Its length, or 0. */
static size_t
enhanced_length(const char *s)
{
	size_t detail;

	if (strchr("245", s[0]) == NULL || s[0] == '\0' || s[1] != '.' ||
	    s[2] < '0' || s[2] > '7' || s[3] != '.')
		return 0;
	detail = reply_text_digits(s + 4);
	if (detail < 1 || detail > 3 || isalnum((unsigned char)s[4 + detail]) ||
	    (s[4 + detail] == '.' && isdigit((unsigned char)s[5 + detail])))
		return 0;
	return 4 + detail;
}

int
reply_text_code(const char *s)
{
	if (s[0] < '2' || s[0] > '5' || reply_text_digits(s) != 3 || s[1] > '5' ||
	    strchr(" -:;,.)]", s[3]) == NULL)
		return 0;
	return (s[0] - '0') * 100 + (s[1] - '0') * 10 + (s[2] - '0');
}

/* Whether the word before says that a number is a reply. */
static bool
is_announced(const char *line, const char *at)
{
	static const char *const words[] = {
		"code", "error", "reply", "response", "status"
	};
	size_t i, len;

	for (i = 0; i < sizeof words / sizeof *words; i++) {
		len = strlen(words[i]);
		if ((size_t)(at - line) >= len &&
		    strncasecmp(at - len, words[i], len) == 0)
			return true;
	}
	return false;
}

/* How sure it is that a number is a reply: with its enhanced code beside it;
 * where a line or a sentence begins; behind a word that says so; or merely three
 * digits. */
static int
confidence(const char *line, const char *at)
{
	if (enhanced_length(at + 4) != 0 && at[3] != '\0' && at[4] == at[0])
		return 3;
	while (at > line && at[-1] == ' ')
		at--;
	if (at == line || at[-1] == ':' || at[-1] == ';')
		return 2;
	return is_announced(line, at);
}

const char *
reply_text_find(const char *line)
{
	const char *s, *best = NULL;
	int sure, most = 0;

	for (s = line; *s != '\0'; s++) {
		if ((s != line && !reply_text_edge(s[-1])) || reply_text_code(s) == 0)
			continue;
		sure = confidence(line, s);
		if (sure > most) {
			most = sure;
			best = s;
		}
	}
	return best;
}

const char *
reply_text_find_enhanced(const char *line)
{
	const char *s;

	for (s = line; *s != '\0'; s++)
		if ((s == line || reply_text_edge(s[-1])) && *s != '2' &&
		    enhanced_length(s) != 0)
			return s;
	return NULL;
}

const char *
reply_text_read(const char *s, int *code, char enhanced[12])
{
	size_t len;

	enhanced[0] = '\0';
	*code = reply_text_code(s);
	if (*code != 0)
		s += s[3] != '\0' ? 4 : 3;
	/* RFC 3463 wants the same class; Exchange has "451 5.7.3". */
	len = enhanced_length(s);
	if (len != 0 && (*code < 400 || s[0] != '2')) {
		snprintf(enhanced, 12, "%.*s", (int)len, s);
		s += len;
	}
	return s + strspn(s, " ");
}
