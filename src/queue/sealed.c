/* SPDX-License-Identifier: ISC */
#include "queue/sealed.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "base/encode.h"
#include "base/xalloc.h"

#define CHECKSUM_LEN	18	/* " #" and 16 digits */
#define CHARS_MAX	512	/* the longest char[] of a table */

static const char *const scope_words[] = {
	[SCOPE_LOCAL] = "local", [SCOPE_ACCOUNT] = "account",
	[SCOPE_SESSION] = "session", [SCOPE_MESSAGE] = "message",
	[SCOPE_RECIPIENT] = "recipient", NULL
};
static const char *const class_words[] = {
	[CLASS_NONE] = "none", [CLASS_RETRY] = "retry",
	[CLASS_CONFIG] = "config", [CLASS_POLICY] = "policy",
	[CLASS_RECIPIENT] = "recipient", [CLASS_MESSAGE] = "message",
	[CLASS_USAGE] = "usage", NULL
};

#define AT(member)	offsetof(struct status, member)
#define ROOM(member)	((int64_t)sizeof ((struct status *)0)->member - 1)
const struct field sealed_status_fields[] = {
	FIELD_PLAIN("exit", FIELD_INT, AT(sysexit), 255),
	FIELD_CHOICE("scope", AT(scope), scope_words),
	FIELD_CHOICE("class", AT(class), class_words),
	FIELD_PLAIN("reply", FIELD_INT, AT(reply), 999),
	FIELD_PLAIN("enhanced", FIELD_CHARS, AT(enhanced), ROOM(enhanced)),
	FIELD_PLAIN("text", FIELD_CHARS, AT(text), ROOM(text)),
	FIELD_PLAIN("remote", FIELD_CHARS, AT(remote), ROOM(remote)),
	FIELD_PLAIN("hint", FIELD_CHARS, AT(hint), ROOM(hint)),
	FIELD_LAST
};
#undef AT
#undef ROOM

bool
sealed_is_line(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

bool
sealed_is_name(const char *s)
{
	return *s != '\0' && s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789._-")] == '\0';
}

static uint64_t
checksum(const char *seed, int64_t position, const char *line, size_t len)
{
	char place[24];
	uint64_t hash;

	snprintf(place, sizeof place, "%" PRId64, position);
	hash = hash_add(HASH_INIT, seed, strlen(seed) + 1);
	hash = hash_add(hash, place, strlen(place) + 1);
	return hash_add(hash, line, len);
}

/* What a line ends with. */
static void
make_seal(char seal[CHECKSUM_LEN + 1], const char *seed, int64_t position,
    const char *line, size_t len)
{
	uint64_t sum = checksum(seed, position, line, len);
	unsigned char octets[sizeof sum];
	size_t i;

	for (i = sizeof octets; i-- > 0; sum >>= 8)
		octets[i] = (unsigned char)sum;
	*seal++ = ' ';
	*seal++ = '#';
	hex_encode(seal, octets, sizeof octets);
}

static void
add_escaped(struct buf *line, const char *s)
{
	for (; *s != '\0'; s++)
		if (*s > 0x20 && *s < 0x7f && *s != '%')
			buf_addch(line, *s);
		else
			buf_addf(line, "%%%02X", (unsigned char)*s);
}

static void
add_text(struct buf *line, const char *key, const char *value)
{
	buf_addf(line, " %s=", key);
	add_escaped(line, value);
}

static void
add_number(struct buf *line, const char *key, int64_t value)
{
	if (value != 0)
		buf_addf(line, " %s=%" PRId64, key, value);
}

static void
add_field(struct buf *line, const struct field *f, const void *at)
{
	char printable[CHARS_MAX];
	unsigned word;

	switch (f->kind) {
	case FIELD_NUMBER:
		add_number(line, f->key, *(const int64_t *)at);
		break;
	case FIELD_INT:
		add_number(line, f->key, *(const int *)at);
		break;
	case FIELD_UID:
		add_number(line, f->key, *(const uid_t *)at);
		break;
	case FIELD_FLAG:
		add_number(line, f->key, *(const bool *)at);
		break;
	case FIELD_WORD:
		memcpy(&word, at, sizeof word);
		if (word != 0)
			add_text(line, f->key, f->words[word]);
		break;
	case FIELD_TEXT:
		if (*(char *const *)at != NULL)
			add_text(line, f->key, *(char *const *)at);
		break;
	case FIELD_CHARS:
		status_printable(printable, sizeof printable, at);
		if (*printable != '\0')
			add_text(line, f->key, printable);
		break;
	}
}

void
sealed_begin(struct buf *line, const char *type)
{
	buf_init(line, SEALED_MAX);
	buf_addstr(line, type);
}

void
sealed_add(struct buf *line, const struct field *fields, const void *values)
{
	for (; fields->key != NULL; fields++)
		add_field(line, fields, (const char *)values + fields->offset);
}

void
sealed_end(struct buf *line, const char *seed, int64_t position)
{
	char seal[CHECKSUM_LEN + 1];

	make_seal(seal, seed, position, line->data, line->len);
	buf_addstr(line, seal);
	buf_addch(line, '\n');
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* In place; -1 for an escape that add_escaped() would not have written. */
static int
unescape(char *s)
{
	char *to = s;
	int high, low;

	for (; *s != '\0'; s++) {
		if (*s != '%') {
			*to++ = *s;
			continue;
		}
		if ((high = hex_value(s[1])) == -1 ||
		    (low = hex_value(s[2])) == -1 || (high | low) == 0)
			return -1;
		*to++ = (char)(high << 4 | low);
		s += 2;
	}
	*to = '\0';
	return 0;
}

/* Cuts the line (checksum off) into type and pairs. */
static int
split(struct sealed *r)
{
	char *save = NULL, *word, *equals;

	r->count = 0;
	if ((r->type = strtok_r(r->line, " ", &save)) == NULL)
		return -1;
	while ((word = strtok_r(NULL, " ", &save)) != NULL) {
		if (r->count == SEALED_PAIRS ||
		    (equals = strchr(word, '=')) == NULL)
			return -1;
		*equals = '\0';
		r->pairs[r->count].key = word;
		r->pairs[r->count].value = equals + 1;
		if (unescape(equals + 1) == -1)
			return -1;
		r->count++;
	}
	return 0;
}

static bool
is_printable_ascii(const char *bytes, size_t len)
{
	for (; len != 0; len--, bytes++)
		if (*bytes < 0x20 || *bytes > 0x7e)
			return false;
	return true;
}

/* `len`: of the line without its line end. */
static int
parse(struct sealed *r, const char *bytes, size_t len, const char *seed,
    int64_t position)
{
	char seal[CHECKSUM_LEN + 1];

	if (len <= CHECKSUM_LEN || !is_printable_ascii(bytes, len))
		return -1;
	len -= CHECKSUM_LEN;
	make_seal(seal, seed, position, bytes, len);
	if (memcmp(bytes + len, seal, CHECKSUM_LEN) != 0)
		return -1;
	memcpy(r->line, bytes, len);
	r->line[len] = '\0';
	return split(r);
}

enum sealed_result
sealed_next(struct sealed *r, const char *bytes, size_t len, const char *seed,
    int64_t position, size_t *used)
{
	const char *end;

	if (len == 0)
		return SEALED_END;
	end = memchr(bytes, '\n', len < SEALED_MAX ? len : SEALED_MAX);
	if (end == NULL)
		return len < SEALED_MAX ? SEALED_TORN : SEALED_BROKEN;
	*used = (size_t)(end - bytes) + 1;
	if (parse(r, bytes, *used - 1, seed, position) == -1)
		return *used == len ? SEALED_TORN : SEALED_BROKEN;
	return SEALED_GOOD;
}

static int
take_number(const char *value, int64_t max, int64_t *number)
{
	char *end;

	if (*value < '1' || *value > '9' || strlen(value) > 18)
		return -1;
	*number = strtoll(value, &end, 10);
	return *end != '\0' || *number > max ? -1 : 0;
}

static int
take_word(const char *value, const char *const *words, void *to)
{
	unsigned i;

	for (i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], value) == 0) {
			memcpy(to, &i, sizeof i);
			return 0;
		}
	return -1;
}

