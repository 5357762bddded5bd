/* SPDX-License-Identifier: ISC
 *
 * Growable bytes with a hard maximum.  `data` is never NULL and always ends in
 * a NUL that `len` does not count, so a buffer of text is a string too.
 * An append past `max` changes nothing and sets `overflow`, which stays set:
 * append freely, check once at the end.
 */
#ifndef BUF_H
#define BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char	*data;
	size_t	 len;
	size_t	 cap;		/* bytes allocated, 0 while data is static */
	size_t	 max;		/* `len` never gets past this */
	size_t	 most;		/* what `len` was before it got less */
	bool	 overflow;	/* an append did not fit and was left out */
};

/* Makes an empty buffer; allocates nothing yet. */
void	buf_init(struct buf *b, size_t max);
/* Frees the bytes; the buffer is then empty and may be used again. */
void	buf_release(struct buf *b);
/* As buf_release, but overwrites first what was ever in it: for secrets and
 * tokens.  Not all that is allocated: the rest was never touched.
 * A buffer that holds a secret must be reserved in full with buf_reserve()
 * first or be filled in one append: growing copies. */
void	buf_wipe(struct buf *b);
/* Empties the buffer and clears `overflow`; keeps the allocation. */
void	buf_reset(struct buf *b);
/* Makes room for `more` further bytes; false if that would pass `max`. */
bool	buf_reserve(struct buf *b, size_t more);

void	buf_add(struct buf *b, const void *bytes, size_t len);
void	buf_addch(struct buf *b, char c);
void	buf_addstr(struct buf *b, const char *s);
void	buf_addf(struct buf *b, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));
void	buf_vaddf(struct buf *b, const char *format, va_list ap)
	    __attribute__((format(printf, 2, 0)));
/* Shortens to `len` bytes; does nothing if it is shorter already. */
void	buf_truncate(struct buf *b, size_t len);
/* Removes `count` bytes from the front (all, if there are fewer). */
void	buf_consume(struct buf *b, size_t count);
/* Hands the bytes to the caller, who frees them; the buffer is empty then. */
char	*buf_detach(struct buf *b);

#endif
