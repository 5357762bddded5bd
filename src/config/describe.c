/* SPDX-License-Identifier: ISC */
#include "config/describe.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "config/presets.h"
#include "config/scan.h"
#include "config/value.h"

#define VALUE_TEXT_MAX (64 * 1024)

/* One block, or what stands outside of all. */
struct subject {
	const struct config	*config;
	const struct scan_block	*block;
	const void		*base;		/* struct config, app or account */
	const char		*preset;	/* or cloud; NULL outside of blocks */
	void			(*tell)(void *context,
				    const struct described *d);
	void			*context;
};

/* Values that are neither in the file nor in the key table. */
static const struct {
	enum key_level	 level;
	const char	*key, *origin;
	bool		 is_named;	/* add the account's preset, the app's cloud */
} origins[] = {
	{ LEVEL_TOP, "default-account", "the only account", false },
	{ LEVEL_TOP, "domain", "/etc/mailname or hostname", false },
	{ LEVEL_TOP, "hostname", "this host", false },
	{ LEVEL_TOP, "spool", "-C", false },
	{ LEVEL_TOP, "state-directory", "-C", false },
	{ LEVEL_APP, "authority", "cloud", true },
	{ LEVEL_APP, "scope", "cloud or preset", false },
	{ LEVEL_APP, "token-endpoint", "authority and tenant", false },
	{ LEVEL_ACCOUNT, "auth-user", "mailbox", false },
	{ LEVEL_ACCOUNT, "host", "preset", true },
	{ LEVEL_ACCOUNT, "port", "preset", true },
	{ LEVEL_ACCOUNT, "auth", "preset", true },
	{ LEVEL_ACCOUNT, "max-connections", "preset", true },
	{ LEVEL_ACCOUNT, "messages-per-minute", "preset", true },
	{ LEVEL_ACCOUNT, "max-recipients", "preset", true },
	{ LEVEL_ACCOUNT, "token-margin", "preset", true },
};

static void
origin_of(const struct subject *s, const struct key *k, struct buf *origin)
{
	size_t i;

	for (i = 0; i < sizeof origins / sizeof *origins; i++)
		if (origins[i].level == s->block->level &&
		    strcmp(origins[i].key, k->name) == 0)
			break;
	/* Only -C changes what the key table has a default for. */
	if (i == sizeof origins / sizeof *origins ||
	    (k->standard != NULL && !s->config->given))
		buf_addstr(origin, "default");
	else if (origins[i].is_named)
		buf_addf(origin, "%s %s", origins[i].origin, s->preset);
	else
		buf_addstr(origin, origins[i].origin);
}

/* In quotes, as the scanner reads it back. */
static void
add_quoted(struct buf *out, const char *text)
{
	buf_addch(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			buf_addch(out, '\\');
		buf_addch(out, *text);
	}
	buf_addch(out, '"');
}

/* A PIN may stand behind the "?" of a URI (RFC 7512 2.4). */
static void
add_file(struct buf *out, const char *text)
{
	const char *query = strchr(text, '?');
	struct buf shown;

	buf_init(&shown, VALUE_TEXT_MAX);
	if (query != NULL && value_is_uri(text)) {
		buf_add(&shown, text, (size_t)(query - text));
		buf_addstr(&shown, "?...");
	} else
		buf_addstr(&shown, text);
	add_quoted(out, shown.data);
	buf_release(&shown);
}

static void
add_list(struct buf *out, const struct key *k, char *const *list)
{
	size_t i;

	if (list[0] != NULL && list[1] == NULL) {
		add_quoted(out, list[0]);
		return;
	}
	buf_addch(out, '{');
	for (i = 0; list[i] != NULL; i++) {
		buf_addstr(out, i == 0 ? "" : ", ");
		/* Arguments of a program may be anything. */
		add_quoted(out, k->type == KEY_COMMAND && i > 0 ? "..." :
		    list[i]);
	}
	buf_addch(out, '}');
}

static void
add_date(struct buf *out, int64_t wall)
{
	time_t t = (time_t)wall;
	struct tm tm = { 0 };
	char text[32];

	if (wall != 0 && gmtime_r(&t, &tm) != NULL &&
	    strftime(text, sizeof text, "%Y-%m-%d", &tm) != 0)
		buf_addstr(out, text);
}

static void
add_amount(struct buf *out, int64_t n, char unit)
{
	char text[VALUE_SIZE];

	value_format(text, n, unit);
	buf_addstr(out, text);
}

