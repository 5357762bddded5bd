/* SPDX-License-Identifier: ISC */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

/* What `data` points to while nothing is allocated; never written to. */
static char empty[1];

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .data = empty, .max = max };
}

void
buf_release(struct buf *b)
{
	if (b->cap != 0)
		free(b->data);
	buf_init(b, b->max);
}

void
buf_wipe(struct buf *b)
{
	if (b->cap != 0)
		explicit_bzero(b->data, b->len > b->most ? b->len : b->most);
	buf_release(b);
}

void
buf_reset(struct buf *b)
{
	buf_truncate(b, 0);
	b->overflow = false;
}

bool
buf_reserve(struct buf *b, size_t more)
{
	size_t need, cap;

	if (more > b->max - b->len)
		return false;
	need = b->len + more + 1;
	if (need <= b->cap)
		return true;
	cap = b->cap < 32 ? 64 : b->cap * 2;
	if (cap > b->max + 1)
		cap = b->max + 1;
	if (cap < need)
		cap = need;
	if (b->cap == 0) {
		b->data = xmalloc(cap);
		b->data[0] = '\0';
	} else
		b->data = xreallocarray(b->data, cap, 1);
	b->cap = cap;
	return true;
}

void
buf_add(struct buf *b, const void *bytes, size_t len)
{
	if (!buf_reserve(b, len)) {
		b->overflow = true;
		return;
	}
	if (len != 0)
		memcpy(b->data + b->len, bytes, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void
buf_addch(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void
buf_addstr(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_addf(struct buf *b, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	buf_vaddf(b, format, ap);
	va_end(ap);
}

void
buf_vaddf(struct buf *b, const char *format, va_list ap)
{
	va_list again;
	int len;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (len < 0 || !buf_reserve(b, (size_t)len)) {
		b->overflow = true;
		return;
	}
	vsnprintf(b->data + b->len, (size_t)len + 1, format, ap);
	b->len += (size_t)len;
}

/* What was there stays in the memory behind, for buf_wipe(). */
static void
remember_most(struct buf *b)
{
	if (b->len > b->most)
		b->most = b->len;
}

void
buf_truncate(struct buf *b, size_t len)
{
	if (len >= b->len)
		return;
	remember_most(b);
	b->len = len;
	b->data[len] = '\0';
}

void
buf_consume(struct buf *b, size_t count)
{
	if (count >= b->len) {
		buf_truncate(b, 0);
		return;
	}
	remember_most(b);
	memmove(b->data, b->data + count, b->len - count + 1);
	b->len -= count;
}

char *
buf_detach(struct buf *b)
{
	char *data = b->cap != 0 ? b->data : xstrdup("");

	buf_init(b, b->max);
	return data;
}
