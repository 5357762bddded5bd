/* SPDX-License-Identifier: ISC
 *
 * Ids, and what comes with them.
 */
#include "base/privilege.h"

#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef HAVE_SYS_PRCTL_H
#include <sys/prctl.h>
#endif
#ifdef __linux__
#include <linux/capability.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#endif

#include "base/inherited.h"

/* The first thing that privilege_start() could not do, NULL if all was done. */
static const char *problem;

static void
fail(const char *what)
{
	if (problem == NULL)
		problem = what;
}

/* Nobody of the same uid may trace us or read our memory: not the caller before
 * the ids change, not another process of ours that was taken over. */
static void
forbid_tracing(void)
{
#ifdef HAVE_SYS_PRCTL_H
	if (prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) == -1)
		fail("cannot forbid tracing");
#endif
}

void
privilege_start(struct identity *id)
{
	const char *what;

	*id = (struct identity){
		.caller = getuid(), .caller_group = getgid(),
		.uid = geteuid(), .gid = getegid(),
	};
	id->special = id->uid != id->caller || id->gid != id->caller_group;

	forbid_tracing();
	if ((what = inherited_undo(id->charset, sizeof id->charset)) != NULL)
		fail(what);
}

/* Empties all capability sets, and looks whether they are. */
static int
drop_capabilities(void)
{
#ifdef __linux__
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	size_t i;

	memset(data, 0, sizeof data);
	if (syscall(SYS_capset, &header, data) == -1 ||
	    syscall(SYS_capget, &header, data) == -1)
		return -1;
	for (i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		if ((data[i].effective | data[i].permitted) != 0)
			return -1;
#endif
	return 0;
}

/* Whether real, effective and saved ids are these and nothing else is in reach. */
static bool
is_for_good(uid_t uid, gid_t gid, uid_t other_uid, gid_t other_gid)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	if (getresuid(&ruid, &euid, &suid) == -1 ||
	    getresgid(&rgid, &egid, &sgid) == -1 ||
	    ruid != uid || euid != uid || suid != uid ||
	    rgid != gid || egid != gid || sgid != gid)
		return false;
	if (uid == 0)
		return true;
	if (other_gid != gid && setresgid((gid_t)-1, other_gid, (gid_t)-1) == 0)
		return false;
	if (other_uid != uid && setresuid((uid_t)-1, other_uid, (uid_t)-1) == 0)
		return false;
	return setresuid((uid_t)-1, 0, (uid_t)-1) == -1;
}

/* Becomes uid:gid, leaving `other_uid` and `other_gid` behind. */
static int
become(uid_t uid, gid_t gid, uid_t other_uid, gid_t other_gid,
    struct status *st)
{
	/* Root's groups would open files to us that the program started by
	 * others cannot read.  Where root lacks the capability it keeps them, as
	 * everybody does. */
	if (getuid() == 0 && uid != 0 && seteuid(0) == 0)
		setgroups(0, NULL);
	/* The group first, while the uid still allows it. */
	if (setresgid(gid, gid, gid) == -1 || setresuid(uid, uid, uid) == -1)
		return status_set_errno(st, EX_OSERR, "cannot become uid %ld, "
		    "gid %ld", (long)uid, (long)gid);
	if (uid != 0 && drop_capabilities() == -1)
		return status_set(st, EX_OSERR, "cannot drop capabilities");
	if (!is_for_good(uid, gid, other_uid, other_gid))
		return status_set(st, EX_OSERR, "uid %ld, gid %ld can be "
		    "regained", (long)other_uid, (long)other_gid);
	/* The kernel may have allowed it again with the change of ids. */
	forbid_tracing();
#ifdef HAVE_SYS_PRCTL_H
	if (prctl(PR_GET_DUMPABLE, 0L, 0L, 0L, 0L) != 0)
		fail("cannot forbid tracing");
#endif
	return problem == NULL ? 0 : status_set(st, EX_OSERR, "%s", problem);
}

/* kill(2) asks whose process it is; a terminal does not, and ^Z would stop us
 * with a connection or a lock in our hands. */
