/* SPDX-License-Identifier: ISC */
#include "base/xalloc.h"

#ifdef HAVE_MALLOC_TRIM
#include <malloc.h>
#endif
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static void
say(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) == -1)
		_exit(EX_OSERR);
}

/* No stdio, no syslog: both may want memory. */
void
xalloc_give_up(const char *why)
{
	say("mailbearer: ");
	say(why != NULL ? why : "out of memory");
	say("\n");
	_exit(EX_OSERR);
}

void *
xmalloc(size_t size)
{
	void *p = malloc(size != 0 ? size : 1);

	if (p == NULL)
		xalloc_give_up(NULL);
	return p;
}

void *
xcalloc(size_t count, size_t size)
{
	void *p = calloc(count != 0 ? count : 1, size != 0 ? size : 1);

	if (p == NULL)
		xalloc_give_up(NULL);
	return p;
}

void *
xreallocarray(void *p, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		xalloc_give_up(NULL);
	p = realloc(p, total != 0 ? total : 1);
	if (p == NULL)
		xalloc_give_up(NULL);
	return p;
}

char *
xstrdup(const char *s)
{
	return s == NULL ? NULL : xmemdup(s, strlen(s));
}

char *
xmemdup(const void *p, size_t len)
{
	char *copy = xmalloc(len + 1);

	if (len != 0)
		memcpy(copy, p, len);
	copy[len] = '\0';
	return copy;
}

char *
xasprintf(const char *format, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&s, format, ap) == -1)
		xalloc_give_up(NULL);
	va_end(ap);
	return s;
}

void
xtrim(void)
{
#ifdef HAVE_MALLOC_TRIM
	malloc_trim(0);
#endif
}
