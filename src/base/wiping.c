/* SPDX-License-Identifier: ISC */
#include "base/wiping.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The size of a block stands in front of it, so that freeing can wipe it. */
#define HEAD (sizeof(size_t) > alignof(max_align_t) ? \
	sizeof(size_t) : alignof(max_align_t))

static size_t
size_of(const void *block)
{
	size_t size;

	memcpy(&size, (const char *)block - HEAD, sizeof size);
	return size;
}

void *
wiping_malloc(size_t size)
{
	char *p = size <= SIZE_MAX - HEAD ? malloc(size + HEAD) : NULL;

	if (p == NULL)
		return NULL;
	memcpy(p, &size, sizeof size);
	return p + HEAD;
}

void *
wiping_calloc(size_t count, size_t size)
{
	size_t total;
	void *block;

	if (__builtin_mul_overflow(count, size, &total) ||
	    (block = wiping_malloc(total)) == NULL)
		return NULL;
	return memset(block, 0, total);
}

void *
wiping_realloc(void *block, size_t size)
{
	void *grown;

	if (size == 0 && block != NULL) {
		wiping_free(block);
		return NULL;
	}
	if ((grown = wiping_malloc(size)) == NULL || block == NULL)
		return grown;
	memcpy(grown, block, size_of(block) < size ? size_of(block) : size);
	wiping_free(block);
	return grown;
}

char *
wiping_strdup(const char *s)
{
	size_t size = strlen(s) + 1;
	char *copy = wiping_malloc(size);

	return copy == NULL ? NULL : memcpy(copy, s, size);
}

void
wiping_free(void *block)
{
	char *p;

	if (block == NULL)
		return;
	p = (char *)block - HEAD;
	explicit_bzero(p, size_of(block) + HEAD);
	free(p);
}
