/* SPDX-License-Identifier: ISC */
#include "mail/content_type.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/xalloc.h"

#define BLANK " \t"

bool
content_type_is_text(const char *value)
{
	size_t len = strcspn(value, BLANK ";(");

	if (memchr(value, '/', len) == NULL)
		return true;
	return strncasecmp(value, "text/", strlen("text/")) == 0;
}

bool
content_type_is_single(const char *value)
{
	return strncasecmp(value, "multipart/", strlen("multipart/")) != 0 &&
	    strncasecmp(value, "message/", strlen("message/")) != 0;
}

/* Behind the parameter (or type) at `p`: at its ";" or at the end.  Quoted
 * strings and comments may hold semicolons. */
static const char *
parameter_end(const char *p)
{
	char close;

	while (*p != '\0' && *p != ';') {
		if (*p != '"' && *p != '(') {
			p++;
			continue;
		}
		close = *p == '(' ? ')' : '"';
		for (p++; *p != '\0' && *p != close; p++)
			if (*p == '\\' && p[1] != '\0')
				p++;
		if (*p != '\0')
			p++;
	}
	return p;
}

/* The charset parameter: where its name begins, and where it ends; NULL if
 * there is none. */
static const char *
find_charset(const char *value, const char **end)
{
	static const char name[] = "charset";
	const char *p, *q;

	for (p = parameter_end(value); *p == ';'; p = *end) {
		p += 1 + strspn(p + 1, BLANK);
		*end = parameter_end(p);
		if (strncasecmp(p, name, sizeof name - 1) != 0)
			continue;
		q = p + sizeof name - 1;
		if (q[strspn(q, BLANK)] == '=')
			return p;
	}
	return NULL;
}

char *
content_type_charset(const char *value)
{
	const char *end, *p = find_charset(value, &end);
	size_t len;

	if (p == NULL)
		return NULL;
	p = strchr(p, '=') + 1;
	p += strspn(p, BLANK "\"");
	len = strcspn(p, BLANK "\";(");
	return p < end && len != 0 ? xmemdup(p, len) : NULL;
}

char *
content_type_with_charset(const char *value, const char *charset)
{
	const char *end, *p = find_charset(value, &end);
	size_t len = p != NULL ? (size_t)(p - value) : strlen(value);

	if (p != NULL)
		return xasprintf("%.*scharset=%s%s", (int)len, value, charset,
		    end);
	while (len != 0 && strchr(BLANK ";", value[len - 1]) != NULL)
		len--;
	return xasprintf("%.*s; charset=%s", (int)len, value, charset);
}
