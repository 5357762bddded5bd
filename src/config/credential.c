/* SPDX-License-Identifier: ISC */
#include "config/credential.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "config/config.h"
#include "config/value.h"

#define PREFIX		"credential:"
#define DIRECTORY	"/run/credentials"
#define UNITS_MAX	10000	/* entries looked at */
#define PASSWORD_MAX	1024

bool
credential_is_named(const char *value)
{
	return strncmp(value, PREFIX, strlen(PREFIX)) == 0;
}

const char *
credential_name(const char *value)
{
	const char *name = value + strlen(PREFIX);

	return value_is_id(name) && *name != '.' ? name : NULL;
}

static bool
is_trusted_directory(const struct stat *sb, uid_t owner)
{
	return S_ISDIR(sb->st_mode) &&
	    (sb->st_uid == 0 || sb->st_uid == owner) &&
	    (sb->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Whether DIRECTORY/unit/name is there, in a directory that root made.  A
 * unit's directory that we may not enter is not ours. */
static bool
has_credential(int directory, const char *unit, uid_t owner, const char *name)
{
	struct stat sb;
	bool found;
	int fd;

	fd = openat(directory, unit,
	    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return false;
	found = fstat(fd, &sb) == 0 && is_trusted_directory(&sb, owner) &&
	    fstatat(fd, name, &sb, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(sb.st_mode);
	close(fd);
	return found;
}

static int
refuse_missing(const char *directory, const char *name, struct status *st)
{
	status_set(st, EX_CONFIG, "credential %s is not below %s", name,
	    directory);
	return status_hint(st, "add LoadCredential=%s:/PATH to the unit that "
	    "runs this, with User= the user that runs this", name);
}

/* Looks through the units; *path is the one that was found. */
static int
search(DIR *units, const char *directory, uid_t owner, const char *name,
    char **path, struct status *st)
{
	const struct dirent *unit;
	char *found = NULL;
	int left = UNITS_MAX;

	while ((unit = readdir(units)) != NULL && left-- > 0) {
		if (unit->d_name[0] == '.' || !has_credential(dirfd(units),
		    unit->d_name, owner, name))
			continue;
		if (found != NULL) {
			status_set(st, EX_CONFIG, "credential %s is ambiguous: "
			    "%s and %s/%s/%s", name, found, directory,
			    unit->d_name, name);
			free(found);
			return status_hint(st, "give the two credentials "
			    "different names, or write the path");
		}
		found = xasprintf("%s/%s/%s", directory, unit->d_name, name);
	}
	if (found == NULL)
		return refuse_missing(directory, name, st);
	*path = found;
	return 0;
}

int
credential_find(const char *directory, uid_t owner, const char *name,
    char **path, struct status *st)
{
	struct stat sb;
	DIR *units;
	int fd, rc;

	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return errno == ENOENT ? refuse_missing(directory, name, st) :
		    status_set_errno(st, EX_CONFIG, "%s", directory);
	if (fstat(fd, &sb) == -1 || !is_trusted_directory(&sb, owner) ||
	    (units = fdopendir(fd)) == NULL) {
		close(fd);
		return status_set(st, EX_CONFIG,
		    "%s does not belong to root alone", directory);
	}
	rc = search(units, directory, owner, name, path, st);
	closedir(units);
	return rc;
}

int
config_resolve_file(const char *value, char **path, struct status *st)
{
	const char *name;

	if (!credential_is_named(value)) {
		*path = xstrdup(value);
		return 0;
	}
	name = credential_name(value);
	if (name == NULL)
		return status_set(st, EX_CONFIG,
		    "\"%.100s\" names no credential", value);
	return credential_find(DIRECTORY, 0, name, path, st);
}

int
config_refuse_mark(const char *path, const struct buf *secret,
    struct status *st)
{
	if (strncmp(secret->data, "\xef\xbb\xbf", 3) != 0)
		return 0;
	status_set(st, EX_CONFIG, "%s begins with a byte order mark", path);
	return status_hint(st, "save it as plain UTF-8 without one");
}

int
config_read_password(const struct config *c, const struct account *a,
    struct buf *password, struct status *st)
{
	char *path = NULL;
	int rc = -1;

	buf_init(password, PASSWORD_MAX);
	if (config_resolve_file(a->password_file, &path, st) == 0 &&
	    safefile_read(path, TRUST_SECRET, &c->trust, PASSWORD_MAX,
	    password, st) == 0)
		rc = config_refuse_mark(path, password, st);
	if (rc == 0 && password->len != 0 &&
	    password->data[password->len - 1] == '\n')
		buf_truncate(password, password->len - 1);
	free(path);
	return rc;
}
