/* SPDX-License-Identifier: ISC
 *
 * JSON objects (RFC 8259): parsing what an endpoint, a file or a program said,
 * and writing our own.  The only file that knows the JSON library.
 *
 * Objects may hold secrets: all memory is overwritten when it is freed.
 */
#ifndef RECORD_H
#define RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct record;

/* The object that `text` is, and nothing else but white space; NULL for
 * anything else: other types, a name twice, invalid UTF-8, a NUL, deep nesting.
 * The caller frees it. */
struct record *record_parse(const char *text, size_t len);
struct record *record_new(void);
/* Also frees the objects within; NULL is fine. */
void	record_free(struct record *r);

/* A member, borrowed.  What is missing or of another type is "" or NULL. */
const char *record_text(const struct record *r, const char *name);
const struct record *record_object(const struct record *r, const char *name);
/* A whole number, given as a number or as a string of decimal digits (as Azure
 * does); fractions are cut off.  `otherwise` for anything else. */
int64_t	record_number(const struct record *r, const char *name,
	    int64_t otherwise);
bool	record_flag(const struct record *r, const char *name);
/* The first element of an array, if it is a whole number. */
int64_t	record_first_number(const struct record *r, const char *name,
	    int64_t otherwise);
/* A string, or the strings of an array with blanks between; one that
 * does not fit any more is left out. */
void	record_words(const struct record *r, const char *name, char *to,
	    size_t size);

/* Members in the order they are put.  Text that is not UTF-8 becomes "". */
void	record_put_text(struct record *r, const char *name, const char *text);
void	record_put_number(struct record *r, const char *name, int64_t number);
void	record_put_flag(struct record *r, const char *name, bool flag);
/* Takes ownership of `object`. */
void	record_put_object(struct record *r, const char *name,
	    struct record *object);
/* An empty array; one that is there is kept. */
void	record_put_array(struct record *r, const char *name);
/* Adds an object, of which it takes ownership, to the array `name`. */
void	record_append(struct record *r, const char *name,
	    struct record *object);
/* Appends the object as one line without blanks or line end. */
void	record_format(const struct record *r, struct buf *out);

#endif
