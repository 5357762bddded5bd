/* SPDX-License-Identifier: ISC */
#include "cli/config_command.h"

#include <stdio.h>
#include <string.h>

#include "base/record.h"
#include "cli/invocation.h"
#include "cli/out.h"
#include "config/describe.h"

#define ORIGIN_COLUMN 52

struct listing_state {
	bool		json;
	const char	*path;
	bool		is_started;
	enum key_level	level;		/* of the block that is open */
	char		block[80];
};

static void
print_json(struct listing_state *s, const struct described *d)
{
	struct record *r = record_new();
	struct buf line;

	if (d->level != LEVEL_TOP)
		record_put_text(r, key_tables[d->level].where, d->block);
	record_put_text(r, "key", d->key);
	record_put_text(r, "value", d->value);
	if (d->line != 0)
		record_put_number(r, "line", d->line);
	else
		record_put_text(r, "origin", d->origin);
	buf_init(&line, 128 * 1024);
	record_format(r, &line);
	printf("%s%s", s->is_started ? ",\n" : "[\n", line.data);
	buf_release(&line);
	record_free(r);
}

/* Begins the next block where one does. */
static void
open_block(struct listing_state *s, const struct described *d)
{
	int column;

	if (d->level == s->level && strcmp(d->block, s->block) == 0)
		return;
	if (s->level != LEVEL_TOP)
		puts("}");
	column = printf("%s \"%s\" {", key_tables[d->level].where, d->block);
	printf("%*s# line %d\n", column < ORIGIN_COLUMN ?
	    ORIGIN_COLUMN - column : 1, "", d->block_line);
	s->level = d->level;
	snprintf(s->block, sizeof s->block, "%s", d->block);
}

static void
print_value(const struct described *d)
{
	const char *indent = d->level == LEVEL_TOP ? "" : "    ";
	char origin[200];
	size_t width = strlen(indent) + strlen(d->key) + 3 + strlen(d->value);

	if (d->line != 0)
		snprintf(origin, sizeof origin, "line %d", d->line);
	else
		snprintf(origin, sizeof origin, "%s", d->origin);
	/* Too long for one line: where it comes from goes before. */
	if (width + 3 + strlen(origin) > OUT_WIDTH)
		printf("%s# %s:\n%s%s = %s\n", indent, origin, indent, d->key,
		    d->value);
	else
		printf("%s%s = %s%*s# %s\n", indent, d->key, d->value,
		    width < ORIGIN_COLUMN && ORIGIN_COLUMN + 2 +
		    strlen(origin) <= OUT_WIDTH ? ORIGIN_COLUMN - (int)width :
		    1, "", origin);
}

static void
tell(void *context, const struct described *d)
{
	struct listing_state *s = context;

	if (s->json)
		print_json(s, d);
	else {
		if (!s->is_started)
			printf("# %s\n", s->path);
		open_block(s, d);
		print_value(d);
	}
	s->is_started = true;
}

static int
print(const struct invocation *v, struct status *st)
{
	struct listing_state s = { .json = v->json, .path = v->file != NULL ?
	    v->file : CONFIG_PATH };

	if (config_describe(&v->caller.source, tell, &s, st) == -1)
		return -1;
	puts(v->json ? "\n]" : "}");
	return 0;
}

int
config_command(struct identity *id, int argc, char **argv)
{
	static const struct invocation_form form = { 0, 0,
	    "config [-C FILE] [--json]" };
	struct invocation v = { .arguments = { argc, argv } };
	struct status st = STATUS_INIT;

	if (invocation_begin(&v, id, &form, 0, &st) == -1 ||
	    print(&v, &st) == -1)
		return admin_fail(&v.caller, &st);
	return EX_OK;
}
