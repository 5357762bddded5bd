/* SPDX-License-Identifier: ISC
 *
 * RFC 2047: text over 127 in header fields, which SMTP carries only as encoded
 * words.  The charset is UTF-8 where the text is valid UTF-8, else what
 * charset_fallback(charset) says.  Pure functions; each appends to `out` and
 * leaves text without 8-bit bytes as it is.  The results have no line breaks:
 * header_set() folds at the blanks between the words.
 */
#ifndef ENCODED_WORD_H
#define ENCODED_WORD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* All of it, blanks included, as encoded words that may stand in a phrase, a
 * comment or unstructured text. */
void	encoded_word_all(struct buf *out, const char *text, size_t len,
	    const char *charset);
/* Unstructured text (RFC 2047 5 (1)): only the words that need it. */
void	encoded_word_text(struct buf *out, const char *text,
	    const char *charset);
/* An address list (5 (2) and (3)): display names, group names and comments.
 * Addresses stay as they are: encoding cannot help them. */
void	encoded_word_addresses(struct buf *out, const char *text,
	    const char *charset);
/* Whether this word is one: =?charset?encoding?text?= */
bool	encoded_word_is_one(const char *word, size_t len);

#endif
