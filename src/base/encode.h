/* SPDX-License-Identifier: ISC
 *
 * Encodings, as pure functions on bytes.
 */
#ifndef ENCODE_H
#define ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* RFC 4648 4, with padding, no line breaks; appended to `out`. */
void	base64_encode(struct buf *out, const void *bytes, size_t len);
/* RFC 4648 5, without padding (RFC 7515 2). */
void	base64url_encode(struct buf *out, const void *bytes, size_t len);
/* Decodes either alphabet, with or without padding, appended to `out`.
 * Returns -1 and adds nothing for a byte outside the alphabet (line breaks
 * too), an impossible length, or when `out` is full. */
int	base64_decode(struct buf *out, const char *text, size_t len);
/* Appends "&name=value" ("name=value" to an empty buffer), percent-encoded as
 * application/x-www-form-urlencoded. */
void	form_add(struct buf *out, const char *name, const char *value);
/* RFC 3461 4 xtext. */
void	xtext_encode(struct buf *out, const char *text);
/* 2 * len lower-case hex digits and a NUL. */
void	hex_encode(char *out, const void *bytes, size_t len);
/* FNV-1a, 64 bits: names and cache keys, no protection against anyone.
 * Start with HASH_INIT, feed on with the result. */
#define HASH_INIT UINT64_C(0xcbf29ce484222325)
uint64_t hash_add(uint64_t hash, const void *bytes, size_t len);

#endif
