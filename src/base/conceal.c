/* SPDX-License-Identifier: ISC */
#include "base/conceal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#define SECRETS_MAX	(72 * 1024)	/* a token of 16 KB, and percent-encoded */
#define MARK		"<hidden>"

/* What an octet is taken for when text and secret are compared; NUL if it does
 * not count.  Not by ctype(3): a reply is in no locale. */
static char
as_visible(char c)
{
	return c > ' ' && c < 0x7f ? c : '\0';
}

static char
as_letter(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return c >= 'a' && c <= 'z' ? c : '\0';
}

void
conceal_init(struct conceal *c)
{
	size_t way;

	for (way = 0; way < CONCEAL_WAYS; way++)
		buf_init(&c->secrets[way], SECRETS_MAX);
	memset(c->grams, 0, sizeof c->grams);
}

void
conceal_release(struct conceal *c)
{
	size_t way;

	for (way = 0; way < CONCEAL_WAYS; way++)
		buf_wipe(&c->secrets[way]);
	explicit_bzero(c->grams, sizeof c->grams);
}

/* Which bit stands for the four octets at `p`. */
static unsigned
gram(const char *p)
{
	uint32_t octets;

	memcpy(&octets, p, sizeof octets);
	return (octets * UINT32_C(2654435761)) >> 17;	/* 15 bits are left */
}

static void
note_grams(unsigned char *grams, const struct buf *secrets)
{
	unsigned bit;
	size_t i;

	for (i = 0; i + 4 <= secrets->len; i++) {
		bit = gram(secrets->data + i);
		grams[bit / 8] |= (unsigned char)(1 << bit % 8);
	}
}

static bool
has_gram(const unsigned char *grams, const char *p)
{
	return (grams[gram(p) / 8] >> gram(p) % 8 & 1) != 0;
}

/* False for nearly all that is no piece, true for every piece. */
static bool
may_be_piece(const struct conceal *c, size_t way, const char *p)
{
	size_t i;

	for (i = 0; i + 4 <= CONCEAL_RUN; i++)
		if (!has_gram(c->grams[way], p + i))
			return false;
	return true;
}

/* Reduces `text` to what counts, with room for all of it; origin[i], for whoever
 * asks, is where octet i of it came from.  Returns how many there are. */
static size_t
reduce(size_t way, const char *text, size_t len, char *to, size_t *origin)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		if (origin != NULL)
			origin[n] = i;
		to[n] = way == 0 ? as_visible(text[i]) : as_letter(text[i]);
		n += to[n] != '\0';
	}
	return n;
}

static void
keep(struct buf *to, size_t way, const char *secret)
{
	if (!buf_reserve(to, strlen(secret) + 1))
		return;
	to->len += reduce(way, secret, strlen(secret), to->data + to->len, NULL);
	buf_addch(to, '\0');
}

void
conceal_keep(struct conceal *c, const char *secret, const char *encoded)
{
	size_t way;

	conceal_release(c);
	for (way = 0; way < CONCEAL_WAYS; way++) {
		/* At once: growing would leave a copy behind. */
		buf_reserve(&c->secrets[way],
		    strlen(secret) + strlen(encoded) + 2);
		keep(&c->secrets[way], way, secret);
		keep(&c->secrets[way], way, encoded);
		note_grams(c->grams[way], &c->secrets[way]);
	}
}

/* Sets hidden[i] for every octet of the text that belongs to a piece. */
static bool
find_pieces(const struct conceal *c, size_t way, const struct buf *text,
    char *hidden)
{
	const struct buf *secrets = &c->secrets[way];
	char *reduced = xmalloc(text->len + 1);
	size_t *origin = xreallocarray(NULL, text->len + 1, sizeof *origin);
	size_t n = reduce(way, text->data, text->len, reduced, origin), i;
	bool found = false;

	for (i = 0; i + CONCEAL_RUN <= n; i++)
		if (may_be_piece(c, way, reduced + i) &&
		    memmem(secrets->data, secrets->len, reduced + i,
		    CONCEAL_RUN) != NULL) {
			memset(hidden + origin[i], 1,
			    origin[i + CONCEAL_RUN - 1] - origin[i] + 1);
			found = true;
		}
	explicit_bzero(reduced, n);
	free(origin);
	free(reduced);
	return found;
}

/* RFC 9110 11.2, token68: what tokens and base64 are made of. */
static bool
is_token_octet(char c)
{
	return as_letter(c) != '\0' || (c != '\0' &&
	    strchr("0123456789-._~+/=", c) != NULL);
}

/* A piece ends where its word ends: its edges may be fewer octets than count. */
static void
widen_to_words(const struct buf *text, char *hidden)
{
	size_t i;

	for (i = 1; i < text->len; i++)
		if (hidden[i - 1] && is_token_octet(text->data[i]))
			hidden[i] = 1;
	for (i = text->len; i-- > 1; )
		if (hidden[i] && is_token_octet(text->data[i - 1]))
			hidden[i - 1] = 1;
}

static void
replace_hidden(struct buf *text, const char *hidden)
{
	size_t i, used = 0, len = text->len;

	for (i = 0; i < len; i++)
		if (!hidden[i])
			text->data[used++] = text->data[i];
		else if (i == 0 || !hidden[i - 1]) {
			memcpy(text->data + used, MARK, strlen(MARK));
			used += strlen(MARK);
		}
	explicit_bzero(text->data + used, len - used);
	buf_truncate(text, used);
}

void
conceal_in(const struct conceal *c, struct buf *text)
{
	char *hidden;
	bool found = false;
	size_t way;

	if (c->secrets[0].len == 0 || text->len < CONCEAL_RUN)
		return;
	hidden = xcalloc(text->len, 1);
	for (way = 0; way < CONCEAL_WAYS; way++)
		found |= find_pieces(c, way, text, hidden);
	if (found) {
		widen_to_words(text, hidden);
		replace_hidden(text, hidden);
	}
	free(hidden);
}
