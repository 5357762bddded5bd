/* SPDX-License-Identifier: ISC
 *
 * What an access token says of itself, for explaining refusals and nothing
 * else: the signature is not checked, and opaque tokens are fine.
 */
#ifndef OAUTH_CLAIMS_H
#define OAUTH_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>

struct claims {
	char	 aud[128], tid[64], appid[64], oid[64], upn[128];
	char	 roles[256], scp[256];	/* blank-separated */
	int64_t	 iat, nbf, exp;		/* 0 if missing */
};

/* False for a token that is no JWT with a JSON payload. */
bool	claims_read(struct claims *c, const char *token);

#endif
