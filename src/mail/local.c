/* SPDX-License-Identifier: ISC */
#include "mail/local.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/xalloc.h"
#include "mail/alias_report.h"

#define FIRST_USER	1000	/* as in login.defs(5) of most systems */
#define NOBODY		65534

/* One name on its way through the aliases. */
struct expansion {
	struct local	*local;
	struct envelope	*to;
	const char	*path[ALIASES_DEPTH_MAX];
	size_t		 depth;		/* names and files open in `path` */
	size_t		 met;		/* addresses, deliverable or not */
	size_t		 added;		/* deliverable ones */
	struct status	*st;
};

static int expand_address(struct expansion *x, const struct address *a,
    bool is_final);

void
local_init(struct local *l, const struct local_rules *rules)
{
	*l = (struct local){ .rules = rules, .status = STATUS_INIT };
	buf_init(&l->aliases.text, 0);
}

void
local_release(struct local *l)
{
	aliases_release(&l->aliases);
	l->loaded = false;
}

bool
local_is(const struct local *l, const struct address *a)
{
	return a->domain == NULL ||
	    l->rules->is_host_name(l->rules->context, a->domain);
}

bool
local_is_system_user(const void *context, const char *name)
{
	const struct passwd *pw;

	(void)context;
	errno = 0;
	if ((pw = getpwnam(name)) != NULL)
		return pw->pw_uid < FIRST_USER || pw->pw_uid == NOBODY;
	/* A name service that is away knows people; their mail is not root's. */
	return errno != EIO && errno != EAGAIN && errno != ETIMEDOUT &&
	    errno != ECONNREFUSED && errno != EMFILE && errno != ENFILE;
}

static bool
is_system_user(const struct local_rules *r, const char *name)
{
	if (strcasecmp(name, "root") == 0)
		return true;
	if (r->is_system_user != NULL)
		return r->is_system_user(r->context, name);
	return local_is_system_user(NULL, name);
}

/* As if there were no aliases, mail for root would go to somebody else than he
 * who reads it, and no mending of the file would help.  It reaches no further
 * than the message: mail for the outside goes out meanwhile. */
static void
load(struct local *l)
{
	const struct local_rules *r = l->rules;

	if (r->aliases == NULL || r->aliases[0] == '\0' ||
	    aliases_load(&l->aliases, r->aliases, r->trust, NULL,
	    &l->status) == 0)
		return;
	l->status.scope = SCOPE_MESSAGE;
	if (r->may_lack_aliases) {
		alias_report(&r->reporter, 0, true, "%s", l->status.text);
		status_clear(&l->status);
	}
}

int
local_load(struct local *l, struct status *st)
{
	if (!l->loaded)
		load(l);
	l->loaded = true;
	if (l->status.sysexit == EX_OK)
		return 0;
	*st = l->status;
	return -1;
}

/* The local part as a name: without the quotes of "weird name". */
static char *
name_of(const struct address *a)
{
	const char *p = a->local;
	struct buf b;

	if (*p != '"')
		return xstrdup(p);
	buf_init(&b, ADDRESS_MAX);
	for (p++; *p != '\0' && *p != '"'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		buf_addch(&b, *p);
	}
	return buf_detach(&b);
}

/* Cuts "+detail" off; false if there is none. */
static bool
cut_detail(char *name)
{
	char *plus = name[0] != '\0' ? strchr(name + 1, '+') : NULL;

	if (plus == NULL)
		return false;
	*plus = '\0';
	return true;
}

static const struct alias *
find_alias(const struct local *l, const struct address *a)
{
	const struct alias *found;
	char *name = name_of(a);

	found = aliases_find(&l->aliases, name);
	if (found == NULL && cut_detail(name))
		found = aliases_find(&l->aliases, name);
	free(name);
	return found;
}

static void
add(struct expansion *x, const struct address *a)
{
	x->added++;
	envelope_add(x->to, a);
}

/* Adds the name at our domain. */
static void
add_here(struct expansion *x, const struct address *a)
{
	struct address here = { .local = a->local, .utf8 = a->utf8 };

	address_qualify(&here, x->local->rules->domain);
	add(x, &here);
	free(here.domain);
}

static bool
add_local_mail_to(struct expansion *x)
{
	struct address_list list = ADDRESS_LIST_INIT;
	struct status ignored = STATUS_INIT;
	const char *text = x->local->rules->local_mail_to;
	bool any;
	size_t i;

	if (text == NULL)
		return false;
	address_parse_list(&list, text, strlen(text), &ignored);
	for (i = 0; i < list.count; i++) {
		if (list.items[i].domain == NULL)
			add_here(x, &list.items[i]);
		else
			add(x, &list.items[i]);
	}
	any = list.count != 0;
	address_list_release(&list);
	return any;
}

