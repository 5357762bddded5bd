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

#include "base/clock.h"
#include "queue/spool.h"

#define OVERDUE		(15 * 60)	/* a runner comes every minute */
#define PEEK_MAX	20		/* waiting messages looked at */
#define TIMER		"mailbearer-queue.timer"

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
		return;
	}
	check_ok(r, "every local user may use %s", open);
	if (c->account_count > 1)
		check_doubt(r, "with several accounts, each user can send in the "
		    "name of all that are open",
		    "set allow-users for each of them, see mailbearer.conf(5); "
		    "\"@users\" is a group");
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

/* How long the most overdue of the oldest messages has been due, 0 if none. */
static int64_t
find_overdue(const struct config *c)
{
	struct status st = STATUS_INIT;
	int64_t now = clock_wall(), overdue = 0;
	struct spool_entry e;
	size_t i, count = 0;
	char **ids = NULL;
	struct spool s;

	if (spool_open(&s, c, &st) == -1)
		return 0;
	if (spool_list(&s, false, &ids, &count, &st) == 0) {
		for (i = 0; i < count && i < PEEK_MAX; i++) {
			if (spool_peek(&s, ids[i], false, &e, &st) != 0)
				continue;
			if (now - e.next_attempt > overdue)
				overdue = now - e.next_attempt;
			spool_entry_release(&e);
		}
		spool_ids_free(ids, count);
	}
	spool_close(&s);
	return overdue;
}

static const char *
find_timer(void)
{
	static const char enabled[] =
	    "/etc/systemd/system/timers.target.wants/" TIMER;
	static const char cron[] = CRONDIR "/mailbearer";
	struct stat sb;

	if (stat("/run/systemd/system", &sb) == 0)
		return lstat(enabled, &sb) == 0 ? TIMER : NULL;
	return stat(cron, &sb) == 0 ? cron : NULL;
}

void
check_timer(struct check *k, struct check_result *r)
{
	int64_t overdue = find_overdue(&k->config);
	const char *timer = find_timer();
	char late[40];

	if (overdue > OVERDUE) {
		clock_span(late, overdue, 0);
		check_ok(r, "a message was due %s", late);
		check_fail(r, EX_CONFIG, "nothing runs the queue, or the runner "
		    "fails", "see systemctl status " TIMER ", or "
		    CRONDIR "/mailbearer and whether cron runs; mailbearer queue "
		    "retry sends what waits now");
	} else if (k->config.given) {
		check_ok(r, "the timer does not look into this spool");
		check_doubt(r, "what is installed runs /etc/mailbearer.conf's "
		    "spool and not that of a file given by -C",
		    "have cron run, every minute: mailbearer sendmail -C FILE "
		    "-q");
	} else if (timer != NULL)
		check_ok(r, "%s runs the queue every minute", timer);
	else {
		check_ok(r, "neither " TIMER " nor " CRONDIR "/mailbearer");
		check_fail(r, EX_CONFIG, "nothing runs the queue: mail that "
		    "cannot be sent at once would wait for ever",
		    "systemctl enable --now " TIMER "\n"
		    "or, without systemd, have the user " MAILBEARER_USER
		    " run sendmail -q every minute from cron");
	}
}
