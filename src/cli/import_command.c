/* SPDX-License-Identifier: ISC */
#include "cli/import_command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "cli/admin_config.h"
#include "cli/import.h"

#define OUTPUT_MAX (512 * 1024)

typedef void reader(struct import *im, const char *text, size_t len);

/* A whole regular file; it may hold a password. */
static int
read_file(const char *path, struct buf *out, struct status *st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat sb;
	ssize_t n;

	buf_init(out, IMPORT_FILE_MAX);
	if (fd == -1)
		return status_set_errno(st, EX_NOINPUT, "%s", path);
	if (fstat(fd, &sb) == -1 || !S_ISREG(sb.st_mode) ||
	    sb.st_size > IMPORT_FILE_MAX) {
		close(fd);
		return status_set(st, EX_NOINPUT, "%s is no file of at most %d "
		    "bytes", path, IMPORT_FILE_MAX);
	}
	buf_reserve(out, out->max);
	while ((n = read(fd, out->data + out->len, out->max - out->len)) > 0)
		out->len += (size_t)n;
	out->data[out->len] = '\0';
	close(fd);
	return n == 0 ? 0 : status_set_errno(st, EX_IOERR, "%s", path);
}

/* A file that belongs to the first one.  If that does not name it, it need not be
 * there. */
static void
read_other(struct import *im, const char *path, bool is_named, reader *read)
{
	struct status st = STATUS_INIT;
	struct buf text;

	if (read_file(path, &text, &st) == 0)
		read(im, text.data, text.len);
	else if (is_named || errno != ENOENT)
		import_remark(im, 0, "%s", st.text);
	buf_wipe(&text);
}

static char *
beside(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? xstrdup(name) :
	    xasprintf("%.*s/%s", (int)(slash - path), path, name);
}

/* The word behind "KEY " at the start of a line, to be freed; NULL if there is
 * none. */
static char *
find_word(const char *text, const char *key)
{
	const char *at = text, *word;
	size_t len = strlen(key);

	while ((at = strstr(at, key)) != NULL) {
		word = at + len + strspn(at + len, " \t");
		if ((at == text || at[-1] == '\n') && word != at + len)
			return xmemdup(word, strcspn(word, " \t\r\n"));
		at += len;
	}
	return NULL;
}

static void
read_dma(struct import *im, const char *file, const struct buf *text)
{
	char *name = find_word(text->data, "AUTHPATH"), *path;

	import_dma(im, text->data, text->len);
	path = name != NULL && *name == '/' ? xstrdup(name) :
	    beside(file, name != NULL ? name : "auth.conf");
	read_other(im, path, name != NULL, import_dma_auth);
	free(path);
	free(name);
}

/* "hash:PATH", "proxy:hash:PATH" or "PATH".  What is no file is said, without
 * what it holds: "static:" may hold a password. */
static void
read_table(struct import *im, const char *file, const char *key,
    const char *table, reader *read)
{
	static const char *const types[] = {
		"hash", "btree", "lmdb", "texthash", "cdb", "dbm", "sdbm",
		"regexp", "pcre", ""
	};
	size_t i = 0, len;
	char *path;

	if (strncmp(table, "proxy:", 6) == 0)
		table += 6;
	len = strchr(table, ':') != NULL ? strcspn(table, ":") : 0;
	while (i < sizeof types / sizeof *types && (strlen(types[i]) != len ||
	    strncmp(types[i], table, len) != 0))
		i++;
	if (i == sizeof types / sizeof *types) {
		import_remark(im, 0, "%s: a table that is no file is not read",
		    key);
		return;
	}
	path = import_postfix_path(file, table + len + (len != 0));
	read_other(im, path, true, read);
	free(path);
}

/* The tables that main.cf names; else the one of that name beside it, where there
 * is a usual one. */
static void
read_tables(struct import *im, const char *file, const struct buf *text,
    const char *key, const char *usual, reader *read)
{
	char *value = import_postfix_value(text->data, text->len, key);
	char *path, *table, *rest = value;

	if (value == NULL && usual != NULL) {
		path = beside(file, usual);
		read_other(im, path, false, read);
		free(path);
	}
	while (rest != NULL && (table = strsep(&rest, " \t,")) != NULL) {
		if (*table == '\0')
			continue;
		read_table(im, file, key, table, read);
		if (strchr(table, '{') != NULL)
			break;		/* of blanks and commas, up to "}" */
	}
	free(value);
}

