/* SPDX-License-Identifier: ISC
 *
 * Domain names as A-labels, through libidn2: the form they are compared and
 * sent in (RFC 5890 2.3.2.1).
 */
#ifndef IDNA_H
#define IDNA_H

#include <stddef.h>

/* Writes the lower-case A-label form of a domain in UTF-8 (or ASCII already) to
 * `out` (IDNA_DOMAIN_SIZE bytes).  An address literal in brackets is kept as it
 * is.  Returns -1 for a name that IDNA2008 (UTS 46, non-transitional) refuses,
 * that is longer than 253 octets, or has an empty label or a byte that is no
 * letter, digit, hyphen or underscore.  Where libidn2 cannot be loaded the
 * process ends, as without memory (xalloc.h). */
#define IDNA_DOMAIN_SIZE 256
int	idna_to_ascii(const char *domain, char out[IDNA_DOMAIN_SIZE]);

#endif
