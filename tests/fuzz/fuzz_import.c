/* SPDX-License-Identifier: ISC
 *
 * Any bytes as the configuration of another mailer, the first of them choosing
 * which; what stands behind a byte 0xff is its second file.  What is written is a
 * mailbearer.conf that mailbearer takes, and it does not depend on a password.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/xalloc.h"
#include "cli/import.h"
#include "config/hostname.h"
#include "fuzz.h"

#define OUTPUT_MAX (512 * 1024)

static void
nullmailer_me(struct import *im, const char *text, size_t len)
{
	import_nullmailer_value(im, "me", text, len);
}

static const struct {
	void	(*first)(struct import *, const char *, size_t);
	void	(*second)(struct import *, const char *, size_t);
	const char *password;		/* what stands in front of one */
} formats[] = {
	{ import_msmtp, NULL, "password " },
	{ import_ssmtp, NULL, "AuthPass=" },
	{ import_dma, import_dma_auth, NULL },
	{ import_nullmailer_remotes, nullmailer_me, "--pass=" },
	{ import_postfix, import_postfix_passwords, NULL },
	{ import_postfix, import_postfix_relays, NULL },
	{ import_postfix, import_postfix_generic, NULL },
};

/* Whether it stands where a setting does: at the start of a line, or, for an
 * option, behind the first word and outside of quotes. */
static bool
is_setting(const char *before, const char *text, const char *at)
{
	const char *line = at;
	bool is_option = before[0] == '-', word = false;

	while (line > text && line[-1] != '\n')
		line--;
	if (!is_option)
		return line == at;
	for (; line < at; line++) {
		if (*line == '"' || *line == '\'' || *line == '#')
			return false;
		word |= isgraph((unsigned char)*line) != 0;
	}
	return word && at[-1] == ' ';
}

/* A buffer of what is written for these files. */
static size_t
import(struct buf *out, size_t format, const char *text, size_t size)
{
	const char *second = memchr(text, '\xff', size);
	size_t len = second != NULL ? (size_t)(second++ - text) : size, count;
	struct import im;

	import_init(&im, "theirs");
	buf_init(out, OUTPUT_MAX);
	formats[format].first(&im, text, len);
	if (second != NULL && formats[format].second != NULL)
		formats[format].second(&im, second, size - len - 1);
	import_format(&im, out);
	count = im.count;
	import_release(&im);
	return count;
}

/* Another password makes no other config. */
static void
check_password(size_t format, const char *text, size_t size,
    const struct buf *out)
{
	const char *before = formats[format].password, *at;
	struct buf again;
	char *changed;
	size_t n;

	if (before == NULL ||
	    (at = memmem(text, size, before, strlen(before))) == NULL ||
	    !is_setting(before, text, at))
		return;
	changed = xmemdup(text, size);
	n = (size_t)(at - text) + strlen(before);
	for (; n < size && isalnum((unsigned char)changed[n]); n++)
		changed[n] = 'x';
	import(&again, format, changed, size);
	FUZZ_PROMISE(strcmp(out->data, again.data) == 0);
	buf_release(&again);
	free(changed);
}

static void
die(const char *why, const struct buf *out)
{
	fprintf(stderr, "%s in:\n%s", why, out->data);
	abort();
}

static void
check_config(const struct buf *out)
{
	static const struct host_source hosts = { .node = "web1",
	    .hosts = "/dev/null", .mailname = "/dev/null" };
	struct config_source source = { .path = "/x.conf" };
	struct status st = STATUS_INIT;
	struct config c;
	size_t i;

	for (i = 0; i < out->len; i++)
		if (iscntrl((unsigned char)out->data[i]) &&
		    out->data[i] != '\n')
			die("control character", out);
	if (out->len > CONFIG_FILE_MAX)
		return;
	if (config_parse_on(&c, &source, &hosts, out->data, out->len,
	    &st) == -1)
		die(st.text, out);
	config_release(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;
	struct buf out;
	size_t format;

	if (size == 0)
		return 0;
	format = data[0] % (sizeof formats / sizeof *formats);
	if (import(&out, format, text, size - 1) > 0 && !out.overflow)
		check_config(&out);
	check_password(format, text, size - 1, &out);
	buf_release(&out);
	return 0;
}
