/* SPDX-License-Identifier: ISC */
#include "queue/locals.h"

#include <syslog.h>

#include "base/log.h"

static bool
is_host_name(const void *context, const char *domain)
{
	return config_is_host_name(context, domain);
}

static void
report(void *context, int line, bool is_error, const char *text)
{
	const struct config *c = context;

	if (line == 0)		/* the text names the file */
		log_line(LOG_WARNING, "%s", text);
	else
		log_line(is_error ? LOG_ERR : LOG_WARNING, "%s:%d: %s",
		    c->aliases, line, text);
}

void
locals_init(struct locals *l, const struct config *c, bool wants_report)
{
	l->rules = (struct local_rules){
		.domain = c->domain, .local_mail_to = c->local_mail_to,
		.aliases = c->aliases, .trust = &c->trust,
		/* The host's own file is nothing that a user who tries a config
		 * of his could mend. */
		.may_lack_aliases = c->given && !c->aliases_given,
		.is_host_name = is_host_name, .context = c,
		.reporter = { wants_report ? report : NULL, (void *)(uintptr_t)c },
	};
	local_init(&l->local, &l->rules);
}

void
locals_release(struct locals *l)
{
	local_release(&l->local);
}

int
locals_resolve(struct locals *l, const char *name, struct envelope *to,
    struct status *st)
{
	struct address a = { 0 };
	int rc;

	if ((rc = address_parse_path(&a, name, st)) == 0)
		rc = local_resolve(&l->local, &a, to, st);
	address_release(&a);
	return rc;
}
