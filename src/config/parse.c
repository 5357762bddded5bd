/* SPDX-License-Identifier: ISC */
#include "config/parse.h"

#include <confuse.h>
#include <errno.h>

#include "base/xalloc.h"
#include "config/convert.h"

static int
set_list(const struct setting *s, cfg_t *section)
{
	unsigned int count = cfg_size(section, s->key->name), i;
	char **list = xcalloc(count + 1, sizeof *list);

	*(char ***)s->field = list;
	for (i = 0; i < count; i++)
		if (convert_item(s, cfg_getnstr(section, s->key->name, i),
		    i == 0, &list[i]) == -1)
			return -1;
	return 0;
}

/* Fills a struct config, app or account at `base`. */
static int
fill(struct reading *r, const struct scan_block *b, cfg_t *section, void *base,
    struct status *st)
{
	const struct key_table *t = &key_tables[b->level];
	struct setting s = { .reading = r, .st = st };
	const char *text;
	size_t i;
	int rc;

	for (i = 0; i < t->count; i++) {
		s.key = &t->keys[i];
		s.line = b->lines[i];
		s.field = (char *)base + s.key->offset;
		if (s.line == 0 && s.key->standard == NULL)
			continue;
		text = s.line == 0 ? s.key->standard :
		    key_is_list(s.key) ? "" : cfg_getstr(section, s.key->name);
		rc = key_is_list(s.key) ? set_list(&s, section) :
		    convert_value(&s, text);
		if (rc == -1)
			return -1;
	}
	return 0;
}

static int
fill_apps(struct reading *r, cfg_t *root, struct status *st)
{
	const struct scan_block *b = r->scan.blocks[LEVEL_APP];
	struct config *c = r->config;
	size_t i;

	c->app_count = r->scan.count[LEVEL_APP];
	c->apps = xcalloc(c->app_count, sizeof *c->apps);
	for (i = 0; i < c->app_count; i++) {
		c->apps[i].name = xstrdup(b[i].title);
		c->apps[i].line = b[i].line;
		if (fill(r, &b[i], cfg_getnsec(root, "app", (unsigned int)i),
		    &c->apps[i], st) == -1)
			return -1;
	}
	return 0;
}

static int
fill_accounts(struct reading *r, cfg_t *root, struct status *st)
{
	const struct scan_block *b = r->scan.blocks[LEVEL_ACCOUNT];
	struct config *c = r->config;
	size_t i;

	c->account_count = r->scan.count[LEVEL_ACCOUNT];
	c->accounts = xcalloc(c->account_count, sizeof *c->accounts);
	for (i = 0; i < c->account_count; i++) {
		c->accounts[i].name = xstrdup(b[i].title);
		c->accounts[i].line = b[i].line;
		if (fill(r, &b[i], cfg_getnsec(root, "account",
		    (unsigned int)i), &c->accounts[i], st) == -1)
			return -1;
	}
	return 0;
}

/* libconfuse prints to stderr unless it is given something to call. */
static void
keep_quiet(cfg_t *cfg, const char *format, va_list ap)
{
	(void)cfg;
	(void)format;
	(void)ap;
}

/* A level of the key table as libconfuse wants it. */
static void
confuse_options(cfg_opt_t *options, enum key_level level)
{
	static const cfg_opt_t string = CFG_STR(NULL, NULL, CFGF_NODEFAULT);
	static const cfg_opt_t list = CFG_STR_LIST(NULL, NULL, CFGF_NODEFAULT);
	const struct key_table *t = &key_tables[level];
	size_t i;

	for (i = 0; i < t->count; i++) {
		options[i] = key_is_list(&t->keys[i]) ? list : string;
		options[i].name = t->keys[i].name;
	}
	options[i] = (cfg_opt_t)CFG_END();
}

/* The whole file as libconfuse wants it; it copies what it is given. */
static cfg_t *
confuse_init(void)
{
	cfg_opt_t app[LEVEL_KEYS_MAX + 1], account[LEVEL_KEYS_MAX + 1];
	cfg_opt_t top[LEVEL_KEYS_MAX + 3];
	size_t count = key_tables[LEVEL_TOP].count;

	confuse_options(app, LEVEL_APP);
	confuse_options(account, LEVEL_ACCOUNT);
	confuse_options(top, LEVEL_TOP);
	top[count++] = (cfg_opt_t)CFG_SEC("app", app, CFGF_MULTI | CFGF_TITLE);
	top[count++] = (cfg_opt_t)CFG_SEC("account", account,
	    CFGF_MULTI | CFGF_TITLE);
	top[count] = (cfg_opt_t)CFG_END();
	return cfg_init(top, CFGF_NONE);
}

/* After the scan libconfuse has nothing left to refuse; if it does all the
 * same, or sees other blocks, the two differ about the grammar. */
static bool
confuse_parse(cfg_t *root, const char *text, const struct scan *scan)
{
	cfg_set_error_function(root, keep_quiet);
	return cfg_parse_buf(root, text) == CFG_SUCCESS &&
	    cfg_size(root, "app") == scan->count[LEVEL_APP] &&
	    cfg_size(root, "account") == scan->count[LEVEL_ACCOUNT];
}

int
parse_text(struct reading *r, char *text, size_t len, struct status *st)
{
	cfg_t *root;
	bool parsed;
	int rc = -1;

	if (scan_text(&r->scan, r->path, text, len, st) == -1)
		return -1;
	root = confuse_init();
	if (root == NULL)
		return status_set_errno(st, EX_OSERR, "libconfuse");
	errno = 0;
	parsed = confuse_parse(root, text, &r->scan);
	/* Not freed then: cfg_free() would follow what could not be made. */
	if (!parsed && errno == ENOMEM)
		return status_set_errno(st, EX_OSERR, "libconfuse");
	if (!parsed)
		scan_error(st, r->path, root->line, "this is not understood");
	else if (fill(r, &r->scan.top, root, r->config, st) == 0 &&
	    fill_apps(r, root, st) == 0 && fill_accounts(r, root, st) == 0)
		rc = 0;
	cfg_free(root);
	return rc;
}
