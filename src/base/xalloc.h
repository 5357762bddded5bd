/* SPDX-License-Identifier: ISC
 *
 * Allocation that cannot fail: a short-lived program that runs out of memory
 * says so and exits EX_OSERR.  That is safe here because nothing exists until
 * it is committed (HACKING, "Commit points"): the caller keeps its message.
 */
#ifndef XALLOC_H
#define XALLOC_H

#include <stddef.h>

/* All return memory that the caller frees with free(3), never NULL. */
void	*xmalloc(size_t size);
void	*xcalloc(size_t count, size_t size);
/* Grows or shrinks `p`; exits if count * size overflows. */
void	*xreallocarray(void *p, size_t count, size_t size);
/* Copies a string; xstrdup(NULL) is NULL. */
char	*xstrdup(const char *s);
/* Copies `len` bytes and adds a NUL. */
char	*xmemdup(const void *p, size_t len);
char	*xasprintf(const char *format, ...)
	    __attribute__((format(printf, 1, 2)));
/* Ends the process as these do; `why` says what else than memory there is none
 * of, such as a library, or NULL. */
void	xalloc_give_up(const char *why) __attribute__((noreturn));
/* Gives back to the system what was freed, holes and all, where that can be done:
 * for whoever has just taken much memory to pieces. */
void	xtrim(void);

#endif
