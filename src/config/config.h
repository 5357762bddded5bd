/* SPDX-License-Identifier: ISC
 *
 * /etc/mailbearer.conf as plain structs.  The keys are one table (keys.c) that
 * libconfuse reads from; the presets are another (presets.c).  Strings are
 * owned by struct config and live as long as it does; lists end in NULL.
 *
 * Every value here is checked and every default filled in: nobody else looks up
 * a default.  Durations are seconds, sizes are bytes.
 *
 * Paths are absolute.  A field that names a file with something secret or
 * trusted in it (secret_files, certificate, private_key, passphrase_file,
 * federated_token_file, password_file, tls_certificate, tls_private_key,
 * ca_file) may hold "credential:NAME" instead, as it was written: whoever opens
 * it asks config_resolve_file() first.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/safefile.h"
#include "base/status.h"

struct hosts;

#define CONFIG_FILE_MAX	(64 * 1024)

enum credential_kind {
	CREDENTIAL_SECRET,		/* client-secret-file */
	CREDENTIAL_CERTIFICATE,
	CREDENTIAL_FEDERATED,
	CREDENTIAL_MANAGED_IDENTITY,
	CREDENTIAL_DELEGATED,
	CREDENTIAL_COMMAND		/* token-command */
};

enum tls_mode { TLS_STARTTLS, TLS_IMPLICIT, TLS_NONE };
enum auth_mechanism {
	AUTH_XOAUTH2, AUTH_OAUTHBEARER, AUTH_PLAIN, AUTH_LOGIN, AUTH_NONE
};

/* An Entra app registration. */
struct app {
	char		 *name;			/* [A-Za-z0-9._-]{1,64} */
	char		 *cloud;
	char		 *authority;		/* https://HOST, no slash at the end */
	char		 *token_endpoint;	/* full URL, {tenant} filled in; for
						 * managed identity and command NULL
						 * unless it was given */
	char		 *scope;
	bool		  scope_given;		/* not from cloud or preset */
	char		 *tenant, *client_id;
	enum credential_kind credential;
	bool		  delegated;		/* what `credential` says too */
	char		**secret_files;		/* in order */
	char		 *certificate, *private_key, *passphrase_file;
	char		 *assertion_algorithm;	/* "PS256", "RS256" */
	bool		  assertion_fixed;	/* algorithm given: no fallback */
	char		 *federated_token_file;
	char		 *managed_identity;	/* "imds", "azure-arc", "app-service" */
	char		**token_command;
	int64_t		  secret_expires;	/* wall clock, 0 if not given */
	int		  line;			/* where the block begins */
};

struct account {
	char		 *name;
	const struct app *app;			/* NULL where auth needs no token */
	char		 *app_name;		/* as written, or NULL */
	char		 *mailbox;		/* as written, domain as A-label */
	char		**send_as, **serves;	/* patterns, see config/account.h */
	char		**allow_users;		/* NULL: everyone */
	char		 *preset;
	char		 *host;
	int		  port;
	enum tls_mode	  tls;
	int		  tls_minimum;		/* 10, 11, 12 or 13 */
	char		 *source_address;
	char		 *tls_certificate, *tls_private_key;
	enum auth_mechanism auth;
	char		 *auth_user, *password_file;
	int		  max_connections, messages_per_minute, max_recipients;
	int64_t		  token_margin;
	int		  line;
};

struct config {
	char		 *path;
	bool		  given;		/* as the source said: by -C */
	char		 *default_account_name;	/* as written, or NULL */
	const struct account *default_account;	/* NULL if none */
	char		 *domain;		/* A-label */
	char		 *hostname;		/* EHLO name; NULL: address literal */
	char		 *short_hostname;	/* "NAME on HOST" */
	char		**host_names;		/* names of this host, lower case, but
						 * for those that only /etc/hosts has:
						 * ask config_is_host_name() */
	struct hosts	 *hosts;		/* these, read when first asked for */
	char		 *local_mail_to, *deliver_all_to;
	char		 *aliases;		/* NULL: none */
	bool		  aliases_given;
	bool		  spool;
	char		 *spool_directory, *state_directory;
	int64_t		  spool_reserve, spool_per_user;
	int64_t		  retry_for, keep_failed;
	int64_t		  max_message_size;
	int64_t		  send_timeout;
	int		  user_messages_per_hour;	/* 0: no limit */
	char		 *log;
	char		 *ca_file, *ca_directory;	/* NULL: the system's */
	char		 *proxy;
	struct app	 *apps;
	size_t		  app_count;
	struct account	 *accounts;
	size_t		  account_count;
	struct trust	  trust;		/* for every file named in here */
};

/* The installation's. */
#define CONFIG_PATH SYSCONFDIR "/mailbearer.conf"

/* Where a config comes from and on whose word. */
struct config_source {
	const char	*path;		/* NULL: CONFIG_PATH */
	struct trust	 trust;		/* whom the file and those it names may
					 * belong to, beside root */
	bool		 given;		/* -C FILE: spool defaults to false, the
					 * state directory to FILE's directory */
};

/* The file that is meant. */
const char *config_path(const struct config_source *source);
/* Reads, checks and completes a config.  Does not open the files it names (a
 * sender never reads a secret) and asks no DNS.  Errors are EX_CONFIG with
 * "FILE:LINE: what is wrong" and, for an unknown key, the nearest known one in
 * the hint; no file at all is EX_CONFIG with errno ENOENT. */
int	config_load(struct config *c, const struct config_source *source,
	    struct status *st);
/* The same from bytes, for tests and fuzzers: `text` is what the file holds. */
int	config_parse(struct config *c, const struct config_source *source,
	    const char *text, size_t len, struct status *st);
#define CONFIG_SPOOL_DIRECTORY	LOCALSTATEDIR "/spool/mailbearer"
/* The config that says nothing: every default, no account.  For keeping mail
 * while the real one is wrong. */
int	config_default(struct config *c, const struct config_source *source,
	    struct status *st);
/* False when a file that may be wrong otherwise says `spool = false`: then it is
 * not for the defaults to keep mail, for there may be nothing that sends it. */
bool	config_may_spool(const struct config_source *source);
void	config_release(struct config *c);

const struct account *config_account(const struct config *c, const char *name);
const struct app *config_app(const struct config *c, const char *name);

/* The path behind a file field, to be freed: `value` itself, or for
 * "credential:NAME" the one /run/credentials/UNIT/NAME that exists, where
 * /run/credentials and UNIT belong to root.  (Which unit runs us is not asked
 * from the environment, which is the caller's.)  -1 with EX_CONFIG if there is
 * none or more than one. */
int	config_resolve_file(const char *value, char **path, struct status *st);
/* -1 with EX_CONFIG if what was read from the secret file `path` begins with the
 * mark that Windows' Notepad writes: it would go out as a part of the secret. */
int	config_refuse_mark(const char *path, const struct buf *secret,
	    struct status *st);
/* What is in an account's password_file, without the newline at its end.
 * `password` is made here and is the caller's to wipe, also on -1. */
int	config_read_password(const struct config *c, const struct account *a,
	    struct buf *password, struct status *st);

/* Whether `domain` (any case, U- or A-label) is a name of this host:
 * "localhost", the hostname, its short form, and the names that /etc/hosts gives
 * to loopback addresses and beside our own name.  /etc/mailname is not one. */
bool	config_is_host_name(const struct config *c, const char *domain);

#endif
