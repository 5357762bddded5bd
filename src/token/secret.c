/* SPDX-License-Identifier: ISC
 *
 * client-secret-file: RFC 6749 2.3.1 and 4.4.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/safefile.h"
#include "token/credential.h"

int
file_read(struct buf *out, const char *file, enum trust_kind kind, size_t max,
    const struct config *c, struct status *st)
{
	char *path = NULL;
	int rc;

	if (config_resolve_file(file, &path, st) == -1)
		return -1;
	rc = safefile_read(path, kind, &c->trust, max, out, st);
	free(path);
	return rc;
}

int
secret_read(struct buf *out, const char *path, enum trust_kind kind,
    const struct config *c, struct status *st)
{
	size_t i;

	if (file_read(out, path, kind, SECRET_MAX, c, st) == -1)
		return -1;
	/* Exactly one: a secret may end in anything else. */
	if (out->len != 0 && out->data[out->len - 1] == '\n') {
		buf_truncate(out, out->len - 1);
		if (out->len != 0 && out->data[out->len - 1] == '\r')
			buf_truncate(out, out->len - 1);
	}
	if (out->len == 0) {
		status_set(st, EX_CONFIG, "%s is empty", path);
		return status_hint(st, "put the secret into it, as one line");
	}
	if (config_refuse_mark(path, out, st) == -1)
		return -1;
	for (i = 0; i < out->len; i++)
		if (iscntrl((unsigned char)out->data[i])) {
			status_set(st, EX_CONFIG, "%s holds more than one line "
			    "of text", path);
			return status_hint(st, "write the secret alone, as one "
			    "line without blanks around it");
		}
	return 0;
}

/* No secret that Entra makes has quotes; a passphrase may. */
static int
refuse_quotes(const char *path, const struct buf *secret, struct status *st)
{
	const char *text = secret->data;

	if ((*text != '"' && *text != '\'') || secret->len < 2 ||
	    text[secret->len - 1] != *text)
		return 0;
	status_set(st, EX_CONFIG, "%s holds a secret in quotes", path);
	return status_hint(st, "write the secret alone, without quotes");
}

/* The portal shows the secret's id beside its value, and people copy the wrong
 * one: 8-4-4-4-12 hexadecimal digits. */
static bool
is_secret_id(const char *secret)
{
	size_t i;

	for (i = 0; i < 36; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ?
		    secret[i] != '-' : !isxdigit((unsigned char)secret[i]))
			return false;
	return secret[36] == '\0';
}

static int
ask_with(struct request *q, const char *path, struct answer *a,
    struct status *st)
{
	struct field fields[] = {
		{ "grant_type", "client_credentials", false },
		{ "client_secret", NULL, true },
		{ NULL, NULL, false }
	};
	struct buf secret;
	int rc = -1;

	answer_release(a);
	buf_init(&secret, SECRET_MAX);
	if (secret_read(&secret, path, TRUST_SECRET, q->config, st) == -1 ||
	    refuse_quotes(path, &secret, st) == -1)
		goto out;
	fields[1].value = secret.data;
	rc = endpoint_ask(q, q->app->scope, fields, a, st);
	if (rc == -1 && a->aadsts == 7000215 && is_secret_id(secret.data))
		status_hint(st, "%s holds the secret's ID: put the secret's "
		    "Value there, which the portal shows only once, when the "
		    "secret is made", path);
out:
	buf_wipe(&secret);
	return rc;
}

/* The next secret is tried only when the endpoint knows better than this one:
 * not for a network that is down, and not against a throttled endpoint. */
int
secret_ask(struct request *q, struct answer *a, struct status *st)
{
	char **path;
	int rc = -1;

	q->credential_expires = q->app->secret_expires;
	for (path = q->app->secret_files; *path != NULL; path++) {
		rc = ask_with(q, *path, a, st);
		if (rc == 0 || !answer_is_error(a, "invalid_client"))
			break;
	}
	return rc;
}
