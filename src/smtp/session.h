/* SPDX-License-Identifier: ISC
 *
 * The dialogue with the submission server, RFC 5321 and its extensions, from
 * connect to QUIT.  It takes a bearer string and never hears of OAuth; it takes
 * plain parameters and never hears of accounts.
 *
 * Every refusal is judged by the catalogue (diagnose.h) with the stage it came
 * in.  What goes wrong without a reply names the step: "HOST closed the
 * connection after MAIL FROM", EX_TEMPFAIL.
 */
#ifndef SMTP_SESSION_H
#define SMTP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "diagnose/diagnose.h"
#include "mail/envelope.h"
#include "smtp/aside.h"

struct session;

/* Everything is borrowed and must outlive the session. */
struct session_params {
	const char	*host;
	int		 port;
	const char	*source_address;	/* NULL: any */
	const char	*ehlo_name;		/* NULL, or one with an underscore:
						 * the socket's address literal */
	enum { SESSION_STARTTLS, SESSION_IMPLICIT_TLS, SESSION_PLAIN } tls;
	int		 tls_minimum;		/* 10 to 13 */
	const char	*ca_file, *ca_directory;	/* NULL: the system's */
	const char	*tls_certificate, *tls_private_key;	/* NULL: none */
	/* clock_ms: last byte of data out, but see session_data.least_rate */
	int64_t		 deadline;
	int64_t		 answer_ms;		/* then the answer is awaited so long */
	struct aside	*aside;			/* while it opens; NULL: none */
	struct diagnose_values values;		/* for hints */
	/* What this host was seen to refuse (session_cost tells), and what the
	 * caller wants used. */
	bool		 auth_two_step;		/* never a long AUTH line */
	bool		 use_chunking;		/* BDAT where offered, RFC 3030 */
	/* TLS sessions for later processes: as in tls.h, secret. */
	const void	*tls_resume;
	size_t		 tls_resume_len;
	void	(*tls_new_session)(void *context, const void *bytes, size_t len);
	void	*tls_context;
	/* The dialogue line by line, for -v; never a token, secret or body.
	 * direction is '>' or '<'.  NULL: nobody wants it. */
	void	(*trace)(void *context, char direction, const char *line);
	void	*trace_context;
};

/* What the server offers after TLS. */
struct session_extensions {
	bool	 pipelining, eightbitmime, smtputf8, chunking, dsn, size;
	bool	 starttls;
	int64_t	 max_size;		/* 0: no limit named */
	bool	 auth_xoauth2, auth_oauthbearer, auth_plain, auth_login;
	char	 auth_offered[200];	/* all mechanisms, as many as fit */
};

/* Connects, greets, starts and verifies TLS; once more on a new connection where
 * the server may have ended the first for the session that it was to resume.
 * NULL and *st on failure. */
struct session *session_open(const struct session_params *p,
	    struct status *st);
const struct session_extensions *session_extensions(const struct session *s);

/* Whom TLS has proved the server to be; false without TLS.  What the server said
 * last, printable. */
struct tls_peer;
bool	session_peer(const struct session *s, struct tls_peer *peer);
void	session_last_reply(const struct session *s, char *to, size_t size);

/* AUTH with the initial response on the line; the two-step form when a server
 * refuses the long line (RFC 4954 4), or may have read a part of it only; a 334
 * error challenge (RFC 7628 3.2.3) is answered and the final reply read.  The
 * secret is borrowed. */
struct session_credential {
	enum { SESSION_XOAUTH2, SESSION_OAUTHBEARER, SESSION_AUTH_PLAIN,
	    SESSION_AUTH_LOGIN } mechanism;
	const char	*user;
	const char	*secret;	/* bearer token or password */
};
int	session_authenticate(struct session *s,
	    const struct session_credential *c, struct status *st);

