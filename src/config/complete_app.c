/* SPDX-License-Identifier: ISC */
#include "config/complete.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "config/presets.h"

/* A credential is chosen by its key; most need an app registration's ids. */
static const struct {
	const char	*key;
	enum credential_kind kind;
	bool		 needs_ids;
} credentials[] = {
	{ "client-secret-file", CREDENTIAL_SECRET, true },
	{ "certificate", CREDENTIAL_CERTIFICATE, true },
	{ "federated-token-file", CREDENTIAL_FEDERATED, true },
	{ "managed-identity", CREDENTIAL_MANAGED_IDENTITY, false },
	{ "delegated", CREDENTIAL_DELEGATED, true },
	{ "token-command", CREDENTIAL_COMMAND, false },
};
#define CREDENTIALS	(sizeof credentials / sizeof *credentials)

/* Keys that say more about one kind of credential. */
static const struct {
	const char	*key;
	const char	*credential;
} details[] = {
	{ "private-key", "certificate" },
	{ "passphrase-file", "certificate" },
	{ "assertion-algorithm", "certificate" },
	{ "client-secret-expires", "client-secret-file" },
};

/* The line on which a credential is given, 0 if it is not.  App Service wants a
 * secret beside the identity: the value of IDENTITY_HEADER. */
static int
credential_line(const struct scan_block *b, const struct app *a, size_t i)
{
	if (credentials[i].kind == CREDENTIAL_DELEGATED && !a->delegated)
		return 0;
	if (credentials[i].kind == CREDENTIAL_SECRET &&
	    a->managed_identity != NULL &&
	    strcmp(a->managed_identity, "app-service") == 0)
		return 0;
	return scan_line(b, credentials[i].key);
}

static int
refuse_without_credential(const struct reading *r, const struct app *a,
    struct status *st)
{
	struct buf keys;
	size_t i;

	buf_init(&keys, sizeof st->hint);
	for (i = 0; i < CREDENTIALS; i++)
		buf_addf(&keys, "%s%s", i == 0 ? "" : i + 1 == CREDENTIALS ?
		    " or " : ", ", credentials[i].key);
	scan_error(st, r->path, a->line, "app \"%s\" has no credential",
	    a->name);
	status_hint(st, "give it %s", keys.data);
	buf_release(&keys);
	return -1;
}

static int
refuse_second(const struct reading *r, const struct scan_block *b,
    const struct app *a, size_t i, size_t j, struct status *st)
{
	int line_i = credential_line(b, a, i);
	int line_j = credential_line(b, a, j);

	scan_error(st, r->path, line_i > line_j ? line_i : line_j,
	    "app \"%s\" has two credentials, %s and %s", a->name,
	    credentials[i].key, credentials[j].key);
	return status_hint(st, "keep one of them, or make a second app");
}

/* Exactly one credential; *chosen is its row. */
static int
choose_credential(const struct reading *r, const struct scan_block *b,
    struct app *a, size_t *chosen, struct status *st)
{
	size_t i, found = CREDENTIALS;

	for (i = 0; i < CREDENTIALS; i++) {
		if (credential_line(b, a, i) == 0)
			continue;
		if (found != CREDENTIALS)
			return refuse_second(r, b, a, found, i, st);
		found = i;
	}
	if (found == CREDENTIALS)
		return refuse_without_credential(r, a, st);
	a->credential = credentials[found].kind;
	*chosen = found;
	return 0;
}

static int
check_details(const struct reading *r, const struct scan_block *b,
    const struct app *a, size_t chosen, struct status *st)
{
	size_t i;
	int line;

	for (i = 0; i < sizeof details / sizeof *details; i++) {
		line = scan_line(b, details[i].key);
		if (line != 0 && strcmp(details[i].credential,
		    credentials[chosen].key) != 0)
			return scan_error(st, r->path, line, "%s goes with %s, "
			    "which app \"%s\" does not have", details[i].key,
			    details[i].credential, a->name);
	}
	return 0;
}

