/* SPDX-License-Identifier: ISC
 *
 * The token layer on the command line, for test_token.py:
 *
 *	token_probe CONFIG ACCOUNT VERB [SECONDS]
 *
 * VERB is get, renew, reject, forget or claims; SECONDS is the deadline (40).
 * Prints one JSON object that names the token by its SHA-256 alone.
 */
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "base/record.h"
#include "oauth/claims.h"
#include "oauth/token.h"

static void
put_digest(struct record *r, const struct token *t)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	unsigned len = 0;

	EVP_Digest(t->access.data, t->access.len, digest, &len, EVP_sha256(),
	    NULL);
	hex_encode(hex, digest, len);
	record_put_text(r, "sha256", hex);
}

static void
put_token(struct record *r, const struct token *t)
{
	struct claims c;

	put_digest(r, t);
	record_put_flag(r, "cached", t->cached);
	record_put_flag(r, "wants_renewal", t->wants_renewal);
	record_put_number(r, "obtained", t->obtained);
	record_put_number(r, "expires", t->expires);
	record_put_number(r, "credential_expires", t->credential_expires);
	record_put_flag(r, "jwt", claims_read(&c, t->access.data));
	record_put_text(r, "aud", c.aud);
	record_put_text(r, "roles", c.roles);
	record_put_text(r, "appid", c.appid);
	record_put_text(r, "upn", c.upn);
}

static void
put_status(struct record *r, const struct status *st)
{
	record_put_number(r, "exit", st->sysexit);
	record_put_number(r, "class", st->class);
	record_put_number(r, "scope", st->scope);
	record_put_number(r, "reply", st->reply);
	record_put_text(r, "text", st->text);
	record_put_text(r, "remote", st->remote);
	record_put_text(r, "hint", st->hint);
}

static int
run(struct record *r, const char *verb, const struct config *c,
    const struct account *a, int64_t deadline, struct status *st)
{
	struct token t = TOKEN_INIT;
	int rc = 0;

	if (strcmp(verb, "renew") == 0)
		token_renew(c, a, deadline);
	else if (strcmp(verb, "forget") == 0)
		rc = token_forget(c, a, st);
	else
		rc = token_get(&t, c, a, deadline, st);
	if (rc == 0 && t.access.len != 0)
		put_token(r, &t);
	if (rc == 0 && strcmp(verb, "reject") == 0)
		record_put_flag(r, "worth", token_reject(&t, c, a));
	token_release(&t);
	return rc;
}

int
main(int argc, char **argv)
{
	struct config_source source = { .given = true,
	    .trust = { .owner = getuid() } };
	struct status st = STATUS_INIT;
	const struct account *a = NULL;
	struct record *r = record_new();
	struct config c = { 0 };
	struct buf line;
	int seconds = argc > 4 ? atoi(argv[4]) : 40;

	if (argc < 4)
		return EX_USAGE;
	source.path = argv[1];
	if (config_load(&c, &source, &st) == 0) {
		log_open("token_probe", c.log, &st);
		a = config_account(&c, argv[2]);
	}
	if (a == NULL || run(r, argv[3], &c, a,
	    clock_deadline(seconds * INT64_C(1000)), &st) == -1)
		put_status(r, &st);
	buf_init(&line, 64 * 1024);
	record_format(r, &line);
	puts(line.data);
	buf_release(&line);
	record_free(r);
	config_release(&c);
	return EX_OK;
}
