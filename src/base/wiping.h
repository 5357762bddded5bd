/* SPDX-License-Identifier: ISC
 *
 * An allocator for libraries that are given secrets and do not wipe what they
 * free: it overwrites each block before it goes back.  malloc(3)'s promises hold,
 * and a block of the one is not to be given to the other.
 */
#ifndef WIPING_H
#define WIPING_H

#include <stddef.h>

void	*wiping_malloc(size_t size);
void	*wiping_calloc(size_t count, size_t size);
/* As realloc(3); `size` 0 frees. */
void	*wiping_realloc(void *block, size_t size);
char	*wiping_strdup(const char *s);
void	 wiping_free(void *block);

#endif
