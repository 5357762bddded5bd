/* SPDX-License-Identifier: ISC */
#include "base/record.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/wiping.h"
#include "base/xalloc.h"

/* struct record is never defined: it is the library's own type. */
#define JSON(r) ((json_t *)(uintptr_t)(r))
#define RECORD(j) ((struct record *)(j))

/* It copies what it is given, secrets too.  Out of memory is the end here. */
static void *
allocate(size_t size)
{
	void *block = wiping_malloc(size);

	if (block == NULL)
		xalloc_give_up(NULL);
	return block;
}

struct record *
record_parse(const char *text, size_t len)
{
	json_error_t error;
	json_t *j;

	json_set_alloc_funcs(allocate, wiping_free);
	j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	/* It repeats a piece of the text. */
	explicit_bzero(&error, sizeof error);
	if (j != NULL && !json_is_object(j)) {
		json_decref(j);
		return NULL;
	}
	return RECORD(j);
}

struct record *
record_new(void)
{
	json_set_alloc_funcs(allocate, wiping_free);
	return RECORD(json_object());
}

void
record_free(struct record *r)
{
	json_decref(JSON(r));
}

const char *
record_text(const struct record *r, const char *name)
{
	const char *text = json_string_value(json_object_get(JSON(r), name));

	return text != NULL ? text : "";
}

const struct record *
record_object(const struct record *r, const char *name)
{
	json_t *j = json_object_get(JSON(r), name);

	return json_is_object(j) ? RECORD(j) : NULL;
}

static int64_t
number(const json_t *j, int64_t otherwise)
{
	const char *text;
	char *end;
	long long n;

	if (json_is_integer(j))
		return json_integer_value(j);
	/* 2^53: beyond it a double is no longer exact, nor of any use here. */
	if (json_is_real(j) && json_real_value(j) > -9007199254740992.0 &&
	    json_real_value(j) < 9007199254740992.0)
		return (int64_t)json_real_value(j);
	text = json_string_value(j);
	if (text == NULL || strspn(text, "-0123456789") == 0)
		return otherwise;
	errno = 0;
	n = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0' ? n : otherwise;
}

int64_t
record_number(const struct record *r, const char *name, int64_t otherwise)
{
	return number(json_object_get(JSON(r), name), otherwise);
}

bool
record_flag(const struct record *r, const char *name)
{
	return json_is_true(json_object_get(JSON(r), name));
}

int64_t
record_first_number(const struct record *r, const char *name,
    int64_t otherwise)
{
	return number(json_array_get(json_object_get(JSON(r), name), 0),
	    otherwise);
}

void
record_words(const struct record *r, const char *name, char *to, size_t size)
{
	const json_t *j = json_object_get(JSON(r), name);
	struct buf words;
	size_t i;

	buf_init(&words, size - 1);
	if (json_is_string(j))
		buf_addstr(&words, json_string_value(j));
	for (i = 0; i < json_array_size(j) && !words.overflow; i++) {
		const char *word = json_string_value(json_array_get(j, i));

		if (word == NULL)
			continue;
		if (words.len != 0)
			buf_addch(&words, ' ');
		buf_addstr(&words, word);
	}
	memcpy(to, words.data, words.len + 1);
	buf_wipe(&words);
}

void
record_put_text(struct record *r, const char *name, const char *text)
{
	json_t *j = json_string(text);

	json_object_set_new(JSON(r), name, j != NULL ? j : json_string(""));
}

void
record_put_number(struct record *r, const char *name, int64_t value)
{
	json_object_set_new(JSON(r), name, json_integer(value));
}

void
record_put_flag(struct record *r, const char *name, bool flag)
{
	json_object_set_new(JSON(r), name, json_boolean(flag));
}

void
record_put_object(struct record *r, const char *name, struct record *object)
{
	json_object_set_new(JSON(r), name, JSON(object));
}

void
record_put_array(struct record *r, const char *name)
{
	if (!json_is_array(json_object_get(JSON(r), name)))
		json_object_set_new(JSON(r), name, json_array());
}

void
record_append(struct record *r, const char *name, struct record *object)
{
	record_put_array(r, name);
	json_array_append_new(json_object_get(JSON(r), name), JSON(object));
}

static int
append(const char *bytes, size_t len, void *out)
{
	buf_add(out, bytes, len);
	return 0;
}

void
record_format(const struct record *r, struct buf *out)
{
	/* It may hold a secret: no outgrown allocation is left behind. */
	size_t size = json_dumpb(JSON(r), NULL, 0, JSON_COMPACT);

	if (!buf_reserve(out, size)) {
		out->overflow = true;
		return;
	}
	json_dump_callback(JSON(r), append, out, JSON_COMPACT);
}
