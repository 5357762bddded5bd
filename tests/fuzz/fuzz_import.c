/* SPDX-License-Identifier: ISC
 *
 * Any bytes as the configuration of another mailer, the first of them choosing
 * which; what stands behind a byte 0xff is its second file.  What is written is a
 * mailbearer.conf that mailbearer takes, and no password is in it.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

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
};

static size_t
count(const char *text, size_t len, const char *what, size_t n)
{
	const char *at = text;
	size_t found = 0;

	while ((at = memmem(at, len - (size_t)(at - text), what, n)) != NULL) {
		found++;
		at++;
	}
	return found;
}

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

/* A password that stands nowhere else in their files stands nowhere in ours. */
static void
check_password(const char *before, const char *text, size_t len,
    const struct buf *out)
{
	const char *at = memmem(text, len, before, strlen(before));
	size_t n = 0;

	if (at == NULL || !is_setting(before, text, at))
		return;
	at += strlen(before);
	while (at + n < text + len && at[n] > ' ' && at[n] != '"' &&
	    at[n] != '\'' && at[n] != '\\')
		n++;
	if (n >= 8 && count(text, len, at, n) == 1)
		FUZZ_PROMISE(memmem(out->data, out->len, at, n) == NULL);
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
	const char *text = (const char *)data + 1, *second;
	struct import im;
	struct buf out;
	size_t len, i;

	if (size == 0)
		return 0;
	i = data[0] % (sizeof formats / sizeof *formats);
	len = --size;
	second = memchr(text, '\xff', size);
	if (second != NULL)
		len = (size_t)(second++ - text);
	import_init(&im, "theirs");
	buf_init(&out, OUTPUT_MAX);
	formats[i].first(&im, text, len);
	if (second != NULL && formats[i].second != NULL)
		formats[i].second(&im, second, size - len - 1);
	import_format(&im, &out);
	if (im.count > 0 && !out.overflow)
		check_config(&out);
	if (formats[i].password != NULL)
		check_password(formats[i].password, text, len, &out);
	buf_release(&out);
	import_release(&im);
	return 0;
}
