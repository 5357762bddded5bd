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

#include <stdbool.h>
#include <stdint.h>

#include "base/record.h"
#include "base/status.h"
#include "config/config.h"
#include "oauth/child.h"
#include "oauth/result.h"

/* The program under way. */
struct helper {
	struct child	child;
	struct buf	out;		/* what it has printed; secret */
	int64_t		deadline;
	bool		is_command;	/* a token-command */
};

/* Starts it, to be done by `deadline` (clock_ms). */
int	helper_start(struct helper *h, const struct config *c,
	    const struct account *a, int64_t deadline, struct status *st);
/* Becomes readable when helper_step() will not have to wait. */
int	helper_fd(const struct helper *h);
/* Reads what there is, waiting for it until the deadline, and RESULT_MAX bytes
 * in all: 1 when there is more to come; 0 with a token in `r` (initialised), -1
 * with the failure in *st, and `h` released after both. */
int	helper_step(struct helper *h, struct result *r, struct status *st);

/* The first half of helper_start(), which the starter does where there is one. */
int	helper_spawn(struct child *child, const struct config *c,
	    const struct account *a, struct status *st);

/* All of it at once: 0 with a token, -1. */
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
