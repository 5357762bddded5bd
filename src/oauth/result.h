/* SPDX-License-Identifier: ISC
 *
 * What the helper program or a token-command printed.  Pure.
 *
 * The helper prints one object, either
 *	{"access_token":"...","expires_in":N,"refresh_in":N,"obtained":N,
 *	 "credential_expires":N,"request_id":"...","warning":"..."}
 * or
 *	{"error":{"exit":N,"class":N,"reply":N,"text":"...","remote":"...",
 *	 "hint":"...","answered":true,"oauth_error":"...","aadsts":N,
 *	 "correlation_id":"...","trace_id":"...","retry_after":N},
 *	 "request_id":"..."}
 * A token-command prints a token response (RFC 6749 5.1) or a bare token.
 */
#ifndef OAUTH_RESULT_H
#define OAUTH_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

#define RESULT_MAX (64 * 1024)

struct result {
	struct buf	access;		/* wiped on release */
	int64_t		expires_in, refresh_in;	/* refresh_in 0: not said */
	int64_t		obtained;
	int64_t		credential_expires;
	char		request_id[64];
	char		warning[256];
	/* after a failure */
	bool		answered;	/* a server said so, not our network */
	int64_t		retry_after;	/* seconds, -1 for none */
	long		aadsts;
	char		oauth_error[64], correlation_id[64], trace_id[64];
};

void	result_init(struct result *r);
void	result_release(struct result *r);

/* 0 with a token, -1 with the failure in *st (EX_SOFTWARE if the text is none
 * of the above).  `now` stands in for a missing "obtained". */
int	result_parse_helper(struct result *r, const char *text, size_t len,
	    int64_t now, struct status *st);
int	result_parse_command(struct result *r, const char *text, size_t len,
	    int64_t now, struct status *st);

#endif
