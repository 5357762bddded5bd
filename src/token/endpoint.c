/* SPDX-License-Identifier: ISC */
#include "base/clock.h"
#include "base/encode.h"
#include "token/credential.h"

#define FORM_MAX	(64 * 1024)
#define FIELDS_MAX	8
#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

int
endpoint_send(struct request *q, const char *url, const char *scope,
    const struct field *fields, struct http_response *r, struct status *st)
{
	struct http_request request = { .url = url, .id = q->id,
	    .deadline = q->deadline };
	struct buf form;
	int rc;

	buf_init(&form, FORM_MAX);
	/* It holds a secret: it must not grow by copying. */
	buf_reserve(&form, FORM_MAX);
	form_add(&form, "client_id", q->app->client_id);
	form_add(&form, "scope", scope);
	for (; fields->name != NULL; fields++)
		form_add(&form, fields->name, fields->value);
	request.form = &form;
	uuid_make(q->id);
	if (form.overflow)
		rc = status_set(st, EX_CONFIG,
		    "the credential of app %s is too large", q->app->name);
	else
		rc = http_ask(r, &request, q->config, st);
	buf_wipe(&form);
	return rc;
}

int
endpoint_ask(struct request *q, const char *scope, const struct field *fields,
    struct answer *a, struct status *st)
{
	const char *secrets[FIELDS_MAX + 1] = { NULL };
	const struct field *f;
	struct http_response r;
	size_t count = 0;
	int rc;

	answer_release(a);
	http_init(&r);
	for (f = fields; f->name != NULL; f++)
		if (f->secret && count < FIELDS_MAX)
			secrets[count++] = f->value;
	rc = endpoint_send(q, q->app->token_endpoint, scope, fields, &r, st);
	if (rc == 0) {
		rc = answer_read(a, &r, secrets, clock_wall());
		if (rc == -1)
			answer_judge(a, q->app, q->mailbox, st);
	}
	http_release(&r);
	return rc;
}

int
endpoint_ask_assertion(struct request *q, const char *assertion,
    struct answer *a, struct status *st)
{
	const struct field fields[] = {
		{ "grant_type", "client_credentials", false },
		{ "client_assertion_type", ASSERTION_TYPE, false },
		{ "client_assertion", assertion, true },
		{ NULL, NULL, false }
	};

	return endpoint_ask(q, q->app->scope, fields, a, st);
}
