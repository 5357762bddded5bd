/* SPDX-License-Identifier: ISC
 *
 * setup --new: the files.  The config is root's and for all to read; what is
 * secret is root's too, and for the program's group alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/safefile.h"
#include "base/xalloc.h"
#include "cli/setup.h"
#include "config/value.h"
#include "oauth/helper.h"

#define TEXT_MAX	(16 * 1024)
#define CONFIG_MODE	0644
#define SECRET_MODE	0640	/* 0600 where no group is ours */

/* The group that the program runs as: its own file's, if that is set-group-ID.
 * -1 for none. */
static gid_t
our_group(void)
{
	struct stat sb;

	if (geteuid() != 0 || stat("/proc/self/exe", &sb) == -1 ||
	    (sb.st_mode & S_ISGID) == 0)
		return (gid_t)-1;
	return sb.st_gid;
}

static int
set_rights(const struct setup *s, int fd, mode_t mode, const char *path,
    struct status *st)
{
	gid_t group = 0;

	if (mode == SECRET_MODE && s->group == (gid_t)-1)
		mode = 0600;
	else if (mode == SECRET_MODE)
		group = s->group;
	if ((geteuid() == 0 && fchown(fd, 0, group) == -1) ||
	    fchmod(fd, mode) == -1)
		return status_set_errno(st, EX_CANTCREAT, "owner and mode of "
		    "%s", path);
	return 0;
}

static char *
directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return xstrdup(".");
	return xmemdup(path, slash == path ? 1 : (size_t)(slash - path));
}

static void
sync_directory(const char *path)
{
	char *directory = directory_of(path);
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd != -1) {
		fsync(fd);
		close(fd);
	}
	free(directory);
}

/* The whole file under a name of its own first; it takes its place only when it
 * is complete, and the place of another only by force. */
static int
write_file(const struct setup *s, const char *path, const struct buf *text,
    mode_t mode, struct status *st)
{
	char *part = xasprintf("%s.%ld.new", path, (long)getpid());
	int fd, rc = -1;

	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	if (fd == -1) {
		status_set_errno(st, EX_CANTCREAT, "%s", part);
		goto out;
	}
	if (set_rights(s, fd, mode, part, st) == -1)
		goto out;
	if (safefile_write_all(fd, text->data, text->len) == -1 ||
	    fsync(fd) == -1)
		status_set_errno(st, EX_IOERR, "%s", part);
	else if ((s->force ? rename(part, path) : link(part, path)) == -1) {
		status_set_errno(st, EX_CANTCREAT, "%s", path);
		status_hint(st, errno == EEXIST ? "look at it with mailbearer "
		    "config; --force replaces it" : "check the directory");
	} else {
		sync_directory(path);
		rc = 0;
	}
out:
	if (fd != -1) {
		close(fd);
		unlink(part);
	}
	free(part);
	return rc;
}

static const char *
written_path(const struct setup *s)
{
	return s->file != NULL ? s->file : CONFIG_PATH;
}

/* Where the credential goes: /etc/mailbearer, or beside FILE. */
static int
make_place(const struct setup *s, char **directory, struct status *st)
{
	char *resolved;

	if (s->file == NULL) {
		*directory = xstrdup(SYSCONFDIR "/mailbearer");
		if (mkdir(*directory, 0755) == 0 &&
		    chmod(*directory, 0755) == 0)	/* whatever the umask */
			return 0;
		if (errno == EEXIST)
			return 0;
	} else {
		*directory = directory_of(s->file);
		if ((resolved = realpath(*directory, NULL)) != NULL) {
			free(*directory);
			*directory = resolved;
			return 0;
		}
	}
	status_set_errno(st, EX_CANTCREAT, "%s", *directory);
	return -1;
}

static void
tell(const char *path, const char *what)
{
	printf("wrote %s: %s\n", path, what);
}

