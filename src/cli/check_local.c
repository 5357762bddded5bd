/* SPDX-License-Identifier: ISC
 *
 * What can be seen on this host alone.
 */
#include "cli/check_step.h"

#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"
#include "config/account.h"
#include "queue/spool.h"

static const char *
user_name(uid_t uid, char *to, size_t size)
{
	const struct passwd *p = getpwuid(uid);

	snprintf(to, size, "%s", p != NULL ? p->pw_name : "no name");
	return to;
}

void
check_rights(struct check *k, struct check_result *r)
{
	const struct identity *id = k->caller.identity;
	char user[64], owner[64];
	struct stat sb;
	bool is_setid = stat("/proc/self/exe", &sb) == 0 &&
	    (sb.st_mode & (S_ISUID | S_ISGID)) == (S_ISUID | S_ISGID);

	check_ok(r, "this check runs as %s (uid %lu); sendmail is %sset-user-ID"
	    "%s%s", user_name(geteuid(), user, sizeof user),
	    (unsigned long)geteuid(), is_setid ? "" : "not ",
	    is_setid ? " to " : "",
	    is_setid ? user_name(sb.st_uid, owner, sizeof owner) : "");
	if (privilege_is_lost(id))
		check_doubt(r, "the set-user-ID bit does nothing here: "
		    "NoNewPrivileges, a nosuid mount or a container",
		    "run this outside of it; services with NoNewPrivileges=yes "
		    "need a drop-in with NoNewPrivileges=no");
	else if (k->file == NULL && privilege_is_guest(id))
		check_doubt(r, "you see what you may see, and not what sendmail "
		    "sees", "run this as root");
	else if (!is_setid && k->file == NULL)
		check_doubt(r, "without it each caller sends with his own "
		    "rights, and must be able to read config and credential",
		    "install with make install as root, or keep it so on a host "
		    "with one user");
}

static const char *
count_words(char *to, size_t size, size_t n, const char *one)
{
	snprintf(to, size, "%zu %s%s", n, one, n == 1 ? "" : "s");
	return to;
}

/* Before the sandbox is closed.  Without it lines go to syslog, where nobody looks
 * who has named a file. */
static void
open_log(const struct check *k, struct check_result *r)
{
	struct status st = STATUS_INIT;

	if (log_open("mailbearer", k->config.log, &st) == 0 ||
	    (k->file == NULL && privilege_is_guest(k->caller.identity)))
		return;
	check_doubt(r, st.text, st.hint);
}

void
check_config(struct check *k, struct check_result *r)
{
	const struct config *c = &k->config;
	struct status st = STATUS_INIT;
	char owner[64], accounts[40], apps[40];
	struct stat sb;

	if (config_load(&k->config, &k->caller.source, &st) == -1) {
		check_fail_status(r, k, &st);
		return;
	}
	k->has_config = true;
	if (stat(c->path, &sb) == -1)
		sb = (struct stat){ .st_uid = 0 };
	check_ok(r, "%s: owner %s, mode %04o, %s, %s", c->path,
	    user_name(sb.st_uid, owner, sizeof owner),
	    (unsigned)sb.st_mode & 07777,
	    count_words(accounts, sizeof accounts, c->account_count, "account"),
	    count_words(apps, sizeof apps, c->app_count, "app"));
	open_log(k, r);
}

/* A slip that nobody notices but him who may not send. */
static void
doubt_unknown_users(const struct config *c, struct check_result *r)
{
	const char *unknown;
	char cause[400];
	size_t i;

	for (i = 0; i < c->account_count; i++) {
		if ((unknown = account_unknown_user(&c->accounts[i])) == NULL)
			continue;
		snprintf(cause, sizeof cause, "allow-users of account %s has "
		    "\"%s\", and there is no such %s here", c->accounts[i].name,
		    unknown, *unknown == '@' ? "group" : "user");
		check_doubt(r, cause, "correct it; several are written as a list, "
		    "{ \"www-data\", \"@users\" }, see mailbearer.conf(5)");
		return;
	}
}

/* With one account, whoever may send may send from it; with several, one that is
 * open to all is often a slip. */
void
check_users(struct check *k, struct check_result *r)
{
	const struct config *c = &k->config;
	char open[256] = "";
	size_t i, len;

	for (i = 0; i < c->account_count; i++) {
		if (c->accounts[i].allow_users != NULL)
			continue;
		len = strlen(open);
		snprintf(open + len, sizeof open - len, "%s%s",
		    len > 0 ? ", " : "", c->accounts[i].name);
	}
	if (open[0] == '\0') {
		check_ok(r, "each account says who may use it");
		doubt_unknown_users(c, r);
		return;
	}
	check_ok(r, "every local user may use %s", open);
	if (c->account_count > 1)
		check_doubt(r, "with several accounts, each user can send in the "
		    "name of all that are open",
		    "set allow-users for each of them, see mailbearer.conf(5); "
		    "\"@users\" is a group");
	doubt_unknown_users(c, r);
}

/* A directory of ours: there, ours, and with room. */
static bool
directory_is_usable(struct check *k, const char *path, struct check_result *r)
{
	struct status st = STATUS_INIT;
	struct statvfs fs;
	int fd = safefile_open_directory(path, k->caller.identity->uid, &st);

	if (fd == -1) {
		check_fail_status(r, k, &st);
		return false;
	}
	if (faccessat(fd, ".", W_OK | X_OK, 0) == -1) {
		status_set_errno(&st, EX_CANTCREAT, "%s", path);
		check_fail_status(r, k, &st);
	} else if (fstatvfs(fd, &fs) == -1)
		check_ok(r, "%s", path);
	else
		check_ok(r, "%s, %llu MB free", path,
		    (unsigned long long)fs.f_bavail * fs.f_frsize >> 20);
	close(fd);
	return r->mark == OUT_OK;
}

void
check_state(struct check *k, struct check_result *r)
{
	directory_is_usable(k, k->config.state_directory, r);
}

void
check_spool(struct check *k, struct check_result *r)
{
	struct status st = STATUS_INIT;
	size_t waiting = 0, failed = 0;
	char **ids = NULL;
	struct spool s;

	if (!k->config.spool) {
		check_ok(r, "switched off: what cannot be sent is the caller's "
		    "to keep");
		return;
	}
	if (spool_open(&s, &k->config, &st) == -1) {
		check_fail_status(r, k, &st);
		return;
	}
	if (spool_list(&s, false, &ids, &waiting, &st) == 0)
		spool_ids_free(ids, waiting);
	if (spool_list(&s, true, &ids, &failed, &st) == 0)
		spool_ids_free(ids, failed);
	spool_close(&s);
	if (!directory_is_usable(k, k->config.spool_directory, r))
		return;
	check_ok(r, "%s, %zu waiting, %zu failed", k->config.spool_directory,
	    waiting, failed);
	if (failed != 0)
		check_doubt(r, "mail was refused for good",
		    "mailbearer queue failed lists it with the reasons");
}
