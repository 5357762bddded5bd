/* SPDX-License-Identifier: ISC */
#include "oauth/claims.h"

#include <string.h>

#include "base/buf.h"
#include "base/encode.h"
#include "base/record.h"

#define PAYLOAD_MAX (16 * 1024)

static void
copy_text(char *to, size_t size, const struct record *r, const char *name)
{
	const char *text = record_text(r, name);

	if (strlen(text) < size)
		memcpy(to, text, strlen(text) + 1);
}

/* The members of RFC 7519 4.1, and those of Entra's v1.0 and v2.0 tokens that
 * Exchange looks at. */
static void
read_payload(struct claims *c, const struct record *r)
{
	/* `aud` may be a list (RFC 7519 4.1.3). */
	record_words(r, "aud", c->aud, sizeof c->aud);
	copy_text(c->tid, sizeof c->tid, r, "tid");
	copy_text(c->appid, sizeof c->appid, r, "appid");
	if (c->appid[0] == '\0')
		copy_text(c->appid, sizeof c->appid, r, "azp");
	copy_text(c->oid, sizeof c->oid, r, "oid");
	copy_text(c->upn, sizeof c->upn, r, "upn");
	if (c->upn[0] == '\0')
		copy_text(c->upn, sizeof c->upn, r, "preferred_username");
	record_words(r, "roles", c->roles, sizeof c->roles);
	record_words(r, "scp", c->scp, sizeof c->scp);
	c->iat = record_number(r, "iat", 0);
	c->nbf = record_number(r, "nbf", 0);
	c->exp = record_number(r, "exp", 0);
}

bool
claims_read(struct claims *c, const char *token)
{
	const char *payload = strchr(token, '.'), *end;
	struct record *r = NULL;
	struct buf json;

	memset(c, 0, sizeof *c);
	if (payload == NULL || (end = strchr(++payload, '.')) == NULL)
		return false;
	buf_init(&json, PAYLOAD_MAX);
	if (base64_decode(&json, payload, (size_t)(end - payload)) == 0)
		r = record_parse(json.data, json.len);
	if (r != NULL)
		read_payload(c, r);
	record_free(r);
	buf_wipe(&json);
	return r != NULL;
}
