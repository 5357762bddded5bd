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

#include "base/record.h"
#include "base/status.h"
#include "config/config.h"
#include "oauth/result.h"

/* Runs it until `deadline` (clock_ms), kills it then, and reads at most
 * RESULT_MAX bytes from it into `r` (initialised).  0 with a token, -1 with the
 * failure in *st. */
int	helper_run(struct result *r, const struct config *c,
	    const struct account *a, int64_t deadline, struct status *st);

/* A sign-in by device code (RFC 8628): `tell` is called with what the person has
 * to do and how many seconds there are for it. */
struct login {
	void	(*tell)(void *context, const char *uri, const char *code,
		    int64_t seconds);
	void	*context;
};

/* Runs it to sign a user in, and returns when that is done; the refresh token is
 * kept then.  Whoever calls holds the store's lock. */
int	helper_login(const struct config *c, const struct account *a,
	    const struct login *login, int64_t deadline, struct status *st);

/* Makes a key and a certificate for it in the new file `path`, as whoever calls.
 * What is told of it: "certificate" (PEM, for upload), "thumbprint", "expires";
 * to be freed.  NULL with *st. */
struct record *helper_generate(const char *path, const char *name,
	    struct status *st);

#endif
