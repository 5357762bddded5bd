/* SPDX-License-Identifier: ISC
 *
 * allow-users: which local users may use an account.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "config/account.h"
#include "config/value.h"

#define GROUPS_MAX	65536	/* NGROUPS_MAX of Linux */

/* A user while permission is looked up. */
struct caller {
	uid_t		 uid;
	const struct passwd *passwd;	/* NULL: no entry for this uid */
	gid_t		*groups;	/* NULL until asked for */
	int		 group_count;
	int		 error;		/* the databases did not answer; 0: they did */
};

/* What getpwnam(3) lists for "there is no such name"; any other value says that
 * a name service is away, and nothing of the user. */
static void
note_error(struct caller *u, int error)
{
	if (error != 0 && error != ENOENT && error != ESRCH && error != EBADF &&
	    error != EPERM)
		u->error = error;
}

/* Primary and supplementary groups from the databases, not from the process,
 * whose groups the caller may have dropped or been given by another program. */
static void
find_groups(struct caller *u)
{
	int room = 64;

	if (u->groups != NULL || u->passwd == NULL)
		return;
	do {
		u->groups = xreallocarray(u->groups, (size_t)room,
		    sizeof *u->groups);
		u->group_count = room;
		if (getgrouplist(u->passwd->pw_name, u->passwd->pw_gid,
		    u->groups, &u->group_count) != -1)
			return;
		room *= 2;
	} while (room <= GROUPS_MAX);
	u->group_count = 0;
}

static bool
is_member(struct caller *u, const char *name)
{
	const struct group *g;
	gid_t gid;
	int i;

	errno = 0;
	if ((g = getgrnam(name)) == NULL)
		note_error(u, errno);
	if (g == NULL || u->passwd == NULL)
		return false;
	gid = g->gr_gid;
	find_groups(u);
	for (i = 0; i < u->group_count; i++)
		if (u->groups[i] == gid)
			return true;
	return false;
}

static bool
entry_allows(struct caller *u, const char *entry)
{
	int64_t number;

	if (*entry == '@')
		return is_member(u, entry + 1);
	if (u->passwd != NULL && strcmp(entry, u->passwd->pw_name) == 0)
		return true;
	return value_number(entry, &number) == 0 && number == (int64_t)u->uid;
}

static int
refuse(const struct account *a, const struct caller *u, struct status *st)
{
	if (u->error != 0) {
		errno = u->error;
		status_set_errno(st, EX_TEMPFAIL, "cannot look up who may use "
		    "the account \"%s\"", a->name);
		st->scope = SCOPE_MESSAGE;	/* other users may be known */
		return status_hint(st, "see that the services of passwd and group "
		    "in /etc/nsswitch.conf answer");
	}
	if (u->passwd != NULL)
		status_set(st, EX_NOPERM,
		    "user %.60s may not use the account \"%s\"",
		    u->passwd->pw_name, a->name);
	else
		status_set(st, EX_NOPERM,
		    "uid %lu may not use the account \"%s\"",
		    (unsigned long)u->uid, a->name);
	return status_hint(st, "the administrator lists who may in allow-users "
	    "of account \"%s\" (line %d of mailbearer.conf)", a->name, a->line);
}

int
account_check_user(const struct account *a, uid_t uid, struct status *st)
{
	struct caller u = { .uid = uid };
	bool allowed = false;
	size_t i;
	int rc;

	if (a->allow_users == NULL || uid == 0)
		return 0;
	errno = 0;
	if ((u.passwd = getpwuid(uid)) == NULL)
		note_error(&u, errno);
	for (i = 0; !allowed && a->allow_users[i] != NULL; i++)
		allowed = entry_allows(&u, a->allow_users[i]);
	rc = allowed ? 0 : refuse(a, &u, st);
	free(u.groups);
	return rc;
}

/* Of a name whose service is away nobody can say that. */
static bool
is_unknown(const char *entry)
{
	struct caller u = { .uid = 0 };
	int64_t number;
	bool found;

	if (value_number(entry, &number) == 0)
		return false;
	errno = 0;
	found = *entry == '@' ? getgrnam(entry + 1) != NULL :
	    getpwnam(entry) != NULL;
	if (!found)
		note_error(&u, errno);
	return !found && u.error == 0;
}

const char *
account_unknown_user(const struct account *a)
{
	size_t i;

	for (i = 0; a->allow_users != NULL && a->allow_users[i] != NULL; i++)
		if (is_unknown(a->allow_users[i]))
			return a->allow_users[i];
	return NULL;
}
