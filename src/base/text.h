/* SPDX-License-Identifier: ISC
 *
 * What a piece of text is made of, whatever the locale.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* White space as mail knows it: WSP, RFC 5234 B.1. */
static inline bool
text_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Has no octet over 127. */
bool	text_is_ascii(const char *s);
/* Only visible ASCII, such as a bearer token is made of (RFC 6750 2.1 has less):
 * anything else could end the line that it is sent in. */
bool	text_is_visible(const char *s, size_t len);
/* An IPv4 or IPv6 address without brackets or zone. */
bool	text_is_ip(const char *s);

#endif
