/* SPDX-License-Identifier: ISC
 *
 * newaliases: there is nothing to build, so the file is proofread.
 */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "mail/alias_report.h"
#include "mail/aliases.h"

enum colour {
	UNSEEN = 0,
	OPEN,			/* on the path that is followed now */
	DONE
};

struct check {
	const struct aliases	*aliases;
	const struct trust	*trust;
	const struct alias_reporter *outer;
	struct alias_reporter	 inner;		/* counts, then tells `outer` */
	struct aliases_summary	*summary;
	unsigned char		*colours;	/* one for each entry */
};

static void
count_and_tell(void *context, int line, bool is_error, const char *text)
{
	struct check *c = context;

	if (is_error)
		c->summary->errors++;
	else
		c->summary->refused++;
	alias_report(c->outer, line, is_error, "%s", text);
}

static void follow(struct check *c, size_t i, int depth);

/* Looks a target's name up. */
static void
follow_target(struct check *c, size_t from, const struct alias_target *target,
    int depth)
{
	const struct alias *next;
	size_t i;

	if (target->address.domain != NULL || target->is_final)
		return;
	next = aliases_find(c->aliases, target->address.local);
	if (next == NULL)
		return;
	i = (size_t)(next - c->aliases->items);
	/* "root: root, bob" delivers to root himself. */
	if (i == from)
		return;
	if (c->colours[i] == OPEN)
		alias_report(&c->inner, target->line, true,
		    "%s: goes round in a circle through %s",
		    c->aliases->items[from].name, next->name);
	else if (depth == ALIASES_DEPTH_MAX)
		alias_report(&c->inner, target->line, true,
		    "%s: more than %d aliases deep",
		    c->aliases->items[from].name, ALIASES_DEPTH_MAX);
	else if (c->colours[i] == UNSEEN)
		follow(c, i, depth + 1);
}

/* Reads an :include: file; its lines are its own, so it is reported as one. */
static void
check_include(struct check *c, const struct alias_target *target)
{
	struct alias_targets inside = ALIAS_TARGETS_INIT;
	struct status st = STATUS_INIT;

	if (aliases_include(&inside, target->include, c->trust, &c->inner,
	    &st) == -1)
		alias_report(&c->inner, target->line, true, "%s", st.text);
	alias_targets_release(&inside);
}

static void
follow(struct check *c, size_t i, int depth)
{
	const struct alias *alias = &c->aliases->items[i];
	struct alias_targets targets = ALIAS_TARGETS_INIT;
	size_t before = c->summary->errors + c->summary->refused, t;

	c->colours[i] = OPEN;
	aliases_parse_targets(&targets, alias->right, alias->len, alias->line,
	    &c->inner);
	if (targets.count == 0 &&
	    before == c->summary->errors + c->summary->refused)
		alias_report(&c->inner, alias->line, true, "%s: no address",
		    alias->name);
	for (t = 0; t < targets.count; t++) {
		if (targets.items[t].include != NULL)
			check_include(c, &targets.items[t]);
		else
			follow_target(c, i, &targets.items[t], depth);
	}
	alias_targets_release(&targets);
	c->colours[i] = DONE;
}

int
aliases_check(const char *path, const struct trust *trust,
    const struct alias_reporter *r, struct aliases_summary *s,
    struct status *st)
{
	struct aliases aliases = ALIASES_INIT;
	struct check c = { .aliases = &aliases, .trust = trust, .outer = r,
	    .inner = { count_and_tell, &c }, .summary = s };
	size_t i;

	*s = (struct aliases_summary){ 0 };
	if (aliases_load(&aliases, path, trust, &c.inner, st) == -1)
		return -1;
	c.colours = xcalloc(aliases.count + 1, 1);
	for (i = 0; i < aliases.count; i++) {
		if (c.colours[i] == UNSEEN)
			follow(&c, i, 1);
		s->bytes += strlen(aliases.items[i].name) +
		    aliases.items[i].len;
		if (aliases.items[i].len > s->longest)
			s->longest = aliases.items[i].len;
	}
	s->count = aliases.count;
	free(c.colours);
	aliases_release(&aliases);
	return 0;
}
