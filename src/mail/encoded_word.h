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
/* An address list (5 (2) and (3)): display names, group names and comments; the
 * domain of an address becomes A-labels.  An address in UTF-8 stays one only with
 * `smtputf8` (RFC 6531); without it, and where it cannot be read, it becomes the
 * name of an empty group: nobody can answer to it, but the field can be sent. */
void	encoded_word_addresses(struct buf *out, const char *text,
	    const char *charset, bool smtputf8);
/* Tokens and quoted strings, where 5 allows no encoded word: what stands in there
 * is encoded all the same, which readers understand, and 8-bit bytes are worse. */
void	encoded_word_tokens(struct buf *out, const char *text,
	    const char *charset);
/* Whether this word is one: =?charset?encoding?text?= */
bool	encoded_word_is_one(const char *word, size_t len);

#endif
