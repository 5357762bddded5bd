/* SPDX-License-Identifier: ISC
 *
 * certificate: a client assertion that its key has signed (RFC 7523 2.2).
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "token/assertion.h"
#include "token/credential.h"

/* "Unsupported key for the signing algorithm": Entra says so of PS256 for some
 * keys and tenants (entra-tokens.md 1.4). */
#define AADSTS_UNSUPPORTED_ALGORITHM 5002730
#define AADSTS_UNKNOWN_CERTIFICATE 700027

static int
ask_with(struct request *q, const struct signer *s, const char *algorithm,
    struct answer *a, struct status *st)
{
	struct buf assertion;
	int rc;

	answer_release(a);
	buf_init(&assertion, ASSERTION_MAX);
	rc = assertion_sign(&assertion, s, algorithm, q->app->token_endpoint,
	    q->app->client_id, clock_wall(), st);
	if (rc == 0)
		rc = endpoint_ask_assertion(q, assertion.data, a, st);
	buf_wipe(&assertion);
	return rc;
}

/* Whether PS256 was the trouble: the key cannot do it, or Entra will not. */
static bool
wants_rs256(const struct request *q, const struct answer *a)
{
	return !q->app->assertion_fixed &&
	    strcmp(q->app->assertion_algorithm, "PS256") == 0 &&
	    (a->http == 0 ? q->id[0] == '\0' :
	    a->aadsts == AADSTS_UNSUPPORTED_ALGORITHM);
}

static int
refuse_expired(const struct request *q, struct status *st)
{
	char date[40];

	clock_rfc5322(q->credential_expires, date);
	status_set(st, EX_CONFIG, "the certificate of app %s expired on %s",
	    q->app->name, date);
	return status_hint(st, "upload a new certificate to the app "
	    "registration and put it in the place of the old one");
}

int
certificate_ask(struct request *q, struct answer *a, struct status *st)
{
	struct signer *s = NULL;
	char thumbprint[41];
	int rc = -1;

	if (signer_load(&s, q->app, q->config, st) == -1)
		goto out;
	q->credential_expires = signer_expires(s);
	if (q->credential_expires < clock_wall()) {
		refuse_expired(q, st);
		goto out;
	}
	rc = ask_with(q, s, q->app->assertion_algorithm, a, st);
	if (rc == -1 && wants_rs256(q, a)) {
		snprintf(q->warning, sizeof q->warning, "PS256 was refused, "
		    "RS256 tried: assertion-algorithm = RS256 spares the "
		    "first request");
		rc = ask_with(q, s, "RS256", a, st);
	}
	if (rc == -1 && a->aadsts == AADSTS_UNKNOWN_CERTIFICATE) {
		signer_thumbprint(s, thumbprint);
		status_hint(st, "upload the certificate to the app "
		    "registration, where it must appear with the thumbprint %s",
		    thumbprint);
	}
out:
	signer_free(s);
	return rc;
}
