/* SPDX-License-Identifier: ISC
 *
 * Other programs' configurations in our words: msmtp, ssmtp, nullmailer, dma,
 * and Postfix with a relayhost.  Pure: takes text, gives a mailbearer.conf with
 * remarks.  A password is noticed and never kept.
 */
#ifndef CLI_IMPORT_H
#define CLI_IMPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define IMPORT_FILE_MAX		(256 * 1024)
#define IMPORT_ACCOUNTS_MAX	64
#define IMPORT_SERVES_MAX	64		/* of one account; more are said */

/* A value of theirs as a row of ours; what a format knows is a table. */
enum import_field {
	IMPORT_HOST,		/* "host", "host:port", "[host]:port" */
	IMPORT_PORT, IMPORT_USER, IMPORT_FROM, IMPORT_SOURCE,
	IMPORT_PASSWORD,	/* only that there is one */
	IMPORT_PASSWORD_COMMAND,	/* a command prints it */
	IMPORT_AUTH,		/* a mechanism, "on" or "off" */
	IMPORT_TLS, IMPORT_STARTTLS,	/* on or off */
	IMPORT_CERTIFICATE, IMPORT_KEY, IMPORT_CA_FILE,
	IMPORT_HOSTNAME, IMPORT_DOMAIN, IMPORT_LOCAL_TO, IMPORT_ALIASES,
	IMPORT_LOG,
	IMPORT_NEEDLESS,	/* mailbearer does so without being told */
	IMPORT_LOST		/* `remark` says what to do instead */
};

struct import_key {
	const char	*name;		/* in lower case */
	enum import_field field;
	const char	*remark;	/* for IMPORT_LOST and IMPORT_NEEDLESS */
};

struct import_account {
	char		 name[65];
	char		*host, *user, *from, *source, *auth;
	char		*certificate, *key;
	char		*password_at;	/* "line 7 of FILE"; NULL: none */
	char		*serves[IMPORT_SERVES_MAX];	/* patterns of senders */
	size_t		 serves_count;
	int		 port;		/* 0: not said */
	int		 tls, starttls;	/* 1, 0, -1 not said */
};

struct import {
	const char	*file;		/* as remarks name it */
	struct import_account *accounts;
	size_t		 count;
	char		*default_account;
	char		*hostname, *domain, *local_to, *aliases, *log, *ca_file;
	struct buf	 remarks;	/* lines of comment */
};

void	import_init(struct import *im, const char *file);
void	import_release(struct import *im);

/* The account of that name, made if it is new; the last one past the maximum.
 * Letters that no name may have become '-'. */
struct import_account *import_account(struct import *im, const char *name);
/* Takes one setting by a format's table.  `line` 0: the file has but one. */
void	import_set(struct import *im, struct import_account *a,
	    const struct import_key *keys, size_t count, const char *key,
	    const char *value, int line);
/* A user with a password, in that line of another file. */
void	import_login(struct import *im, struct import_account *a,
	    const char *user, const char *file, int line);
/* The account is for these senders too: "a@b", "@b" for a whole domain (or "*@b"),
 * or a user's name.  What is no pattern is remarked upon; what another account
 * has got already is left to it. */
void	import_serves(struct import *im, struct import_account *a,
	    const char *sender, int line);
bool	import_is_address(const char *text);	/* NULL is none */
/* The address that it sends from; NULL if that is not said. */
const char *import_mailbox(const struct import_account *a);
/* Sets host and port of a relay: "host", "host:port", "[host]:port". */
void	import_host(struct import *im, struct import_account *a,
	    const char *value, int line);
void	import_remark(struct import *im, int line, const char *format, ...)
	    __attribute__((format(printf, 3, 4)));

/* The formats: each reads one file's text. */
void	import_msmtp(struct import *im, const char *text, size_t len);
void	import_ssmtp(struct import *im, const char *text, size_t len);
void	import_dma(struct import *im, const char *text, size_t len);
void	import_dma_auth(struct import *im, const char *text, size_t len);
void	import_nullmailer_remotes(struct import *im, const char *text,
	    size_t len);
/* One of nullmailer's files with a single value: adminaddr, me, ... */
void	import_nullmailer_value(struct import *im, const char *name,
	    const char *text, size_t len);
void	import_postfix(struct import *im, const char *text, size_t len);
/* The last value that main.cf has for a parameter, to be freed; NULL: none. */
char	*import_postfix_value(const char *text, size_t len, const char *key);
/* A path in it, "$config_directory/..." or beside it, to be freed. */
char	*import_postfix_path(const char *file, const char *path);
/* The tables that main.cf names, as text: smtp_sasl_password_maps,
 * sender_dependent_relayhost_maps (before it) and smtp_generic_maps (after). */
void	import_postfix_passwords(struct import *im, const char *text,
	    size_t len);
void	import_postfix_relays(struct import *im, const char *text, size_t len);
void	import_postfix_generic(struct import *im, const char *text, size_t len);

/* Appends the mailbearer.conf. */
void	import_format(const struct import *im, struct buf *out);

#endif
