/* SPDX-License-Identifier: ISC */
#include "config/config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "config/complete.h"
#include "config/hostname.h"
#include "config/keys.h"
#include "config/parse.h"

const char *
config_path(const struct config_source *source)
{
	return source->path != NULL ? source->path : CONFIG_PATH;
}

/* The directory of a file as an absolute path, to be freed; NULL if there is no
 * working directory to start from. */
static char *
directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);
	char working[PATH_MAX];

	if (path[0] == '/')
		return xmemdup(path, len == 0 ? 1 : len);
	if (getcwd(working, sizeof working) == NULL)
		return NULL;
	return len == 0 ? xstrdup(working) :
	    xasprintf("%s/%.*s", working, (int)len, path);
}

static int
read_config(struct reading *r, char *text, size_t len,
    const struct host_source *hosts, struct status *st)
{
	if (parse_text(r, text, len, st) == -1 ||
	    complete_apps(r, st) == -1 || complete_accounts(r, st) == -1 ||
	    complete_top(r, st) == -1)
		return -1;
	hostname_complete(r->config, hosts);
	return 0;
}

int
config_parse_on(struct config *c, const struct config_source *source,
    const struct host_source *hosts, const char *text, size_t len,
    struct status *st)
{
	struct reading r = { .path = config_path(source), .config = c,
	    .is_default = text == NULL };
	char *copy = NULL, *directory = NULL;
	int rc;

	*c = (struct config){ .trust = source->trust,
	    .given = source->given };
	if (len > CONFIG_FILE_MAX)
		return scan_error(st, r.path, 0, "longer than %d bytes",
		    CONFIG_FILE_MAX);
	if (source->given) {
		directory = directory_of(r.path);
		if (directory == NULL)
			return status_set_errno(st, EX_CONFIG,
			    "finding the directory of %s", r.path);
	}
	r.directory = directory;
	c->path = xstrdup(r.path);
	copy = xmemdup(text, text != NULL ? len : 0);
	rc = read_config(&r, copy, len, hosts, st);
	if (rc == -1)
		config_release(c);
	scan_release(&r.scan);
	free(directory);
	free(copy);
	return rc;
}

int
config_parse(struct config *c, const struct config_source *source,
    const char *text, size_t len, struct status *st)
{
	return config_parse_on(c, source, &host_source_system, text, len, st);
}

int
config_default(struct config *c, const struct config_source *source,
    struct status *st)
{
	return config_parse_on(c, source, &host_source_system, NULL, 0, st);
}

static void
release_list(char **list)
{
	size_t i;

	for (i = 0; list != NULL && list[i] != NULL; i++)
		free(list[i]);
	free(list);
}

/* Frees what the key table has put into a struct. */
static void
release_fields(enum key_level level, void *base)
{
	const struct key_table *t = &key_tables[level];
	size_t i;

	for (i = 0; i < t->count; i++) {
		void *field = (char *)base + t->keys[i].offset;

		if (key_is_list(&t->keys[i]))
			release_list(*(char ***)field);
		else if (key_is_string(&t->keys[i]))
			free(*(char **)field);
	}
}

void
config_release(struct config *c)
{
	size_t i;

	for (i = 0; i < c->app_count; i++) {
		free(c->apps[i].name);
		release_fields(LEVEL_APP, &c->apps[i]);
	}
	for (i = 0; i < c->account_count; i++) {
		free(c->accounts[i].name);
		release_fields(LEVEL_ACCOUNT, &c->accounts[i]);
	}
	free(c->apps);
	free(c->accounts);
	release_fields(LEVEL_TOP, c);
	hostname_release(c);
	release_list(c->host_names);
	free(c->short_hostname);
	free(c->path);
	*c = (struct config){ .path = NULL };
}

const struct account *
config_account(const struct config *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->account_count; i++)
		if (strcmp(c->accounts[i].name, name) == 0)
			return &c->accounts[i];
	return NULL;
}

const struct app *
config_app(const struct config *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->app_count; i++)
		if (strcmp(c->apps[i].name, name) == 0)
			return &c->apps[i];
	return NULL;
}
