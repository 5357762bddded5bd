/* SPDX-License-Identifier: ISC
 *
 * The kinds of credential: one file and one function each, chosen from a table
 * in main.c.  Each makes one token request (a second one only where the answer
 * to the first asks for it) and leaves what was said in `a`.  Returns 0 with a
 * token, -1 with *st.
 */
#ifndef TOKEN_CREDENTIAL_H
#define TOKEN_CREDENTIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "config/config.h"
#include "token/answer.h"
#include "token/http.h"

/* For whom a token is wanted, and what is worth telling about it. */
struct request {
	const struct config	*config;
	const struct app	*app;
	const char		*mailbox;	/* NULL unless delegated */
	int64_t			 deadline;	/* clock_ms */
	/* told */
	char			 id[UUID_SIZE];	/* of the last HTTP request */
	int64_t			 credential_expires;	/* wall clock, or 0 */
	char			 warning[256];
};

typedef int credential_fn(struct request *q, struct answer *a,
    struct status *st);

credential_fn	secret_ask, certificate_ask, federated_ask,
		managed_identity_ask, delegated_ask;

/* Signs a user in by device code (RFC 8628) and keeps the refresh token.  What
 * the user has to do is given to `tell`, as an object on a line. */
int	delegated_login(struct request *q, struct answer *a,
	    void (*tell)(const char *line), struct status *st);

/* A field of a form; the last one has no name. */
struct field {
	const char	*name, *value;
	bool		 secret;
};

/* Posts client_id, scope and the fields to `url`.  0 when a server answered. */
int	endpoint_send(struct request *q, const char *url, const char *scope,
	    const struct field *fields, struct http_response *r,
	    struct status *st);
/* The same to the token endpoint, and reads the answer. */
int	endpoint_ask(struct request *q, const char *scope,
	    const struct field *fields, struct answer *a, struct status *st);
/* The same with a client assertion for grant_type=client_credentials. */
int	endpoint_ask_assertion(struct request *q, const char *assertion,
	    struct answer *a, struct status *st);

/* Reads a trusted file that the config names, be it "credential:NAME"; as
 * safefile_read(). */
int	file_read(struct buf *out, const char *file, enum trust_kind kind,
	    size_t max, const struct config *c, struct status *st);
/* Reads a file with one line of secret: exactly one line end is taken off.
 * Empty, or with a control byte in it, or a byte order mark in front, is
 * EX_CONFIG.  The caller wipes `out`. */
#define SECRET_MAX (16 * 1024)
int	secret_read(struct buf *out, const char *path, enum trust_kind kind,
	    const struct config *c, struct status *st);

#endif
