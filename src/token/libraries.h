/* SPDX-License-Identifier: ISC
 *
 * The libraries that secrets, assertions and tokens pass through.  Neither OpenSSL
 * nor libcurl wipes all that it frees, so both allocate by base/wiping.h.
 */
#ifndef TOKEN_LIBRARIES_H
#define TOKEN_LIBRARIES_H

#include "base/status.h"

/* Before either has allocated anything. */
int	libraries_start(struct status *st);

#endif
