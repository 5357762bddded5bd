/* SPDX-License-Identifier: ISC */
#include "config/keys.h"

#include <string.h>

#include "config/config.h"
#include "config/presets.h"

#define KILO	(INT64_C(1) << 10)
#define MEGA	(INT64_C(1) << 20)
#define GIGA	(INT64_C(1) << 30)
#define MINUTE	INT64_C(60)
#define HOUR	INT64_C(3600)
#define DAY	INT64_C(86400)

static const char *const algorithms[] = { "PS256", "RS256", NULL };
static const char *const identities[] = {
	"imds", "azure-arc", "app-service", NULL
};
/* In the order of enum tls_mode and enum auth_mechanism. */
static const char *const tls_modes[] = { "starttls", "implicit", "none", NULL };
static const char *const mechanisms[] = {
	"xoauth2", "oauthbearer", "plain", "login", "none", NULL
};
static const char *const tls_versions[] = { "1.0", "1.1", "1.2", "1.3", NULL };

/* enum fields are stored as int. */
_Static_assert(sizeof(enum tls_mode) == sizeof(int), "enum is an int");
_Static_assert(sizeof(enum auth_mechanism) == sizeof(int), "enum is an int");

#define IN(field)	.offset = offsetof(struct config, field)
static const struct key top_keys[] = {
	{ "default-account", KEY_NAME, IN(default_account_name),
	    .help = "account for senders that no account serves" },
	{ "domain", KEY_DOMAIN, IN(domain),
	    .help = "completes addresses without one" },
	{ "hostname", KEY_DOMAIN, IN(hostname),
	    .help = "the name given in EHLO" },
	{ "local-mail-to", KEY_ADDRESS, IN(local_mail_to),
	    .help = "where mail for local names without an alias goes" },
	{ "aliases", KEY_PATH_OR_NONE, IN(aliases), .standard = "/etc/aliases",
	    .help = "alias file" },
	{ "deliver-all-to", KEY_ADDRESS, IN(deliver_all_to),
	    .help = "every message goes there instead" },
	{ "spool", KEY_FLAG, IN(spool), .standard = "true",
	    .help = "keep what cannot be sent now" },
	{ "spool-directory", KEY_PATH, IN(spool_directory),
	    .standard = CONFIG_SPOOL_DIRECTORY,
	    .help = "where mail waits" },
	{ "state-directory", KEY_PATH, IN(state_directory),
	    .standard = LOCALSTATEDIR "/lib/mailbearer",
	    .help = "where tokens and limits are kept" },
	{ "spool-reserve", KEY_SIZE, IN(spool_reserve), .standard = "100M",
	    .max = 1024 * GIGA, .help = "free space never used up" },
	{ "spool-per-user", KEY_SIZE, IN(spool_per_user), .standard = "1G",
	    .min = KILO, .max = 1024 * GIGA,
	    .help = "most that one user may keep waiting" },
	{ "retry-for", KEY_DURATION, IN(retry_for), .standard = "5d",
	    .min = 1, .max = 90 * DAY, .help = "how long mail is retried" },
	{ "keep-failed", KEY_DURATION, IN(keep_failed), .standard = "14d",
	    .max = 3660 * DAY, .help = "how long failed mail is kept" },
	{ "max-message-size", KEY_SIZE, IN(max_message_size),
	    .standard = "150M", .min = KILO, .max = 2 * GIGA,
	    .help = "larger messages are refused" },
	{ "send-timeout", KEY_DURATION, IN(send_timeout), .standard = "20s",
	    .min = 1, .max = HOUR,
	    .help = "until the last byte of a message must be out" },
	{ "user-messages-per-hour", KEY_NUMBER, IN(user_messages_per_hour),
	    .max = 1000000,
	    .help = "messages that one user may send in an hour" },
	{ "log", KEY_LOG, IN(log), .standard = "syslog",
	    .help = "syslog, stderr, or a file" },
	{ "ca-file", KEY_FILE, IN(ca_file),
	    .help = "trust anchors instead of the system's, one file" },
	{ "ca-directory", KEY_PATH, IN(ca_directory),
	    .help = "trust anchors instead of the system's, hashed directory" },
	{ "proxy", KEY_PROXY, IN(proxy),
	    .help = "HTTP proxy for the token endpoint" },
};
#undef IN

