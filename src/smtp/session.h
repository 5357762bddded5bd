/* SPDX-License-Identifier: ISC
 *
 * The dialogue with the submission server, RFC 5321 and its extensions, from
 * connect to QUIT.  It takes a bearer string and never hears of OAuth; it takes
 * plain parameters and never hears of accounts.
 */
#ifndef SMTP_SESSION_H
#define SMTP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "diagnose/diagnose.h"
#include "mail/envelope.h"

struct session;

struct session_params {
	const char	*host;
	int		 port;
	const char	*source_address;	/* NULL: any */
	const char	*ehlo_name;		/* NULL: the socket's address literal */
	enum { SESSION_STARTTLS, SESSION_IMPLICIT_TLS, SESSION_PLAIN } tls;
	int		 tls_minimum;		/* 10 to 13 */
	const char	*ca_file, *ca_directory;	/* NULL: the system's */
	const char	*tls_certificate, *tls_private_key;	/* NULL: none */
	int64_t		 deadline;		/* clock_ms: last byte of data out */
	int64_t		 answer_ms;		/* then the answer is awaited so long */
	struct diagnose_values values;		/* for hints */
	/* The dialogue line by line, for -v; never a token, secret or body.
	 * direction is '>' or '<'.  NULL: nobody wants it. */
	void	(*trace)(void *context, char direction, const char *line);
	void	*trace_context;
};

/* What the server offers after TLS. */
struct session_extensions {
	bool	 pipelining, eightbitmime, smtputf8, chunking, dsn, size;
	int64_t	 max_size;		/* 0: no limit named */
	bool	 auth_xoauth2, auth_oauthbearer, auth_plain, auth_login;
};

/* Connects, greets, starts and verifies TLS.  NULL and *st on failure. */
struct session *session_open(const struct session_params *p,
	    struct status *st);
const struct session_extensions *session_extensions(const struct session *s);

/* AUTH with the initial response on the line; the two-step form when a server
 * refuses the long line (RFC 4954 4); a 334 error challenge (RFC 7628 3.2.3) is
 * answered and the final reply read.  The secret is borrowed. */
struct session_credential {
	enum { SESSION_XOAUTH2, SESSION_OAUTHBEARER, SESSION_AUTH_PLAIN,
	    SESSION_AUTH_LOGIN } mechanism;
	const char	*user;
	const char	*secret;	/* bearer token or password */
};
int	session_authenticate(struct session *s,
	    const struct session_credential *c, struct status *st);

/* One transaction: MAIL, RCPTs and data for every PENDING recipient of `e`, up
 * to max_recipients of them (the caller comes again for the rest).  Sets state
 * and status of each.  Returns 0 when the server answered the data (look at the
 * recipients), or had refused all of them; -1 with *st when the session or the
 * transaction failed before that: the recipients are then settled too (deferred
 * or refused as the reply says).  `sent_all` is called after everything but the
 * last flight's final bytes is ready: it syncs "data sent, answer unknown"
 * (design 7) and may refuse; NULL if nobody cares. */
struct session_data {
	const char	*mail_from;
	const char	*header;	/* header section and the empty line */
	size_t		 header_len;
	/* The body, as body_read() gives it; `size` is exact. */
	int64_t		 body_size;
	long	(*read_body)(void *context, char *to, size_t size,
		    struct status *st);
	void	*context;
	bool	 is_8bit, needs_smtputf8;
	int	 max_recipients;
	int	(*sent_all)(void *context, struct status *st);
};
int	session_send(struct session *s, const struct session_data *d,
	    struct envelope *e, struct status *st);

/* Whether another transaction may follow on this connection. */
bool	session_is_usable(const struct session *s);
/* New deadlines for the next transaction. */
void	session_set_deadline(struct session *s, int64_t deadline);
/* QUIT and close; never fails and does not wait long.  NULL is fine. */
void	session_close(struct session *s);

/* What a session cost: for the bench and -v. */
struct session_cost {
	int	flights;	/* client-to-server direction changes after connect */
	bool	tls_resumed;
};
void	session_cost(const struct session *s, struct session_cost *cost);

#endif
