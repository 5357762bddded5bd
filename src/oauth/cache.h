/* SPDX-License-Identifier: ISC
 *
 * What is known of one app's tokens, and its form on disk: one JSON object.
 * Pure: store.c reads and writes the file.
 *
 *	{"version":1,
 *	 "key":"0123456789abcdef",	digest of config and credential
 *	 "access_token":"...",		"" when there is none
 *	 "obtained":N,"expires":N,	wall clock, seconds
 *	 "refresh_after":N,		when to renew in the background
 *	 "rejected":N,			when the mail server last refused one
 *	 "credential_expires":N,	certificate or client-secret-expires
 *	 "expiry_said":N,		when the log last said so
 *	 "failure":{"at":N,"not_before":N,"count":N,
 *	  "exit":N,"class":N,"reply":N,"text":"...","remote":"...","hint":"..."}}
 *
 * A file that is anything else is as good as none.
 */
#ifndef OAUTH_CACHE_H
#define OAUTH_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/record.h"
#include "base/status.h"
#include "oauth/token.h"

#define CACHE_FILE_MAX	 (64 * 1024)
#define CACHE_KEY_SIZE	 17		/* hex digits and NUL */
/* With continuous access evaluation a token may live for 28 hours. */
#define TOKEN_LIFE_MAX	 (28 * 3600)
#define RETRY_AFTER_MAX	 3600
/* The mail server's word against a token is taken so often per app. */
#define REJECT_PAUSE	 300

struct cache {
	char		key[CACHE_KEY_SIZE];
	struct buf	access;
	int64_t		obtained, expires, refresh_after;
	int64_t		rejected;
	int64_t		credential_expires, expiry_said;
	struct {
		int64_t		at, not_before;	/* at 0: there is none */
		int64_t		count;		/* failures in a row */
		struct status	status;
	} failure;
};

void	cache_init(struct cache *c);
void	cache_release(struct cache *c);

/* Reads the form on disk into an initialised `c`.  -1, and `c` as after
 * cache_init, if it is broken or says what cannot be: obtained in the future of
 * `now`, a life of more than 28 hours, a pause of more than an hour. */
int	cache_parse(struct cache *c, const char *text, size_t len, int64_t now);
void	cache_format(const struct cache *c, struct buf *out);

/* Whether it holds a token that lives for at least `seconds` more. */
bool	cache_has_token(const struct cache *c, int64_t now, int64_t seconds);
/* Whether nobody may ask the endpoint yet. */
bool	cache_is_paused(const struct cache *c, int64_t now);
/* The margin that a token of this life is renewed at: no more than half of it,
 * or short-lived tokens were never fresh. */
int64_t	cache_margin(const struct cache *c, int64_t margin);

/* Puts a token in.  `refresh_in` 0: not said by the endpoint. */
void	cache_put_token(struct cache *c, const char *access, int64_t now,
	    int64_t expires_in, int64_t refresh_in);
void	cache_drop_token(struct cache *c);
/* Notes a failure that a server answered with, and when to ask again: what it
 * said (`retry_after`, -1 for nothing), else a time that grows. */
void	cache_put_failure(struct cache *c, const struct status *st, int64_t now,
	    int64_t retry_after);
void	cache_forgive(struct cache *c);

/* A status from members of an object, as the helper prints it and the file holds
 * it.  Takes nothing for granted: a sysexit or class that does not exist is
 * EX_TEMPFAIL. */
void	status_from_record(struct status *st, const struct record *r);

#endif