#define IN(field)	.offset = offsetof(struct app, field)
static const struct key app_keys[] = {
	{ "cloud", KEY_WORD, IN(cloud), .standard = "public",
	    .words = cloud_names,
	    .help = "sets authority, scope and host together" },
	{ "authority", KEY_URL, IN(authority),
	    .help = "where tokens come from, https://HOST" },
	{ "scope", KEY_TEXT, IN(scope), .help = "what the token is for" },
	{ "token-endpoint", KEY_URL, IN(token_endpoint),
	    .help = "full URL, {tenant} is filled in" },
	{ "tenant", KEY_ID, IN(tenant),
	    .help = "tenant id or verified domain" },
	{ "client-id", KEY_ID, IN(client_id),
	    .help = "application (client) id" },
	{ "client-secret-file", KEY_FILES, IN(secret_files),
	    .help = "file with the secret; a list is tried in order" },
	{ "certificate", KEY_FILE_OR_URI, IN(certificate),
	    .help = "PEM or PKCS#12 file for a signed assertion" },
	{ "private-key", KEY_FILE_OR_URI, IN(private_key),
	    .help = "its key, if in a file of its own" },
	{ "passphrase-file", KEY_FILE, IN(passphrase_file),
	    .help = "passphrase of the key" },
	{ "assertion-algorithm", KEY_WORD, IN(assertion_algorithm),
	    .standard = "PS256", .words = algorithms,
	    .help = "how the assertion is signed" },
	{ "federated-token-file", KEY_FILE, IN(federated_token_file),
	    .help = "its content is the assertion" },
	{ "managed-identity", KEY_WORD, IN(managed_identity),
	    .words = identities, .help = "identity of the machine in Azure" },
	{ "delegated", KEY_FLAG, IN(delegated),
	    .help = "tokens come from mailbearer login" },
	{ "token-command", KEY_COMMAND, IN(token_command),
	    .help = "program that prints a token, with its arguments" },
	{ "client-secret-expires", KEY_DATE, IN(secret_expires),
	    .help = "date to warn before" },
};
#undef IN

#define IN(field)	.offset = offsetof(struct account, field)
static const struct key account_keys[] = {
	{ "app", KEY_NAME, IN(app_name),
	    .help = "the app that gets its tokens" },
	{ "mailbox", KEY_ADDRESS, IN(mailbox),
	    .help = "the mailbox that sends" },
	{ "send-as", KEY_PATTERNS, IN(send_as),
	    .help = "further addresses that may stand in From" },
	{ "serves", KEY_PATTERNS, IN(serves),
	    .help = "addresses that are rewritten to the mailbox" },
	{ "allow-users", KEY_USERS, IN(allow_users),
	    .help = "local users and @groups who may use it" },
	{ "preset", KEY_WORD, IN(preset), .standard = "exchange-online",
	    .words = preset_names, .help = "sets every default below" },
	{ "host", KEY_HOST, IN(host), .help = "submission server" },
	{ "port", KEY_NUMBER, IN(port), .min = 1, .max = 65535,
	    .help = "its port" },
	{ "tls", KEY_CHOICE, IN(tls), .words = tls_modes,
	    .help = "starttls, implicit or none" },
	{ "tls-minimum", KEY_CHOICE, IN(tls_minimum), .min = 10,
	    .words = tls_versions, .help = "oldest TLS version taken" },
	{ "source-address", KEY_LITERAL, IN(source_address),
	    .help = "local IP address to send from" },
	{ "tls-certificate", KEY_FILE, IN(tls_certificate),
	    .help = "client certificate" },
	{ "tls-private-key", KEY_FILE, IN(tls_private_key),
	    .help = "its key, if in a file of its own" },
	{ "auth", KEY_CHOICE, IN(auth), .words = mechanisms,
	    .help = "how we authenticate" },
	{ "auth-user", KEY_TEXT, IN(auth_user), .help = "user name for it" },
	{ "password-file", KEY_FILE, IN(password_file),
	    .help = "password for plain and login" },
	{ "max-connections", KEY_NUMBER, IN(max_connections),
	    .min = 1, .max = 100, .help = "at the same time, from this host" },
	{ "messages-per-minute", KEY_NUMBER, IN(messages_per_minute),
	    .max = 100000, .help = "from this host; 0 for no limit" },
	{ "max-recipients", KEY_NUMBER, IN(max_recipients),
	    .min = 1, .max = 10000, .help = "in one transaction" },
	{ "token-margin", KEY_DURATION, IN(token_margin), .max = HOUR,
	    .help = "a token with less time left is renewed" },
};
#undef IN

