/* SPDX-License-Identifier: ISC
 *
 * UTF-8 (RFC 3629) in mail: what is, and what only looks like it.
 */
#ifndef UTF8_H
#define UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Octets of the character at `p`, which has `left` octets to its right end; 0
 * if it is no well-formed UTF-8 (cut off, overlong, a surrogate, past
 * U+10FFFF).  ASCII counts as 1, NUL too. */
size_t	utf8_sequence(const char *p, size_t left);
/* All of it is well-formed. */
bool	utf8_valid(const char *text, size_t len);
/* There is an octet over 127 in it. */
bool	utf8_has_8bit(const char *text, size_t len);

#endif
