/* SPDX-License-Identifier: ISC
 *
 * A sealed record: one line of printable ASCII with a checksum, such as
 *
 *	attempt at=1790000000 number=3 text=connecting%20to #0123456789abcdef
 *
 * The journal of a spooled message and the small files of limits.c are made of
 * them.  The checksum covers the line, its position in the file and the name of
 * the file (the seed), so that a record means nothing anywhere else.  What a
 * record may hold is a table that writes and reads it.  Pure functions.
 */
#ifndef QUEUE_SEALED_H
#define QUEUE_SEALED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

#define SEALED_MAX	(64 * 1024)	/* bytes of one and its line end */
#define SEALED_PAIRS	32		/* key=value pairs in one */

enum field_kind {
	FIELD_NUMBER,		/* int64_t, 0 to max; 0 is left out */
	FIELD_INT,		/* int, the same */
	FIELD_UID,		/* uid_t, the same */
	FIELD_FLAG,		/* bool, "1"; false is left out */
	FIELD_WORD,		/* enum, as one of `words`; 0 is left out */
	FIELD_TEXT,		/* char *, max bytes; NULL is left out */
	FIELD_CHARS		/* char[max + 1], printable; "" is left out */
};

/* One key of a record and where its value lies in a struct. */
struct field {
	const char	*key;		/* NULL ends a table */
	enum field_kind	 kind;
	size_t		 offset;
	int64_t		 max;
	bool	       (*valid)(const char *);	/* texts: NULL for any */
	const char *const *words;		/* NULL ends it */
};

/* Rows of a table of fields. */
#define FIELD_PLAIN(key, kind, at, max)	{ key, kind, at, max, NULL, NULL }
#define FIELD_CHECKED(key, kind, at, max, valid) \
	{ key, kind, at, max, valid, NULL }
#define FIELD_CHOICE(key, at, words)	{ key, FIELD_WORD, at, 0, NULL, words }
/* The last moment that a file may name, in seconds or milliseconds: what is
 * reckoned with it cannot overflow. */
#define FIELD_TIME_LAST	(INT64_C(1) << 50)
#define FIELD_LAST			{ NULL, FIELD_NUMBER, 0, 0, NULL, NULL }

/* Fields of struct status, as they stand in every record that has one. */
extern const struct field sealed_status_fields[];

/* Writing: begin, add tables, end.  `position`: where the record will lie in
 * its file.  A record over SEALED_MAX sets line->overflow. */
void	sealed_begin(struct buf *line, const char *type);
void	sealed_add(struct buf *line, const struct field *fields,
	    const void *values);
void	sealed_end(struct buf *line, const char *seed, int64_t position);

struct sealed {
	char	 line[SEALED_MAX];	/* unescaped in place */
	char	*type;
	size_t	 count;
	struct {
		char	*key, *value;
		size_t	 len;
	} pairs[SEALED_PAIRS];
};

enum sealed_result {
	SEALED_GOOD,
	SEALED_END,		/* no bytes left */
	SEALED_TORN,		/* the last bytes are no whole good record */
	SEALED_BROKEN		/* no good record, and more behind it */
};

/* Reads the record at the start of `bytes`; *used is its length when good. */
enum sealed_result sealed_next(struct sealed *r, const char *bytes, size_t len,
	    const char *seed, int64_t position, size_t *used);
/* Takes the values of the table's keys out of the record into a struct that the
 * caller has zeroed; texts are allocated.  -1 for a value that is not valid, a
 * key given twice. */
int	sealed_take(struct sealed *r, const struct field *fields, void *values);
/* Whether every key was taken: a record with keys of no table is not valid. */
bool	sealed_is_spent(const struct sealed *r);
/* Frees the texts of a struct filled by sealed_take(). */
void	sealed_release(const struct field *fields, void *values);

/* Characters of a text field. */
bool	sealed_is_line(const char *s);	/* no control characters */
bool	sealed_is_name(const char *s);	/* [A-Za-z0-9._-]+ */

#endif