#define TABLE(block, array) \
	{ .where = (block), .keys = (array), \
	    .count = sizeof (array) / sizeof *(array) }
const struct key_table key_tables[LEVEL_COUNT] = {
	[LEVEL_TOP] = TABLE("", top_keys),
	[LEVEL_APP] = TABLE("app", app_keys),
	[LEVEL_ACCOUNT] = TABLE("account", account_keys),
};

#define FITS(array) \
	_Static_assert(sizeof (array) / sizeof *(array) <= LEVEL_KEYS_MAX, \
	    #array)
FITS(top_keys);
FITS(app_keys);
FITS(account_keys);

bool
key_is_list(const struct key *k)
{
	return k->type >= KEY_FILES;
}

bool
key_is_string(const struct key *k)
{
	switch (k->type) {
	case KEY_FLAG:
	case KEY_NUMBER:
	case KEY_DURATION:
	case KEY_SIZE:
	case KEY_DATE:
	case KEY_CHOICE:
		return false;
	default:
		return !key_is_list(k);
	}
}

const struct key *
key_find(enum key_level level, const char *name)
{
	const struct key_table *t = &key_tables[level];
	size_t i;

	for (i = 0; i < t->count; i++)
		if (strcmp(t->keys[i].name, name) == 0)
			return &t->keys[i];
	return NULL;
}

#define NAME_MAX_LENGTH	32	/* longer words are like nothing we know */

/* Levenshtein's distance, one row at a time. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_LENGTH + 1], la = strlen(a), lb = strlen(b);
	size_t i, j, corner, above, best;

	if (la > NAME_MAX_LENGTH || lb > NAME_MAX_LENGTH)
		return SIZE_MAX;
	for (j = 0; j <= lb; j++)
		row[j] = j;
	for (i = 1; i <= la; i++) {
		corner = row[0];
		row[0] = i;
		for (j = 1; j <= lb; j++) {
			above = row[j];
			best = corner + (a[i - 1] != b[j - 1]);
			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			corner = above;
		}
	}
	return row[lb];
}

const char *
key_nearest(enum key_level level, const char *name)
{
	const struct key_table *t = &key_tables[level];
	size_t len = strlen(name), best = len / 3 + (len > 4) + 1, d, i;
	const char *nearest = NULL;

	for (i = 0; i < t->count; i++) {
		d = distance(name, t->keys[i].name);
		if (d < best) {
			best = d;
			nearest = t->keys[i].name;
		}
	}
	for (i = LEVEL_APP; level == LEVEL_TOP && i < LEVEL_COUNT; i++)
		if ((d = distance(name, key_tables[i].where)) < best) {
			best = d;
			nearest = key_tables[i].where;
		}
	return nearest;
}
