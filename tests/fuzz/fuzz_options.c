/* SPDX-License-Identifier: ISC
 *
 * Any words as the command line, divided by NULs; the first byte chooses the
 * program's name and who calls.  What is taken is words of the caller's and can
 * stand where it will stand; what follows "--" are recipients and nothing else;
 * nobody but the administrator names a file.  (That no file is opened is
 * tests/lint/pure's.)
 */
#include <string.h>

#include "base/xalloc.h"
#include "cli/dsn.h"
#include "cli/options.h"
#include "fuzz.h"

#define WORDS_MAX 200

struct command {
	char	*bytes;			/* all words */
	size_t	 size;
	char	*words[WORDS_MAX + 4], *before[WORDS_MAX + 4];
	int	 count;
};

static void
make_command(struct command *c, const uint8_t *data, size_t size,
    const char *more)
{
	static char name[] = "sendmail", end_of_flags[] = "--";
	char *p;

	c->bytes = xmemdup(data, size);
	c->size = size;
	c->count = 0;
	c->words[c->count++] = name;
	for (p = c->bytes; p < c->bytes + size && c->count < WORDS_MAX;
	    p += strlen(p) + 1)
		c->words[c->count++] = p;
	if (more != NULL) {
		c->words[c->count++] = end_of_flags;
		c->words[c->count++] = (char *)(uintptr_t)more;
	}
	c->words[c->count] = NULL;
	memcpy(c->before, c->words, sizeof c->before);
}

static void
check_value(const struct command *c, const char *value)
{
	FUZZ_PROMISE(value == NULL || *value == '\0' ||
	    (value >= c->bytes && value <= c->bytes + c->size));
	for (; value != NULL && *value != '\0'; value++)
		FUZZ_PROMISE((unsigned char)*value >= ' ' && *value != 0x7f);
}

static void
check_values(const struct command *c, const struct options *o)
{
	const char *const values[] = { o->sender, o->full_name,
	    o->notify, o->ret, o->envid, o->tag, o->queue_id,
	    o->queue_recipient, o->queue_sender };
	size_t i;

	for (i = 0; i < sizeof values / sizeof *values; i++) {
		check_value(c, values[i]);
		FUZZ_PROMISE(values[i] == NULL ||
		    strlen(values[i]) <= OPTIONS_VALUE_MAX);
	}
	FUZZ_PROMISE(o->notify == NULL || dsn_is_notify(o->notify));
	FUZZ_PROMISE(o->ret == NULL || dsn_is_ret(o->ret));
	FUZZ_PROMISE(o->envid == NULL || strlen(o->envid) <= DSN_ENVID_MAX);
}

/* Recipients are words of the command line, in their order, and none of them
 * looks like a flag unless it stands behind "--". */
static void
check_recipients(const struct command *c, const struct options *o)
{
	size_t i;
	int at = 1;

	FUZZ_PROMISE(o->recipients[o->recipient_count] == NULL);
	for (i = 0; i < o->recipient_count; i++, at++) {
		while (at < c->count && c->before[at] != o->recipients[i])
			at++;
		FUZZ_PROMISE(at < c->count);
	}
}

static void
check_refusal(const struct status *st)
{
	const char *p;

	FUZZ_PROMISE(st->sysexit == EX_USAGE && st->text[0] != '\0');
	for (p = st->text; *p != '\0'; p++)
		FUZZ_PROMISE((unsigned char)*p >= ' ' && *p != 0x7f);
}

/* -oM and a letter take any word that follows, also "--"; so does "-o MX". */
static bool
wants_more(const struct command *c)
{
	const char *last = c->before[c->count - 1];
	size_t len = strlen(last);

	return len >= 2 && last[len - 2] == 'M';
}

/* Whoever puts "--" in front of a stranger's word has named a recipient. */
static void
check_end_of_flags(const uint8_t *data, size_t size, const char *name,
    bool administrator, const struct options *first)
{
	static const char stranger[] = "-C/etc/passwd";
	struct status st = STATUS_INIT;
	struct command c;
	struct options o;

	make_command(&c, data, size, stranger);
	FUZZ_PROMISE(options_parse(&o, name, administrator, c.count, c.words,
	    &st) == 0);
	FUZZ_PROMISE(o.recipient_count > first->recipient_count);
	FUZZ_PROMISE(o.recipients[o.recipient_count - 1] == stranger);
	FUZZ_PROMISE(o.mode == first->mode);
	FUZZ_PROMISE((o.config_file == NULL) == (first->config_file == NULL));
	free(c.bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "sendmail", "mailq", "newaliases",
	    "" };
	struct status st = STATUS_INIT;
	bool administrator;
	const char *name;
	struct command c;
	struct options o;

	if (size == 0)
		return 0;
	name = names[data[0] & 3];
	administrator = data[0] & 4;
	make_command(&c, data + 1, size - 1, NULL);
	if (options_parse(&o, name, administrator, c.count, c.words,
	    &st) == 0) {
		check_values(&c, &o);
		check_recipients(&c, &o);
		FUZZ_PROMISE(administrator ||
		    (o.config_file == NULL && o.account == NULL));
		if (c.count < WORDS_MAX && !wants_more(&c))
			check_end_of_flags(data + 1, size - 1, name,
			    administrator, &o);
	} else
		check_refusal(&st);
	free(c.bytes);
	return 0;
}
