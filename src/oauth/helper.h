/* SPDX-License-Identifier: ISC
 *
 * Running the program that makes a token: mailbearer-token, or the app's
 * token-command in its place.
 *
 * The program gets /dev/null for stdin and stderr, a pipe for stdout, no other
 * descriptor, and an environment of PATH alone.  Neither its arguments nor its
 * environment hold a secret.
 */
#ifndef OAUTH_HELPER_H
#define OAUTH_HELPER_H

#include <stdint.h>

#include "base/status.h"
#include "config/config.h"
#include "oauth/result.h"

/* Runs it until `deadline` (clock_ms), kills it then, and reads at most
 * RESULT_MAX bytes from it into `r` (initialised).  0 with a token, -1 with the
 * failure in *st. */
int	helper_run(struct result *r, const struct config *c,
	    const struct account *a, int64_t deadline, struct status *st);

#endif
