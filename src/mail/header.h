/* SPDX-License-Identifier: ISC
 *
 * The header section of a message: a list of fields in order, each kept as it
 * was written until somebody replaces it.  RFC 5322 2.2, with the obsolete
 * syntax of 4.5 (white space before the colon).  No I/O.
 */
#ifndef HEADER_H
#define HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

/* A header section is in memory while it is sent, beside TLS.  Exchange takes 256
 * KB of it. */
#define HEADER_MAX		(512 * 1024)	/* bytes of a header section */
#define HEADER_SENT_MAX		(HEADER_MAX + 128 * 1024) /* rewritten, encoded */
#define HEADER_FIELDS_MAX	2000
#define HEADER_NAME_MAX		256	/* longer is no field name */

struct header_field {
	const char *name;	/* as written, without blanks and colon */
	const char *body;	/* behind the colon, first blank and all, folds
				 * as CRLF + white space, without the last CRLF */
	size_t	*holders;	/* private: copies share their text */
};

struct header {
	struct header_field *fields;
	size_t		 count, cap;
};

#define HEADER_INIT { 0 }

/* The length of the field name that a line begins with, or 0 if the line is no
 * field: printable ASCII but for the colon, up to HEADER_NAME_MAX octets, then
 * blanks if any (RFC 5322 4.5), then a colon. */
size_t	header_name_length(const char *line, size_t len);

/* Reads a header section: lines that end in CRLF, ended by `len`.  A first line
 * "From " or ">From " of an mbox is skipped.  Every line must be a field or a
 * continuation (message.h decides where the header ends); EX_DATAERR otherwise
 * and past the limits.  A continuation of nothing but white space is left out:
 * some servers take it for the end of the header.  Adds to *h. */
int	header_parse(struct header *h, const char *text, size_t len,
	    struct status *st);
/* Makes *to, which holds nothing yet, a copy that can be changed; what stays as
 * it is stays there once. */
void	header_copy(struct header *to, const struct header *from);
void	header_release(struct header *h);

/* The first field of that name (case ignored) at or after index `from`; its
 * index, or -1. */
ptrdiff_t header_find(const struct header *h, const char *name, size_t from);
/* Its body unfolded and trimmed, to be freed; NULL if there is no such field. */
char	*header_value(const struct header *h, const char *name);
/* Removes all fields of that name, or those that are unwanted; how many there
 * were. */
size_t	header_remove(struct header *h, const char *name);
size_t	header_remove_if(struct header *h,
	    bool (*unwanted)(const void *context,
		const struct header_field *field), const void *context);
/* Adds a field at the end.  `body` is copied, and is folded at
 * white space where a line would pass 78 columns.  A CR, LF or NUL in it that is
 * no proper fold is replaced by a blank: nothing injects a field. */
void	header_append(struct header *h, const char *name, const char *body);
/* Replaces the body of field `i`, as header_append() would write it; its name
 * lies elsewhere then. */
void	header_set(struct header *h, size_t i, const char *body);
void	header_delete(struct header *h, size_t i);

/* There is an octet over 127 in a body. */
bool	header_is_8bit(const struct header *h);

/* The section as it is sent, pulled line by line: each field, CRLF, and the empty
 * line.  Lines over 998 octets are folded at white space (RFC 5322 2.1.1), or,
 * where there is none, broken by CRLF SPACE. */
struct header_reader {
	const struct header *header;	/* borrowed */
	/* private to header_read.c */
	size_t		 field;
	const char	*at;		/* in its body; NULL: before its name */
	bool		 is_broken;	/* in the middle of a line of it */
	bool		 is_over;
};

#define HEADER_LINE_SENT	1000	/* octets, CRLF and all */

void	header_reader_init(struct header_reader *r, const struct header *h);
/* As many whole lines as fit into `size` octets, HEADER_LINE_SENT at least; 0 at
 * the end. */
size_t	header_read(struct header_reader *r, char *to, size_t size);
/* What header_read() will give in all. */
int64_t	header_size(const struct header *h);

#endif
