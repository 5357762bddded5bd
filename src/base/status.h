/* SPDX-License-Identifier: ISC
 *
 * What happened, in the languages a mailer speaks: to the calling program
 * (sysexit), to the queue (class, scope), to the mail system (reply, enhanced),
 * to a person (text, remote, hint).
 *
 * The caller owns it; it is plain data, copied by assignment, never freed.
 * Functions that can fail take it last, return 0 or -1, and leave it alone when
 * they succeed.  It is set once, where the failure is seen; callers may add
 * context or a hint.  Only cli/, the runner and the log print it.
 */
#ifndef STATUS_H
#define STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <sysexits.h>

/* How far a failure reaches: what else is pointless to try now. */
enum status_scope {
	SCOPE_LOCAL,		/* this process: arguments, stdin, disk */
	SCOPE_ACCOUNT,		/* the account: config, credential, token, AUTH */
	SCOPE_SESSION,		/* this connection: network, TLS, protocol */
	SCOPE_MESSAGE,		/* this message, whoever it is for */
	SCOPE_RECIPIENT		/* one recipient of it */
};

/* What it takes to mend: decides between spool and failed/ (design 4.10). */
enum status_class {
	CLASS_NONE,		/* nothing failed */
	CLASS_RETRY,		/* passes by itself */
	CLASS_CONFIG,		/* the administrator mends config, credential, tenant */
	CLASS_POLICY,		/* the administrator asks whoever set the policy */
	CLASS_RECIPIENT,	/* this address will never work */
	CLASS_MESSAGE,		/* this message will never work */
	CLASS_USAGE		/* the caller called us wrongly */
};

struct status {
	int			sysexit;	/* sysexits(3); EX_OK until something fails */
	enum status_scope	scope;
	enum status_class	class;
	int			reply;		/* SMTP or HTTP code that caused it, else 0 */
	char			enhanced[12];	/* RFC 3463, such as "5.7.139", else "" */
	char			text[512];	/* what we did and what failed, one line */
	char			remote[512];	/* the server's words, printable, else "" */
	char			hint[512];	/* what to do next, else "" */
};

/* "Nothing happened yet." */
#define STATUS_INIT { .sysexit = EX_OK }

void	status_clear(struct status *st);

/* Sets sysexit, text, and the class and scope that follow from the sysexit
 * (EX_TEMPFAIL: retry; EX_CONFIG, EX_NOPERM, EX_PROTOCOL: config; EX_USAGE:
 * usage; EX_DATAERR: message; EX_NOUSER, EX_NOHOST: recipient; EX_OSERR,
 * EX_IOERR, EX_CANTCREAT: retry, local); forgets everything else.
 * The text is cut at its room and made printable.  Returns -1, always, so that
 * a failing function can `return status_set(...)`. */
int	status_set(struct status *st, int sysexit, const char *format, ...)
	    __attribute__((format(printf, 3, 4)));
/* As status_set, with ": " and strerror(errno) behind the text. */
int	status_set_errno(struct status *st, int sysexit, const char *format, ...)
	    __attribute__((format(printf, 3, 4)));
/* Adds "CONTEXT: " in front of the text.  Returns -1. */
int	status_context(struct status *st, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));
/* Replaces the hint.  Returns -1. */
int	status_hint(struct status *st, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));
/* Keeps what a server said: its code (SMTP or HTTP), its enhanced status code
 * ("" if none) and its words, made printable: no escape sequence of a server's
 * reaches a terminal or the log. */
void	status_remote(struct status *st, int reply, const char *enhanced,
	    const char *words);

/* What a person is told, in one line: what failed, and the code and the words of
 * the server where there are any. */
#define STATUS_LINE_SIZE 1100
void	status_line(const struct status *st, char line[STATUS_LINE_SIZE]);

/* What to exit with after a failure: its sysexit, and EX_SOFTWARE where nobody
 * has set one, for a failure must never look like success. */
int	status_exit(const struct status *st);
/* The message may go later: class retry, config or policy. */
bool	status_is_mendable(const struct status *st);

/* Copies `from` to `to` (room for `size`, always ended), replacing control
 * bytes, DEL, bytes that are no valid UTF-8 and the bytes of characters that turn
 * the writing direction by '?'. */
void	status_printable(char *to, size_t size, const char *from);

#endif
