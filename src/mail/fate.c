/* SPDX-License-Identifier: ISC */
#include "mail/fate.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

const struct fate fate_none = {
	.sysexit = EX_OK, .text = "", .remote = "", .hint = ""
};

static bool
says_nothing(const struct status *st)
{
	return st->sysexit == EX_OK && st->reply == 0 &&
	    st->enhanced[0] == '\0' && st->text[0] == '\0' &&
	    st->remote[0] == '\0' && st->hint[0] == '\0';
}

/* Where the next words go. */
static char *
put(const char **words, char *at, const char *from)
{
	size_t size = strlen(from) + 1;

	memcpy(at, from, size);
	*words = at;
	return at + size;
}

struct fate *
fate_new(const struct status *st)
{
	struct fate *f;
	char *at;

	if (says_nothing(st))
		return NULL;
	f = xmalloc(sizeof *f + strlen(st->text) + strlen(st->remote) +
	    strlen(st->hint) + 3);
	*f = (struct fate){ .holders = 1, .sysexit = st->sysexit,
	    .scope = st->scope, .class = st->class, .reply = st->reply };
	memcpy(f->enhanced, st->enhanced, sizeof f->enhanced);
	at = put(&f->text, f->words, st->text);
	at = put(&f->remote, at, st->remote);
	put(&f->hint, at, st->hint);
	return f;
}

struct fate *
fate_hold(struct fate *f)
{
	if (f != NULL)
		f->holders++;
	return f;
}

void
fate_release(struct fate *f)
{
	if (f != NULL && --f->holders == 0)
		free(f);
}

void
fate_status(const struct fate *f, struct status *st)
{
	*st = (struct status){ .sysexit = f->sysexit, .scope = f->scope,
	    .class = f->class, .reply = f->reply };
	memcpy(st->enhanced, f->enhanced, sizeof st->enhanced);
	memcpy(st->text, f->text, strlen(f->text) + 1);
	memcpy(st->remote, f->remote, strlen(f->remote) + 1);
	memcpy(st->hint, f->hint, strlen(f->hint) + 1);
}