/* One message for the first max_recipients PENDING recipients of an envelope. */
struct session_data {
	const char	*mail_from;
	const char	*from;		/* of the header, for hints; may be NULL */
	/* Header section, empty line and body, pulled piece by piece: up to `room`
	 * octets (4 KB at least) each time, 0 at the end.  `size` is exact. */
	int64_t		 size;
	long	(*read)(void *context, char *to, size_t room,
		    struct status *st);
	void	*context;
	bool	 is_8bit;
	/* The header section has what only SMTPUTF8 allows, because of a PENDING
	 * recipient's `utf8`, or of a mail_from that is not ASCII: asked for
	 * where it is offered, sent as it is where not. */
	bool	 needs_smtputf8;
	int	 max_recipients;	/* at least 1 */
	/* Called while the last bytes at least, without which nothing is
	 * delivered, are still to leave: it syncs "data sent, answer unknown" (design 7)
	 * and may refuse.  NULL if nobody cares. */
	int	(*sent_all)(void *context, struct status *st);
	/* Called now and then while the message waits for its answer behind
	 * others, or takes long to leave, for whoever holds a lock that ends.
	 * NULL if nobody does. */
	void	(*waits)(void *context);
	/* The deadline moves on by a second with each so many octets that have
	 * left: nobody waits, and a slow line is given the time that the size of
	 * the message needs.  0: it stands. */
	int64_t	 least_rate;
	/* Another one follows at once.  Said in one flight, this one leaves with
	 * that, with session_push(), or when its answer is waited for. */
	bool	 more;
};

/* A transaction: MAIL, RCPTs and data.
 *
 * A small message goes in one flight to a server that offers PIPELINING and
 * CHUNKING: session_start() returns with its answers still to come.  Another may
 * follow at once if the server has taken one by BDAT on this connection before,
 * so that it is known to know what it offers.  All else session_start() sees
 * through to the end.  What it was given must stay as it is until
 * session_finish(), which waits for the answers that are missing.
 *
 * session_finish() returns 0 when the server answered the data (look at the
 * recipients), or had refused all of them; -1 with *st when the session or the
 * transaction failed before that.  State and status of each of the transaction's
 * recipients are set by then (deferred or refused, as the reply says), and the
 * others are PENDING.  One of its own is left PENDING only
 *	if the server had enough recipients for one transaction (RFC 5321
 *	4.5.3.1.10) and took others;
 *	if it refused SMTPUTF8, and so all who cannot do without it are refused:
 *	come again with a header section for the others;
 * and with -1 all are,
 *	if nothing was said because the connection was over already (unsent);
 *	if the server does not know BDAT after all: come again on a new
 *	connection without use_chunking (wants_data). */
struct transaction;
struct session_outcome {
	bool	 unsent;
	bool	 wants_data;
	bool	 answer_unknown;	/* all was said, and the answer never came:
					 * it may have been delivered; the
					 * recipients are deferred */
};
struct transaction *session_start(struct session *s,
	    const struct session_data *d, struct envelope *e);
bool	session_is_answered(struct transaction *t);
/* Sends what session_data.more has held back; never fails: those who did not leave
 * learn it from session_finish().  NULL is fine. */
void	session_push(struct session *s);
int	session_finish(struct transaction *t, struct session_outcome *outcome,
	    struct status *st);
/* Whether no transaction waits for an answer. */
bool	session_is_idle(const struct session *s);
/* Whether session_start() would return at once: else an older transaction has to
 * be finished first, or it will wait for its answer.  Looks what the server says,
 * as is due before each start. */
bool	session_has_room(struct session *s, const struct session_data *d,
	    size_t recipients);

/* A transaction that goes no further than its envelope, to see what the server
 * thinks of it: MAIL, then RCPT any number of times, then RSET.  Each -1 and *st
 * when it is refused; RSET is needed all the same. */
int	session_probe_sender(struct session *s, const char *mail_from,
	    struct status *st);
int	session_probe_recipient(struct session *s, const char *recipient,
	    struct status *st);
int	session_reset(struct session *s, struct status *st);

/* Whether another transaction may follow on this connection. */
bool	session_is_usable(const struct session *s);
/* The same, after a look whether the server has hung up or said anything since:
 * it may have lost patience.  Does not wait. */
bool	session_is_quiet(struct session *s);
/* New deadlines for the next transaction. */
void	session_set_deadline(struct session *s, int64_t deadline);
/* QUIT and close, after the answers to what is in flight; never fails, and does not
 * wait for 221.  NULL is fine. */
void	session_close(struct session *s);

/* What a session cost: for the bench and -v. */
struct session_cost {
	int	flights;	/* client-to-server direction changes after connect */
	bool	tls_resumed;
	bool	resume_failed;	/* it had to do without on a second connection */
	bool	two_step;	/* the long AUTH line was refused, or cut */
	bool	wants_two_step;	/* it was, or was not answered, and the session
				 * ended */
	bool	bdat_failed;	/* BDAT was refused as such, or not answered, and
				 * had not worked before */
};
void	session_cost(const struct session *s, struct session_cost *cost);

#endif