static int
refuse_missing(const struct reading *r, const struct app *a, const char *key,
    const char *what, struct status *st)
{
	scan_error(st, r->path, a->line, "app \"%s\" has no %s", a->name, key);
	return status_hint(st, "%s is the %s on the app registration's "
	    "overview page in Entra", key, what);
}

/* Client credentials are granted by one tenant (AADSTS9001023). */
static int
check_tenant(const struct reading *r, const struct scan_block *b,
    const struct app *a, struct status *st)
{
	static const char *const several[] = {
		"common", "organizations", "consumers"
	};
	size_t i;

	if (a->tenant == NULL || a->delegated)
		return 0;
	for (i = 0; i < sizeof several / sizeof *several; i++)
		if (strcmp(a->tenant, several[i]) == 0) {
			scan_error(st, r->path, scan_line(b, "tenant"),
			    "tenant: \"%s\" is no single tenant", a->tenant);
			return status_hint(st, "give the tenant id or one of "
			    "its domains");
		}
	return 0;
}

static int
check_ids(const struct reading *r, const struct scan_block *b,
    const struct app *a, size_t chosen, struct status *st)
{
	bool in_url = a->token_endpoint == NULL ||
	    strstr(a->token_endpoint, "{tenant}") != NULL;

	if (credentials[chosen].needs_ids && a->tenant == NULL && in_url)
		return refuse_missing(r, a, "tenant", "directory (tenant) id",
		    st);
	if (credentials[chosen].needs_ids && a->client_id == NULL)
		return refuse_missing(r, a, "client-id",
		    "application (client) id", st);
	return check_tenant(r, b, a, st);
}

static int
complete_authority(const struct reading *r, const struct scan_block *b,
    struct app *a, struct status *st)
{
	char *slash;

	if (a->authority == NULL) {
		a->authority = xstrdup(cloud_find(a->cloud)->authority);
		return 0;
	}
	slash = strchr(strstr(a->authority, "://") + 3, '/');
	if (slash != NULL && slash[1] != '\0') {
		scan_error(st, r->path, scan_line(b, "authority"),
		    "authority: \"%.100s\" is more than https://HOST",
		    a->authority);
		return status_hint(st, "a full URL goes into token-endpoint");
	}
	if (slash != NULL)
		*slash = '\0';
	return 0;
}

/* `text` with the tenant in the place of each {tenant}. */
static char *
fill_in_tenant(const char *text, const char *tenant)
{
	static const char mark[] = "{tenant}";
	const char *at;
	struct buf url;

	buf_init(&url, CONFIG_FILE_MAX);
	while ((at = strstr(text, mark)) != NULL) {
		buf_add(&url, text, (size_t)(at - text));
		buf_addstr(&url, tenant);
		text = at + strlen(mark);
	}
	buf_addstr(&url, text);
	return buf_detach(&url);
}

static void
complete_endpoint(struct app *a, size_t chosen)
{
	char *url;

	if (a->token_endpoint != NULL) {
		url = fill_in_tenant(a->token_endpoint,
		    a->tenant != NULL ? a->tenant : "");
		free(a->token_endpoint);
		a->token_endpoint = url;
	} else if (credentials[chosen].needs_ids)
		a->token_endpoint = xasprintf("%s/%s/oauth2/v2.0/token",
		    a->authority, a->tenant);
}

static int
complete_app(const struct reading *r, const struct scan_block *b,
    struct app *a, struct status *st)
{
	size_t chosen = 0;

	if (choose_credential(r, b, a, &chosen, st) == -1 ||
	    check_details(r, b, a, chosen, st) == -1 ||
	    check_ids(r, b, a, chosen, st) == -1 ||
	    complete_authority(r, b, a, st) == -1)
		return -1;
	a->scope_given = scan_line(b, "scope") != 0;
	a->assertion_fixed = scan_line(b, "assertion-algorithm") != 0;
	complete_endpoint(a, chosen);
	return 0;
}

int
complete_apps(const struct reading *r, struct status *st)
{
	struct config *c = r->config;
	size_t i;

	for (i = 0; i < c->app_count; i++)
		if (complete_app(r, &r->scan.blocks[LEVEL_APP][i], &c->apps[i],
		    st) == -1)
			return -1;
	return 0;
}
