/* SPDX-License-Identifier: ISC
 *
 * /etc/mailbearer.conf as plain structs.  The keys are one table (keys.c) that
 * libconfuse reads from; the presets are another (presets.c).  Strings are
 * owned by struct config and live as long as it does; lists end in NULL.
 *
 * Every value here is checked and every default filled in: nobody else looks up
 * a default.  Durations are seconds, sizes are bytes.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/safefile.h"
#include "base/status.h"

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
	char		 *token_endpoint;	/* full URL, {tenant} filled in; NULL
						 * for managed identity and command */
	char		 *scope;
	char		 *tenant, *client_id;
	enum credential_kind credential;
	char		**secret_files;		/* in order; paths, credential: resolved */
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
	char		 *mailbox;		/* as written, domain as A-label */
	char		**send_as, **serves;	/* patterns, see config/account.h */
	char		**allow_users;		/* NULL: everyone */
	const char	 *preset;
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
	char		 *default_account_name;	/* as written, or NULL */
	const struct account *default_account;	/* NULL if none */
	char		 *domain;		/* A-label */
	char		 *hostname;		/* EHLO name; NULL: address literal */
	char		 *short_hostname;	/* "NAME on HOST" */
	char		**host_names;		/* names of this host, lower case */
	char		 *local_mail_to, *aliases, *deliver_all_to;
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
	char		**unused;		/* "line N: key: comes later", for a
						 * notice; NULL-terminated */
	struct trust	  trust;		/* for every file named in here */
};

/* Where a config comes from and on whose word. */
struct config_source {
	const char	*path;		/* NULL: the compiled-in one */
	struct trust	 trust;		/* whom the file and those it names may
					 * belong to, beside root */
	bool		 given;		/* -C FILE: spool defaults to false, the
					 * state directory to FILE's directory */
};

/* Reads, checks and completes a config.  Does not open the files it names (a
 * sender never reads a secret) and asks no DNS.  Errors are EX_CONFIG with
 * "FILE:LINE: what is wrong" and, for an unknown key, the nearest known one in
 * the hint; no file at all is EX_CONFIG with errno ENOENT. */
int	config_load(struct config *c, const struct config_source *source,
	    struct status *st);
/* The same from bytes, for tests and fuzzers: `text` is what the file holds. */
int	config_parse(struct config *c, const struct config_source *source,
	    const char *text, size_t len, struct status *st);
void	config_release(struct config *c);

const struct account *config_account(const struct config *c, const char *name);
const struct app *config_app(const struct config *c, const char *name);

/* Whether `domain` (any case, U- or A-label) is a name of this host:
 * "localhost", the hostname, its short form, /etc/mailname is not one. */
bool	config_is_host_name(const struct config *c, const char *domain);

#endif