static void
add_string(struct buf *out, const struct key *k, const char *text)
{
	if (text != NULL && k->type == KEY_FILE_OR_URI)
		add_file(out, text);
	else if (text != NULL)
		add_quoted(out, text);
	else if (k->type == KEY_PATH_OR_NONE)
		add_quoted(out, "");
}

/* The field as it would be written; nothing if it is not set. */
static void
add_value(struct buf *out, const struct key *k, const void *field)
{
	if (key_is_list(k)) {
		if (*(char *const *const *)field != NULL)
			add_list(out, k, *(char *const *const *)field);
		return;
	}
	switch (k->type) {
	case KEY_FLAG:
		buf_addstr(out, *(const bool *)field ? "true" : "false");
		break;
	case KEY_NUMBER:
		buf_addf(out, "%d", *(const int *)field);
		break;
	case KEY_DURATION:
		add_amount(out, *(const int64_t *)field, 's');
		break;
	case KEY_SIZE:
		add_amount(out, *(const int64_t *)field, 'B');
		break;
	case KEY_DATE:
		add_date(out, *(const int64_t *)field);
		break;
	case KEY_CHOICE:
		buf_addstr(out, k->words[*(const int *)field - k->min]);
		break;
	default:
		add_string(out, k, *(const char *const *)field);
	}
}

/* A default that goes with a credential which the app does not have. */
static bool
is_idle(const struct subject *s, const struct key *k, int line)
{
	const struct app *a = s->base;

	return line == 0 && s->block->level == LEVEL_APP &&
	    strcmp(k->name, "assertion-algorithm") == 0 &&
	    a->credential != CREDENTIAL_CERTIFICATE;
}

static void
describe_key(const struct subject *s, const struct key *k, int line)
{
	struct described d = { .level = s->block->level,
	    .block = s->block->title, .block_line = s->block->line,
	    .key = k->name, .line = line };
	struct buf value, origin;

	buf_init(&value, VALUE_TEXT_MAX);
	buf_init(&origin, 200);
	if (strcmp(k->name, "default-account") == 0 && line == 0 &&
	    s->config->default_account != NULL)
		add_quoted(&value, s->config->default_account->name);
	else
		add_value(&value, k, (const char *)s->base + k->offset);
	if (line == 0)
		origin_of(s, k, &origin);
	d.value = value.data;
	d.origin = origin.data;
	if (value.len != 0 && !is_idle(s, k, line))
		s->tell(s->context, &d);
	buf_release(&value);
	buf_release(&origin);
}

static void
describe_block(const struct subject *s)
{
	const struct key_table *t = &key_tables[s->block->level];
	size_t i;

	for (i = 0; i < t->count; i++)
		describe_key(s, &t->keys[i], s->block->lines[i]);
}

static void
describe(struct subject *s, const struct scan *scan)
{
	const struct config *c = s->config;
	size_t i;

	s->block = &scan->top;
	s->base = c;
	describe_block(s);
	for (i = 0; i < c->app_count; i++) {
		s->block = &scan->blocks[LEVEL_APP][i];
		s->base = &c->apps[i];
		s->preset = c->apps[i].cloud;
		describe_block(s);
	}
	for (i = 0; i < c->account_count; i++) {
		s->block = &scan->blocks[LEVEL_ACCOUNT][i];
		s->base = &c->accounts[i];
		s->preset = c->accounts[i].preset;
		describe_block(s);
	}
}

int
config_describe(const struct config_source *source,
    void (*tell)(void *context, const struct described *d), void *context,
    struct status *st)
{
	struct subject s = { .tell = tell, .context = context };
	struct scan scan = SCAN_INIT;
	struct config c;
	struct buf text;
	int rc = -1;

	if (config_load(&c, source, st) == -1)
		return -1;
	/* Once more for the lines, of which the structs know nothing. */
	buf_init(&text, CONFIG_FILE_MAX);
	if (safefile_read(c.path, TRUST_CONFIG, &source->trust,
	    CONFIG_FILE_MAX, &text, st) == 0 &&
	    scan_text(&scan, c.path, text.data, text.len, st) == 0) {
		s.config = &c;
		if (scan.count[LEVEL_APP] == c.app_count &&
		    scan.count[LEVEL_ACCOUNT] == c.account_count) {
			describe(&s, &scan);
			rc = 0;
		} else
			status_set(st, EX_TEMPFAIL, "%s is being changed",
			    c.path);
	}
	scan_release(&scan);
	buf_release(&text);
	config_release(&c);
	return rc;
}