static int
take_text(const struct field *f, const char *value, char **to)
{
	if (strlen(value) > (size_t)f->max ||
	    (f->valid != NULL && !f->valid(value)))
		return -1;
	*to = xstrdup(value);
	return 0;
}

static int
take_chars(const struct field *f, const char *value, char *to)
{
	char printable[CHARS_MAX];

	if (strlen(value) > (size_t)f->max ||
	    (f->valid != NULL && !f->valid(value)))
		return -1;
	status_printable(printable, sizeof printable, value);
	if (strcmp(printable, value) != 0)
		return -1;
	memcpy(to, value, strlen(value) + 1);
	return 0;
}

static int
take(const struct field *f, const char *value, void *to)
{
	int64_t number = 0;

	switch (f->kind) {
	case FIELD_WORD:
		return take_word(value, f->words, to);
	case FIELD_TEXT:
		return take_text(f, value, to);
	case FIELD_CHARS:
		return take_chars(f, value, to);
	default:
		break;
	}
	if (take_number(value, f->kind == FIELD_FLAG ? 1 : f->max,
	    &number) == -1)
		return -1;
	switch (f->kind) {
	case FIELD_INT:
		*(int *)to = (int)number;
		break;
	case FIELD_UID:
		*(uid_t *)to = (uid_t)number;
		break;
	case FIELD_FLAG:
		*(bool *)to = true;
		break;
	default:
		*(int64_t *)to = number;
		break;
	}
	return 0;
}

int
sealed_take(struct sealed *r, const struct field *fields, void *values)
{
	const struct field *f;
	size_t i;
	bool taken;

	for (f = fields; f->key != NULL; f++) {
		taken = false;
		for (i = 0; i < r->count; i++) {
			if (r->pairs[i].key == NULL ||
			    strcmp(r->pairs[i].key, f->key) != 0)
				continue;
			if (taken || take(f, r->pairs[i].value,
			    (char *)values + f->offset) == -1)
				return -1;
			taken = true;
			r->pairs[i].key = NULL;
		}
	}
	return 0;
}

bool
sealed_is_spent(const struct sealed *r)
{
	size_t i;

	for (i = 0; i < r->count; i++)
		if (r->pairs[i].key != NULL)
			return false;
	return true;
}

void
sealed_release(const struct field *fields, void *values)
{
	char **text;

	for (; fields->key != NULL; fields++)
		if (fields->kind == FIELD_TEXT) {
			text = (char **)(void *)((char *)values +
			    fields->offset);
			free(*text);
			*text = NULL;
		}
}
