/* SPDX-License-Identifier: ISC */
#include "cli/admin_config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log.h"

/* Where options end: at "--" or at the end of all. */
static int
options_end(const struct arguments *a)
{
	int i;

	for (i = 1; i < a->count; i++)
		if (strcmp(a->items[i], "--") == 0)
			break;
	return i;
}

static void
take_out(struct arguments *a, int at, int count)
{
	memmove(&a->items[at], &a->items[at + count],
	    (size_t)(a->count - at - count + 1) * sizeof *a->items);
	a->count -= count;
}

bool
admin_flag(struct arguments *a, const char *name)
{
	int i, end = options_end(a);

	for (i = 1; i < end; i++)
		if (strcmp(a->items[i], name) == 0) {
			take_out(a, i, 1);
			return true;
		}
	return false;
}

/* The argument `at` as this option: how many arguments it takes up, 0 if it is
 * another. */
static int
match_value(const struct arguments *a, int at, int end, const char *name,
    const char **value)
{
	size_t len = strlen(name);

	if (strncmp(a->items[at], name, len) != 0)
		return 0;
	if (a->items[at][len] == '\0') {
		*value = at + 1 < end ? a->items[at + 1] : NULL;
		return *value != NULL ? 2 : 1;
	}
	if (a->items[at][len] != '=' || name[1] != '-')
		return 0;
	*value = a->items[at] + len + 1;
	return 1;
}

int
admin_value(struct arguments *a, const char *name, const char **value,
    struct status *st)
{
	const char *found = NULL;
	int i = 1, taken;
	bool is_given = false;

	while (i < options_end(a)) {
		taken = match_value(a, i, options_end(a), name, &found);
		if (taken == 0) {
			i++;
			continue;
		}
		if (found == NULL)
			return status_set(st, EX_USAGE, "%s needs a value", name);
		if (is_given)
			return status_set(st, EX_USAGE, "%s is given twice",
			    name);
		is_given = true;
		*value = found;
		take_out(a, i, taken);
	}
	return 0;
}

int
admin_operands(struct arguments *a, struct status *st)
{
	int i, end = options_end(a);

	for (i = 1; i < end; i++)
		if (a->items[i][0] == '-') {
			status_set(st, EX_USAGE, "unknown option %s",
			    a->items[i]);
			return status_hint(st, "mailbearer %s --help shows its "
			    "options", a->items[0]);
		}
	if (end < a->count)
		take_out(a, end, 1);
	return 0;
}

int
admin_start(struct caller *caller, struct identity *id, const char *file,
    struct status *st)
{
	*caller = (struct caller){ .name = "mailbearer", .identity = id };
	if (privilege_drop(id, file == NULL, st) == -1)
		return -1;
	caller->source = caller_source(id, file);
	return 0;
}

void
admin_log(const struct config *config)
{
	struct status st;

	if (log_open("mailbearer", config->log, &st) == -1)
		log_line(LOG_WARNING, "%s", st.text);
}

int
admin_load(const struct caller *caller, struct config *config,
    struct status *st)
{
	if (config_load(config, &caller->source, st) == -1)
		return -1;
	admin_log(config);
	return 0;
}

bool
admin_may_read(const char *directory)
{
	return faccessat(AT_FDCWD, directory, R_OK | X_OK, AT_EACCESS) == 0 ||
	    errno == ENOENT;
}

int
admin_fail(const struct caller *caller, const struct status *st)
{
	struct status own = *st;

	/* diagnose_advice() would send him to sendmail(8). */
	if (own.sysexit == EX_USAGE && own.hint[0] == '\0')
		status_hint(&own, "see mailbearer(8) for the command line");
	caller_say(caller, &own);
	return status_exit(st);
}