/* What there is gets the rights that the program needs, and no others have. */
static int
adopt(const struct setup *s, struct status *st)
{
	int fd = open(s->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct stat sb;
	int rc = -1;

	if (fd == -1)
		return status_set_errno(st, EX_NOINPUT, "%s", s->path);
	if (fstat(fd, &sb) == -1 || !S_ISREG(sb.st_mode) || sb.st_nlink != 1)
		status_set(st, EX_NOINPUT, "%s is no plain file with one name",
		    s->path);
	else
		rc = set_rights(s, fd, SECRET_MODE, s->path, st);
	close(fd);
	return rc;
}

static int
store_secret(struct setup *s, const char *directory, struct status *st)
{
	s->path = xasprintf("%s/%s.secret", directory, s->name);
	buf_addch(&s->secret, '\n');
	if (write_file(s, s->path, &s->secret, SECRET_MODE, st) == -1)
		return -1;
	tell(s->path, "the client secret");
	return 0;
}

static int
adopt_generated(const struct setup *s, const struct record *r,
    const char *upload, struct status *st)
{
	struct buf pem;
	char date[40];
	int rc;

	buf_init(&pem, TEXT_MAX);
	buf_addstr(&pem, record_text(r, "certificate"));
	rc = write_file(s, upload, &pem, CONFIG_MODE, st);
	buf_release(&pem);
	if (rc == -1 || adopt(s, st) == -1)
		return -1;
	clock_rfc5322(record_number(r, "expires", 0), date);
	tell(s->path, "a new key and its certificate");
	tell(upload, "the certificate alone");
	printf("  Upload the second one: app registration, Certificates & "
	    "secrets,\n  Certificates.  Its thumbprint there is\n  %s,\n"
	    "  and it is good until %s.\n", record_text(r, "thumbprint"),
	    date);
	return 0;
}

static int
generate(struct setup *s, const char *directory, struct status *st)
{
	char *upload = xasprintf("%s/%s.crt", directory, s->name);
	char *title = xasprintf("mailbearer %s", s->name);
	struct record *r;
	int rc = -1;

	s->path = xasprintf("%s/%s.pem", directory, s->name);
	r = helper_generate(s->path, title, st);
	if (r != NULL)
		rc = adopt_generated(s, r, upload, st);
	record_free(r);
	free(title);
	free(upload);
	return rc;
}

static int
write_credential(struct setup *s, struct status *st)
{
	char *directory = NULL;
	int rc = make_place(s, &directory, st);

	if (rc == 0 && s->credential == SETUP_SECRET_TYPED)
		rc = store_secret(s, directory, st);
	else if (rc == 0 && s->credential == SETUP_GENERATE)
		rc = generate(s, directory, st);
	else if (rc == 0 && (rc = adopt(s, st)) == 0)
		printf("%s: set owner and mode\n", s->path);
	free(directory);
	return rc;
}

static void
setup_text(const struct setup *s, struct buf *out)
{
	bool is_secret = s->credential == SETUP_SECRET_FILE ||
	    s->credential == SETUP_SECRET_TYPED;

	buf_addstr(out, "# See mailbearer.conf(5).\n");
	if (s->local_mail_to != NULL)
		buf_addf(out, "local-mail-to = \"%s\"\n", s->local_mail_to);
	buf_addf(out, "\napp \"%s\" {\n"
	    "    tenant = \"%s\"\n"
	    "    client-id = \"%s\"\n"
	    "    %s = \"%s\"\n"
	    "}\n\naccount \"%s\" {\n"
	    "    app = \"%s\"\n"
	    "    mailbox = \"%s\"\n"
	    "}\n", s->name, s->tenant, s->client_id, is_secret ?
	    "client-secret-file" : "certificate", s->path, s->name, s->name,
	    s->mailbox);
}

/* What we write must be what we read. */
static int
prove(const struct setup *s, const struct buf *text, struct status *st)
{
	struct config_source source = { .path = written_path(s),
	    .given = s->file != NULL };
	struct config c;

	if (config_parse(&c, &source, text->data, text->len, st) == -1)
		return -1;
	config_release(&c);
	return 0;
}

/* Before anything is written: would the config be refused in the end? */
static int
look_first(const struct setup *s, struct status *st)
{
	struct stat sb;

	if (s->force || lstat(written_path(s), &sb) == -1)
		return 0;
	errno = EEXIST;
	status_set_errno(st, EX_CANTCREAT, "%s", written_path(s));
	return status_hint(st, "look into it first; --force replaces it");
}

int
setup_write(struct setup *s, struct status *st)
{
	struct buf text;
	int rc = -1;

	if (s->name == NULL)
		s->name = xmemdup(s->mailbox, strcspn(s->mailbox, "@+"));
	if (!value_is_name(s->name)) {
		free(s->name);
		s->name = xstrdup("main");
	}
	/* Under -C nothing is for the installation to read. */
	if (s->file == NULL)
		s->group = our_group();
	if (look_first(s, st) == -1 || write_credential(s, st) == -1)
		return -1;
	buf_init(&text, TEXT_MAX);
	setup_text(s, &text);
	if (prove(s, &text, st) == 0 && write_file(s, written_path(s),
	    &text, CONFIG_MODE, st) == 0) {
		tell(written_path(s), "the configuration");
		printf("mailbearer setup%s%s prints what to do in Entra and "
		    "Exchange Online.\n", s->file != NULL ? " -C " : "",
		    s->file != NULL ? s->file : "");
		rc = 0;
	}
	buf_release(&text);
	return rc;
}
