/* SPDX-License-Identifier: ISC
 *
 * What is freed must hold no secret: the next one who gets that memory may be a
 * parser of a stranger's bytes, and a hole in it a way to read them.
 */
#include "faults.h"

#include <string.h>

static bool
is_in(const char *secret, const void *block, size_t size)
{
	return secret[0] != '\0' &&
	    memmem(block, size, secret, strlen(secret)) != NULL;
}

void
secrets_look(const void *block, size_t size)
{
	size_t i;

	if (fault == NULL || fault->freed[0] != '\0')
		return;
	for (i = 0; i < FAULT_SECRETS; i++)
		if (is_in(fault->secrets[i], block, size)) {
			stack_print(fault->freed, sizeof fault->freed);
			return;
		}
}
