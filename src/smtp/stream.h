/* SPDX-License-Identifier: ISC
 *
 * A connection that carries lines in and bytes out, plain or under TLS.  Every
 * wait ends at the deadline of the phase; every failure names the phase it came
 * in: "smtp.example.net closed the connection after MAIL FROM".
 */
#ifndef SMTP_STREAM_H
#define SMTP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "smtp/connect.h"
#include "smtp/tls.h"

struct stream;

#define STREAM_LINE_MAX	4096		/* octets before the line end */
#define STREAM_IN_MAX	(1024 * 1024)	/* read ahead while writing */

/* Connects.  The strings of `p` must outlive the stream.  NULL and *st on
 * failure. */
struct stream *stream_open(const struct connect_params *p, struct status *st);
/* Makes ready for TLS without saying a word: a few milliseconds of work, best
 * done while the server is still thinking.  What *p points to must outlive the
 * stream. */
int	stream_prepare_tls(struct stream *s, const struct tls_params *p,
	    struct status *st);
/* Starts what was prepared, within the phase's deadline.  Input that is there
 * already was sent in clear, by anybody: it is refused (RFC 3207 5, "plaintext
 * injection").  After a failure the stream is good for nothing but closing. */
int	stream_start_tls(struct stream *s, struct status *st);
/* What is looked after while waiting for the wire, connect_params.aside at first;
 * NULL: nothing any more. */
void	stream_set_aside(struct stream *s, struct aside *aside);
/* What comes next: the phase's name and when its waits end (clock_ms). */
void	stream_set_phase(struct stream *s, const char *name, int64_t deadline);

/* Its waits end then at the latest. */
void	stream_hurry(struct stream *s, int64_t deadline);

/* Queues bytes; they leave with stream_flush(), or before if they are many, but
 * never the last of them (a message without its end is not delivered).  Input
 * that arrives meanwhile is kept, so that a server whose replies fill the path
 * cannot lock us both up (RFC 2920 3.1). */
int	stream_put(struct stream *s, const void *bytes, size_t len,
	    struct status *st);
/* What is put from now on can be taken back, as far as it has not left; whether
 * anything has left since. */
void	stream_mark(struct stream *s);
void	stream_take_back(struct stream *s);
bool	stream_has_left(const struct stream *s);
/* Octets of the whole connection: those put so far, without what was lost when
 * sending failed; and those that have left. */
int64_t	stream_queued(const struct stream *s);
int64_t	stream_written(const struct stream *s);
/* Sends what is queued. */
int	stream_flush(struct stream *s, struct status *st);
/* As stream_flush, and overwrites the queue: it held a secret. */
int	stream_flush_secret(struct stream *s, struct status *st);

/* One line, CRLF or LF removed, not ended by a NUL; it stands until the next
 * call.  Longer ones than STREAM_LINE_MAX are refused (EX_PROTOCOL). */
int	stream_read_line(struct stream *s, const char **line, size_t *len,
	    struct status *st);
/* Whether there is input that nobody has read; looks without waiting. */
bool	stream_has_input(struct stream *s);
/* What has been taken in and not been read, as it came. */
const char *stream_unread(const struct stream *s, size_t *len);
/* Takes in more, without waiting; false if there is nothing now, or no room. */
bool	stream_take_in(struct stream *s);
/* Whether the server has closed its side, as far as we have seen. */
bool	stream_is_closed(const struct stream *s);
/* Whether it was closed with a word on our certificate, and *st then. */
bool	stream_was_told_off(const struct stream *s, struct status *st);

/* Our own address on this connection as an address literal (RFC 5321 4.1.3). */
void	stream_address_literal(const struct stream *s, char *to, size_t size);
int	stream_flights(const struct stream *s);
bool	stream_tls_resumed(const struct stream *s);
bool	stream_resume_failed(const struct stream *s);	/* tls.h */
/* False without TLS. */
bool	stream_peer(const struct stream *s, struct tls_peer *peer);
/* NULL is fine. */
void	stream_close(struct stream *s);

#endif
