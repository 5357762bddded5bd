/* SPDX-License-Identifier: ISC */
#include "base/encode.h"

#include <string.h>

#define PLAIN_DIGITS \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
#define URL_DIGITS \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

static void
encode(struct buf *out, const unsigned char *p, size_t len, const char *digits,
    bool pad)
{
	char group[4];
	size_t n, chars;
	unsigned bits;

	/* One allocation, so that a secret is not left in outgrown ones. */
	if (!buf_reserve(out, (len + 2) / 3 * 4)) {
		out->overflow = true;
		return;
	}
	for (; len != 0; p += n, len -= n) {
		n = len < 3 ? len : 3;
		bits = (unsigned)p[0] << 16;
		if (n > 1)
			bits |= (unsigned)p[1] << 8;
		if (n > 2)
			bits |= p[2];
		group[0] = digits[bits >> 18];
		group[1] = digits[bits >> 12 & 63];
		group[2] = n > 1 ? digits[bits >> 6 & 63] : '=';
		group[3] = n > 2 ? digits[bits & 63] : '=';
		chars = pad ? 4 : n + 1;
		buf_add(out, group, chars);
	}
}

void
base64_encode(struct buf *out, const void *bytes, size_t len)
{
	encode(out, bytes, len, PLAIN_DIGITS, true);
}

void
base64url_encode(struct buf *out, const void *bytes, size_t len)
{
	encode(out, bytes, len, URL_DIGITS, false);
}

/* The value of a digit of either alphabet, or -1. */
static int
digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	if (c == '/' || c == '_')
		return 63;
	return -1;
}

int
base64_decode(struct buf *out, const char *text, size_t len)
{
	size_t start = out->len, i, padding = 0;
	unsigned bits = 0;
	int value, have = 0;

	while (padding < 2 && len != 0 && text[len - 1] == '=') {
		len--;
		padding++;
	}
	if (len % 4 == 1 || (padding != 0 && (len + padding) % 4 != 0))
		return -1;
	if (!buf_reserve(out, len / 4 * 3 + 3))
		return -1;
	for (i = 0; i < len; i++) {
		if ((value = digit_value(text[i])) == -1) {
			buf_truncate(out, start);
			return -1;
		}
		bits = bits << 6 | (unsigned)value;
		have += 6;
		if (have >= 8) {
			have -= 8;
			buf_addch(out, (char)(bits >> have & 255));
		}
	}
	return 0;
}

void
form_add(struct buf *out, const char *name, const char *value)
{
	static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-._~";

	/* The value may be a secret: one allocation for the longest form. */
	if (!buf_reserve(out, strlen(name) + 3 * strlen(value) + 2)) {
		out->overflow = true;
		return;
	}
	if (out->len != 0)
		buf_addch(out, '&');
	buf_addstr(out, name);
	buf_addch(out, '=');
	for (; *value != '\0'; value++) {
		if (strchr(unreserved, *value) != NULL)
			buf_addch(out, *value);
		else
			buf_addf(out, "%%%02X", (unsigned char)*value);
	}
}

void
xtext_encode(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text > 32 && *text < 127 && *text != '+' && *text != '=')
			buf_addch(out, *text);
		else
			buf_addf(out, "+%02X", (unsigned char)*text);
	}
}

void
hex_encode(char *out, const void *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = bytes;

	for (; len != 0; len--, p++) {
		*out++ = digits[*p >> 4];
		*out++ = digits[*p & 15];
	}
	*out = '\0';
}

uint64_t
hash_add(uint64_t hash, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;

	for (; len != 0; len--, p++)
		hash = (hash ^ *p) * UINT64_C(0x100000001b3);
	return hash;
}
