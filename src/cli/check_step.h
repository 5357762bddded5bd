/* SPDX-License-Identifier: ISC
 *
 * What the steps of `mailbearer check` share.  A step looks at one thing, fills
 * in its result and leaves in struct check what later steps need.
 */
#ifndef CLI_CHECK_STEP_H
#define CLI_CHECK_STEP_H

#include "cli/admin_config.h"
#include "cli/out.h"
#include "oauth/claims.h"
#include "oauth/token.h"
#include "queue/limits.h"
#include "smtp/session.h"

struct check_result {
	enum out_mark	 mark;
	char		 seen[1024];
	char		 cause[512], fix[1600];	/* "" for a step that went well */
	int		 sysexit;		/* of a failed one */
};

/* The last lines of the dialogue, which tell how far it got. */
struct check_trace {
	char	said[64];	/* our last command */
	char	heard[512];	/* the server's last line */
};

struct check {
	struct caller	 caller;
	struct arguments arguments;
	const char	*file, *from, *to, *send, *name;	/* as given */
	bool		 json, nagios;

	struct config	 config;
	bool		 has_config;

	/* Of the account that is looked at. */
	const struct account *account;
	bool		 credential_failed;	/* no token without it */
	struct token	 token;
	bool		 has_token;
	struct claims	 claims;
	bool		 has_claims;	/* the token can be read */
	bool		 claims_failed;	/* and that step said why it is no good */
	struct slot	 slot;
	struct session_params params;
	struct session	*session;
	struct status	 session_status;	/* why there is none */
	struct check_trace trace;
};

/* Filling in a result. */
void	check_ok(struct check_result *r, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));
/* `fix` as out_advice() takes it. */
void	check_doubt(struct check_result *r, const char *cause, const char *fix);
void	check_fail(struct check_result *r, int sysexit, const char *cause,
	    const char *fix);
/* A failure with all that it knows; the hint of a row of the catalogue comes
 * apart into cause and fix. */
void	check_fail_status(struct check_result *r, const struct check *k,
	    const struct status *st);
/* "2027-01-31". */
void	check_date(char text[40], int64_t wall);

/* The steps; one file for each group. */
void	check_rights(struct check *k, struct check_result *r);
void	check_config(struct check *k, struct check_result *r);
void	check_users(struct check *k, struct check_result *r);
/* What follows is done from inside of it, as a sender does it. */
void	check_sandbox(struct check *k, struct check_result *r);
void	check_senders(struct check *k, struct check_result *r);
void	check_local_mail(struct check *k, struct check_result *r);
void	check_state(struct check *k, struct check_result *r);
void	check_spool(struct check *k, struct check_result *r);
void	check_timer(struct check *k, struct check_result *r);
/* Whether a unit or a cron.d file has a line, not a comment, that runs this
 * program, given by its path.  Pure. */
bool	check_timer_runs(const char *text, const char *program);

void	check_credential(struct check *k, struct check_result *r);
void	check_token(struct check *k, struct check_result *r);
void	check_claims(struct check *k, struct check_result *r);

void	check_network(struct check *k, struct check_result *r);

void	check_smtp(struct check *k, struct check_result *r);
void	check_tls(struct check *k, struct check_result *r);
void	check_extensions(struct check *k, struct check_result *r);
void	check_auth(struct check *k, struct check_result *r);
void	check_mail(struct check *k, struct check_result *r);
void	check_rcpt(struct check *k, struct check_result *r);
void	check_send(struct check *k, struct check_result *r);
/* Closes what the steps of an account opened. */
void	check_account_end(struct check *k);

#endif
