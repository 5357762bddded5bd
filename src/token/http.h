/* SPDX-License-Identifier: ISC
 *
 * One HTTP request, bounded: 10 s to connect, 30 s in all, 256 KiB of answer, no
 * redirects, no cookies, no netrc, no proxy but the config's.  HTTPS with
 * verified peers only; plain HTTP goes to the identity endpoints of this very
 * machine (loopback and link-local), which know nothing else.
 */
#ifndef TOKEN_HTTP_H
#define TOKEN_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "config/config.h"

#define HTTP_BODY_MAX	(256 * 1024)
#define HTTP_TOTAL_MS	30000
#define UUID_SIZE	37

struct http_request {
	const char	*url;
	const struct buf *form;		/* the body of a POST; NULL for a GET */
	const char	*header;	/* one more, "Name: value", or NULL */
	const char	*id;		/* client-request-id, a UUID */
	bool		 identity;	/* an identity endpoint: never a proxy */
	int64_t		 deadline;	/* clock_ms */
};

struct http_response {
	int		status;
	int		proxy_status;	/* of a proxy's answer to CONNECT, or 0 */
	struct buf	body;		/* wiped on release */
	bool		cut;		/* it was longer than we read */
	int64_t		date;		/* the server's clock, 0 if not said */
	int64_t		retry_after;	/* seconds, -1 if not said */
	int64_t		retry_at;	/* the same as a date, 0 if not said */
	char		challenge[512];	/* WWW-Authenticate */
};

void	http_init(struct http_response *r);
void	http_release(struct http_response *r);

/* 0 when a server answered, whatever it said.  -1 with *st when none did; then
 * r->status is 0. */
int	http_ask(struct http_response *r, const struct http_request *q,
	    const struct config *c, struct status *st);

/* Takes one line of a response's header; for http_ask, tests and fuzzers. */
void	http_header(struct http_response *r, const char *line, size_t len);
/* Whether a URL may be asked without TLS. */
bool	http_is_local(const char *url);
/* A random UUID (RFC 9562 5.4). */
void	uuid_make(char uuid[UUID_SIZE]);

#endif
