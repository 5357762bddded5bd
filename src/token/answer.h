/* SPDX-License-Identifier: ISC
 *
 * What a token endpoint said, and what to make of it.  Pure.
 *
 * Success and failure are told apart by whether there is a token, then by the
 * HTTP status and `error` (RFC 6749 5); AADSTS numbers only sharpen the hint.
 * Nothing is taken for granted: Azure writes numbers as strings, proxies answer
 * 200 with a page of HTML.
 */
#ifndef TOKEN_ANSWER_H
#define TOKEN_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "config/config.h"
#include "token/http.h"

#define ANSWER_TOKEN_MAX (16 * 1024)	/* as TOKEN_MAX in oauth/token.h */

struct answer {
	int		http;		/* 0: nobody answered */
	struct buf	access, refresh;	/* wiped on release */
	int64_t		expires_in;	/* never 0 or less with a token */
	int64_t		refresh_in;	/* 0: not said */
	int64_t		retry_after;	/* seconds, -1: not said */
	int64_t		skew;		/* the server's clock minus ours, or 0 */
	long		aadsts;
	char		error[64], description[512];
	char		correlation_id[64], trace_id[64], timestamp[32];
};

void	answer_init(struct answer *a);
void	answer_release(struct answer *a);

/* Reads a response into `a`, which forgets what it held.  Returns 0 if there is
 * a token in it, else -1: see answer_judge().  `secrets` (ends in NULL) is what
 * was sent: an endpoint, or whatever stands in its place, may repeat it, as it
 * is or percent-encoded, and then its words are not kept; or pieces of it, which
 * are hidden in them. */
int	answer_read(struct answer *a, const struct http_response *r,
	    const char *const *secrets, int64_t now);

/* Sets *st from what `a` says and diagnose/ knows of it.  Returns -1. */
int	answer_judge(const struct answer *a, const struct app *app,
	    const char *mailbox, struct status *st);

/* Whether the failure is this code of RFC 6749 5.2 or RFC 8628 3.5. */
bool	answer_is_error(const struct answer *a, const char *error);

#endif