/* A local name without an alias. */
static void
deliver_local(struct expansion *x, const struct address *a)
{
	char *name = name_of(a);

	cut_detail(name);
	if (!is_system_user(x->local->rules, name) || !add_local_mail_to(x))
		add_here(x, a);
	free(name);
}

/* Goes one level deeper; false if that is no way. */
static bool
enter(struct expansion *x, const char *name, int line)
{
	const struct alias_reporter *r = &x->local->rules->reporter;
	size_t i;

	/* "root: root, bob" delivers to root himself; all else is a loop. */
	if (x->depth != 0 && strcmp(x->path[x->depth - 1], name) == 0)
		return false;
	for (i = 0; i < x->depth; i++)
		if (strcmp(x->path[i], name) == 0) {
			alias_report(r, line, true,
			    "%s: goes round in a circle", name);
			return false;
		}
	if (x->depth == ALIASES_DEPTH_MAX) {
		alias_report(r, line, true, "%s: more than %d aliases deep",
		    name, ALIASES_DEPTH_MAX);
		return false;
	}
	x->path[x->depth++] = name;
	return true;
}

static int expand_targets(struct expansion *x, const struct alias_targets *t);

/* Whom a list that is there names, and we cannot read, is not to go without: as
 * with the alias file itself, the message waits. */
static int
lack_include(struct expansion *x, const struct alias_target *target,
    bool is_missing, const struct status *st)
{
	const struct local_rules *r = x->local->rules;

	if (is_missing || r->may_lack_aliases) {
		alias_report(&r->reporter, target->line, true, "%s", st->text);
		return 0;
	}
	x->local->lacks_include = true;
	*x->st = *st;
	x->st->scope = SCOPE_MESSAGE;
	return -1;
}

static int
expand_include(struct expansion *x, const struct alias_target *target)
{
	const struct local_rules *r = x->local->rules;
	struct alias_targets inside = ALIAS_TARGETS_INIT;
	struct status st = STATUS_INIT;
	int rc = 0;

	if (!enter(x, target->include, target->line))
		return 0;
	if (aliases_include(&inside, target->include, r->trust, &r->reporter,
	    &st) == -1)
		rc = lack_include(x, target, errno == ENOENT, &st);
	else
		rc = expand_targets(x, &inside);
	x->depth--;
	alias_targets_release(&inside);
	return rc;
}

static int
expand_targets(struct expansion *x, const struct alias_targets *t)
{
	const struct alias_target *target;
	size_t i;
	int rc = 0;

	for (i = 0; i < t->count && rc == 0; i++) {
		target = &t->items[i];
		rc = target->include != NULL ? expand_include(x, target) :
		    expand_address(x, &target->address, target->is_final);
	}
	return rc;
}

/* Whether the alias, if there is one, led anywhere is seen in x->added. */
static int
expand_alias(struct expansion *x, const struct address *a)
{
	struct alias_targets targets = ALIAS_TARGETS_INIT;
	const struct alias *alias;
	int rc;

	if (local_load(x->local, x->st) == -1)
		return -1;
	alias = find_alias(x->local, a);
	if (alias == NULL || !enter(x, alias->name, alias->line))
		return 0;
	aliases_parse_targets(&targets, alias->right, alias->len, alias->line,
	    &x->local->rules->reporter);
	rc = expand_targets(x, &targets);
	x->depth--;
	alias_targets_release(&targets);
	return rc;
}

static int
expand_address(struct expansion *x, const struct address *a, bool is_final)
{
	size_t before = x->added;

	if (++x->met > ALIASES_ADDRESSES_MAX)
		return status_set(x->st, EX_CONFIG, "the alias %s comes to "
		    "more than %d addresses", x->path[0],
		    ALIASES_ADDRESSES_MAX);
	if (!local_is(x->local, a)) {
		add(x, a);
		return 0;
	}
	if (!is_final && expand_alias(x, a) == -1)
		return -1;
	if (x->added == before)
		deliver_local(x, a);
	return 0;
}

int
local_resolve(struct local *l, const struct address *a, struct envelope *to,
    struct status *st)
{
	struct expansion x = { .local = l, .to = to, .st = st };

	return expand_address(&x, a, false);
}
