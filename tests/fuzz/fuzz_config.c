/* SPDX-License-Identifier: ISC
 *
 * Any bytes as mailbearer.conf: refused with a line, or a config in which every
 * field that others rely on is there.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/account.h"
#include "config/hostname.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* These stand in commands. */
static void
require_text(const char *text)
{
	for (; text != NULL && *text != '\0'; text++)
		require((unsigned char)*text >= ' ' && *text != 0x7f);
}

/* The scan lets nothing pass that libconfuse refuses. */
static bool
differs_from_libconfuse(const struct status *st)
{
	static const char end[] = ": this is not understood";
	size_t len = strlen(st->text);

	return len >= strlen(end) &&
	    strcmp(st->text + len - strlen(end), end) == 0;
}

static void
use(const struct config *c)
{
	static const char *const senders[] = {
		"root@web1", "alerts+x@contoso.com", "www-data", "a@b.c.lan",
		"@", "\xff@\xff"
	};
	const struct account *a;
	struct status st = STATUS_INIT;
	const char *why;
	size_t i;

	require(c->account_count != 0 && c->domain != NULL &&
	    c->spool_directory[0] == '/' && c->state_directory[0] == '/' &&
	    c->short_hostname != NULL && c->log != NULL);
	for (i = 0; i < c->app_count; i++)
		require(c->apps[i].scope != NULL && c->apps[i].authority != NULL);
	require_text(c->domain);
	require_text(c->hostname);
	for (a = c->accounts; a < c->accounts + c->account_count; a++) {
		require_text(a->mailbox);
		require_text(a->host);
		require_text(a->auth_user);
		require(strchr(a->mailbox, '@') != NULL && a->host != NULL &&
		    a->port > 0 && a->max_connections > 0 &&
		    account_may_send_as(a, a->mailbox));
		require((a->app != NULL) ==
		    (a->auth == AUTH_XOAUTH2 || a->auth == AUTH_OAUTHBEARER));
		account_check_user(a, 3999999, &st);
	}
	for (i = 0; i < sizeof senders / sizeof *senders; i++) {
		struct account_query q = { senders[i], NULL, "www-data" };

		if (account_choose(c, &q, &a, &why, &st) == 0)
			require(a != NULL && why != NULL);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct host_source host = {
		.node = "web1", .hosts = "/dev/null", .mailname = "/dev/null"
	};
	struct config_source source = { .path = "/x.conf" };
	struct status st = STATUS_INIT;
	struct config c;

	source.given = size % 2 != 0;
	if (config_parse_on(&c, &source, &host, (const char *)data, size,
	    &st) == -1) {
		require(st.sysexit == EX_CONFIG && st.text[0] != '\0');
		require(!differs_from_libconfuse(&st));
		return 0;
	}
	use(&c);
	config_release(&c);
	return 0;
}