static void
read_postfix(struct import *im, const char *file, const struct buf *text)
{
	import_postfix(im, text->data, text->len);
	read_tables(im, file, text, "sender_dependent_relayhost_maps", NULL,
	    import_postfix_relays);
	read_tables(im, file, text, "smtp_sasl_password_maps", "sasl_passwd",
	    import_postfix_passwords);
	read_tables(im, file, text, "smtp_generic_maps", NULL,
	    import_postfix_generic);
}

/* FILE is nullmailer's remotes; its other files lie beside it. */
static void
read_nullmailer(struct import *im, const char *file, const struct buf *text)
{
	static const char *const names[] = {
		"me", "helohost", "defaulthost", "defaultdomain", "adminaddr",
		"allmailfrom", "pausetime", "queuelifetime", "sendtimeout",
	};
	struct status ignored = STATUS_INIT;
	struct buf value;
	char *path;
	size_t i;

	import_nullmailer_remotes(im, text->data, text->len);
	for (i = 0; i < sizeof names / sizeof *names; i++) {
		path = beside(file, names[i]);
		if (read_file(path, &value, &ignored) == 0)
			import_nullmailer_value(im, names[i], value.data,
			    value.len);
		buf_release(&value);
		free(path);
	}
}

static void
read_msmtp(struct import *im, const char *file, const struct buf *text)
{
	(void)file;
	import_msmtp(im, text->data, text->len);
}

static void
read_ssmtp(struct import *im, const char *file, const struct buf *text)
{
	(void)file;
	import_ssmtp(im, text->data, text->len);
}

static const struct format {
	const char	*name;
	const char	*file;		/* as its file is usually called */
	void		(*read)(struct import *im, const char *file,
			    const struct buf *text);
} formats[] = {
	{ "msmtp", "msmtprc", read_msmtp },
	{ "ssmtp", "ssmtp.conf", read_ssmtp },
	{ "nullmailer", "remotes", read_nullmailer },
	{ "dma", "dma.conf", read_dma },
	{ "postfix", "main.cf", read_postfix },
};

/* By --format, else by the file's name. */
static const struct format *
find_format(const char *name, const char *file, struct status *st)
{
	size_t i;

	for (i = 0; i < sizeof formats / sizeof *formats; i++)
		if (name != NULL ? strcmp(formats[i].name, name) == 0 :
		    strstr(file, formats[i].file) != NULL)
			return &formats[i];
	if (name != NULL)
		status_set(st, EX_USAGE, "unknown format %s", name);
	else
		status_set(st, EX_USAGE, "whose file %s is cannot be told from "
		    "its name", file);
	status_hint(st, "--format msmtp, ssmtp, nullmailer (its remotes), dma "
	    "or postfix (its main.cf)");
	return NULL;
}

static int
import(const char *file, const struct format *format, struct status *st)
{
	struct import im;
	struct buf text, out;
	int rc;

	rc = read_file(file, &text, st);
	if (rc == 0) {
		import_init(&im, file);
		buf_init(&out, OUTPUT_MAX);
		format->read(&im, file, &text);
		import_format(&im, &out);
		fputs(out.data, stdout);
		buf_release(&out);
		import_release(&im);
	}
	buf_wipe(&text);
	return rc;
}

int
import_command(struct identity *id, int argc, char **argv)
{
	struct arguments a = { argc, argv };
	struct caller caller = { .name = "mailbearer", .identity = id };
	const struct format *format = NULL;
	struct status st = STATUS_INIT;
	const char *name = NULL;

	/* Another program's file: root reads it as root, and writes nothing. */
	if (privilege_drop(id, false, &st) == -1 ||
	    admin_value(&a, "--format", &name, &st) == -1 ||
	    admin_operands(&a, &st) == -1)
		return admin_fail(&caller, &st);
	if (a.count != 2) {
		status_set(&st, EX_USAGE, "which file?");
		status_hint(&st, "usage: mailbearer import [--format NAME] FILE");
		return admin_fail(&caller, &st);
	}
	format = find_format(name, a.items[1], &st);
	if (format == NULL || import(a.items[1], format, &st) == -1)
		return admin_fail(&caller, &st);
	return EX_OK;
}