static void
ignore_job_control(void)
{
	static const int numbers[] = { SIGTSTP, SIGTTIN, SIGTTOU };
	struct sigaction sa = { .sa_handler = SIG_IGN };
	size_t i;

	sigemptyset(&sa.sa_mask);
	for (i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (sigaction(numbers[i], &sa, NULL) == -1)
			fail("cannot ignore signals");
}

/* The installation's user, whoever called. */
static int
become_user(struct identity *id, struct status *st)
{
	ignore_job_control();
	if (become(id->uid, id->gid, id->caller, id->caller_group, st) == -1)
		return -1;
#ifdef HAVE_SYS_PRCTL_H
	/* Nothing that we execute is set-id, and nothing shall be: not what a
	 * hole in the helper might start.  A sandbox needs this too. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == -1)
		return status_set_errno(st, EX_OSERR,
		    "cannot renounce new privileges");
#endif
	return 0;
}

/* The caller, whose rights nobody minds us having. */
static int
become_caller(struct identity *id, struct status *st)
{
	if (become(id->caller, id->caller_group, id->uid, id->gid, st) == -1)
		return -1;
	id->uid = id->caller;
	id->gid = id->caller_group;
	id->special = false;
	return 0;
}

/* How many of the set-id bits our own file has; -1 if it cannot be seen. */
static int
count_set_id_bits(void)
{
	struct stat sb;

	if (stat("/proc/self/exe", &sb) == -1)
		return -1;
	return ((sb.st_mode & S_ISUID) != 0) + ((sb.st_mode & S_ISGID) != 0);
}

/* What keep and drop do alike: refuse what is unsafe, and tell our own rights
 * from those of a set-id program that called us. */
static int
settle(struct identity *id, struct status *st)
{
	bool one = id->uid == id->caller || id->gid == id->caller_group;
	const char *fault = NULL;
	int bits;

	if (problem != NULL)
		return status_set(st, EX_OSERR, "%s", problem);
	if (!id->special)
		return 0;
	bits = count_set_id_bits();
	if (id->uid == 0 && id->caller != 0)
		fault = "running set-user-ID root";
	else if (id->gid == 0 && id->caller_group != 0)
		fault = "running set-group-ID root";
	else if (bits == 1 || (bits == -1 && one))
		fault = "installed with only one of set-user-ID and set-group-ID";
	if (fault == NULL)
		return bits == 0 ? become_caller(id, st) : 0;
	status_set(st, EX_CONFIG, "%s: refusing to run", fault);
	return status_hint(st, "chown %s: the program, then chmod 6755 it",
	    MAILBEARER_USER);
}

int
privilege_keep(struct identity *id, struct status *st)
{
	if (settle(id, st) == -1)
		return -1;
	if (!id->special) {
		inherited_bring_back();
		return 0;
	}
	if (become_user(id, st) == -1)
		return -1;
	/* The caller's directory may be unreadable to us, or be unmounted. */
	if (chdir("/") == -1)
		return status_set_errno(st, EX_OSERR, "cannot change to /");
	return 0;
}

int
privilege_drop(struct identity *id, bool root_becomes_user,
    struct status *st)
{
	if (settle(id, st) == -1)
		return -1;
	inherited_bring_back();
	if (!id->special)
		return 0;
	if (id->caller == 0 && root_becomes_user)
		return become_user(id, st);
	return become_caller(id, st);
}

/* The bit did work, whether or not its rights have been given up since. */
static bool
rights_were_given(void)
{
#ifdef __linux__
	return getauxval(AT_SECURE) != 0;
#else
	return false;
#endif
}

static bool
is_set_id_to_another(const struct identity *id)
{
	struct stat sb;

	return !id->special && stat("/proc/self/exe", &sb) == 0 &&
	    (sb.st_mode & S_ISUID) != 0 && sb.st_uid != id->uid;
}

bool
privilege_is_lost(const struct identity *id)
{
	return !rights_were_given() && is_set_id_to_another(id);
}

bool
privilege_is_guest(const struct identity *id)
{
	return id->uid != 0 && is_set_id_to_another(id);
}

bool
privilege_is_installation(const struct identity *id)
{
	struct stat sb;

	if (id->special || stat("/proc/self/exe", &sb) == -1)
		return true;
	return (sb.st_mode & S_ISUID) != 0 && sb.st_uid == id->uid;
}
