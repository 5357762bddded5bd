/* SPDX-License-Identifier: ISC */
#include "mail/utf8.h"

#include <stdint.h>
#include <string.h>

/* RFC 3629 4: the lead octets, and the bounds of the octet that follows. */
static const struct {
	unsigned char	first, last;	/* lead octet */
	unsigned char	low, high;	/* second octet */
	size_t		len;
} forms[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

static size_t
form_of(unsigned char lead)
{
	size_t i;

	for (i = 0; i < sizeof forms / sizeof *forms; i++)
		if (lead >= forms[i].first && lead <= forms[i].last)
			break;
	return i;
}

size_t
utf8_sequence(const char *p, size_t left)
{
	const unsigned char *u = (const unsigned char *)p;
	size_t form, i;

	if (left == 0)
		return 0;
	if (u[0] < 0x80)
		return 1;
	form = form_of(u[0]);
	if (form == sizeof forms / sizeof *forms || forms[form].len > left ||
	    u[1] < forms[form].low || u[1] > forms[form].high)
		return 0;
	for (i = 2; i < forms[form].len; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	return forms[form].len;
}

bool
utf8_valid(const char *text, size_t len)
{
	size_t at = 0, n;

	while (at < len) {
		n = utf8_sequence(text + at, len - at);
		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

/* Many octets at a time: this looks at every octet of every body. */
bool
utf8_has_8bit(const char *text, size_t len)
{
	const uint64_t high = UINT64_C(0x8080808080808080);
	uint64_t words[4], seen = 0;
	size_t i;

	for (i = 0; i + sizeof words <= len; i += sizeof words) {
		memcpy(words, text + i, sizeof words);
		seen |= words[0] | words[1] | words[2] | words[3];
	}
	for (; i < len; i++)
		seen |= (unsigned char)text[i];
	return (seen & high) != 0;
}
