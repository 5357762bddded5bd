/* SPDX-License-Identifier: ISC
 *
 * Files that others may have prepared.  The way from / to the file is walked
 * here, one component at a time, each relative to the open directory before it:
 * what has been judged is what is used, whatever happens to the names meanwhile.
 * Symbolic links are read and walked too; the kernel follows none.
 */
#include "base/safefile.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINKS_MAX	16
#define TEXT_MAX	600	/* of a path or command in an error */

struct walk {
	const struct trust *trust;
	int		dir;		/* where we are; O_PATH */
	struct buf	here;		/* its path, without links; "" for / */
	struct buf	rest;		/* what is still to be walked */
	bool		shared;		/* others may add entries to `dir` */
	int		links;
};

static void
user_name(uid_t uid, char *name, size_t size)
{
	struct passwd pw, *found = NULL;
	char space[2048];

	if (getpwuid_r(uid, &pw, space, sizeof space, &found) == 0 &&
	    found != NULL)
		snprintf(name, size, "%s", pw.pw_name);
	else
		snprintf(name, size, "%ld", (long)uid);
}

static void
group_name(gid_t gid, char *name, size_t size)
{
	struct group gr, *found = NULL;
	char space[4096];

	if (getgrgid_r(gid, &gr, space, sizeof space, &found) == 0 &&
	    found != NULL)
		snprintf(name, size, "%s", gr.gr_name);
	else
		snprintf(name, size, "%ld", (long)gid);
}

/* A path as a word of the shell: the hint will be pasted by root, and the name
 * may be an attacker's choice. */
static void
shell_word(const char *path, char *word, size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@%,";
	size_t used = 0;

	if (path[strspn(path, plain)] == '\0') {
		snprintf(word, size, "%s", path);
		return;
	}
	word[used++] = '\'';
	for (; *path != '\0' && used + 6 < size; path++) {
		if (*path == '\'') {
			memcpy(word + used, "'\\''", 4);
			used += 4;
		} else
			word[used++] = *path;
	}
	word[used++] = '\'';
	word[used] = '\0';
}

/* "PATH belongs to bob:staff (mode 0664): PROBLEM", and the command that mends
 * it when the path follows. */
static int
refuse(const char *path, const struct stat *sb, const char *problem,
    const char *command, struct status *st)
{
	char user[64], group[64], word[TEXT_MAX];

	user_name(sb->st_uid, user, sizeof user);
	group_name(sb->st_gid, group, sizeof group);
	shell_word(path, word, sizeof word);
	status_set(st, EX_CONFIG, "%s belongs to %s:%s (mode %04o): %s", path,
	    user, group, (unsigned)(sb->st_mode & 07777), problem);
	errno = EPERM;
	return status_hint(st, "%s %s", command, word);
}

/* EACCES at `path`: says who we are, since that is what has to be let in. */
static int
refused_to_us(const char *path, const char *what, const char *mode,
    struct status *st)
{
	char user[64], group[64], word[TEXT_MAX];

	user_name(geteuid(), user, sizeof user);
	group_name(getegid(), group, sizeof group);
	shell_word(path, word, sizeof word);
	status_set(st, EX_NOPERM, "%s: permission denied to %s (running as %s, "
	    "group %s)", path, what, user, group);
	errno = EACCES;
	return status_hint(st, "chgrp %s %s && chmod %s %s, or keep the file "
	    "elsewhere", group, word, mode, word);
}

static bool
is_trusted(const struct trust *trust, uid_t uid)
{
	return uid == 0 || uid == trust->owner;
}

/* Who should own `path`, when nobody we believe does. */
static int
refuse_owner(const char *path, const struct stat *sb,
    const struct trust *trust, const char *command, struct status *st)
{
	char user[64], problem[128];

	if (trust->owner == 0)
		return refuse(path, sb, "must belong to root", command, st);
	user_name(trust->owner, user, sizeof user);
	snprintf(problem, sizeof problem, "must belong to root or %s", user);
	return refuse(path, sb, problem, command, st);
}

/* A directory on the way.  Whoever can write it can replace what is in it,
 * unless it is sticky and root's: then only their own entries. */
static int
judge_directory(struct walk *w, const char *path, const struct stat *sb,
    struct status *st)
{
	bool writable = (sb->st_mode & (S_IWGRP | S_IWOTH)) != 0;

	if (!is_trusted(w->trust, sb->st_uid))
		return refuse_owner(path, sb, w->trust, "chown root", st);
	w->shared = writable && sb->st_uid == 0 &&
	    (sb->st_mode & S_ISVTX) != 0;
	if (writable && !w->shared)
		return refuse(path, sb, "others can replace what is in it",
		    "chmod go-w", st);
	return 0;
}

/* A link needs no owner of its own: its directory has been judged.  In a shared
 * one, everyone can put a link. */
static int
judge_link(const struct walk *w, const char *path, const struct stat *sb,
    struct status *st)
{
	if (w->shared && !is_trusted(w->trust, sb->st_uid))
		return refuse_owner(path, sb, w->trust, "chown -h root", st);
	return 0;
}

static int
judge_file(const char *path, const struct stat *sb, enum trust_kind kind,
    const struct trust *trust, struct status *st)
{
	char group[64], command[100];

	if (!S_ISREG(sb->st_mode)) {
		errno = EINVAL;
		status_set(st, EX_CONFIG, "%s is not a regular file", path);
		return status_hint(st, "name a file, not a directory or device");
	}
	if (!is_trusted(trust, sb->st_uid))
		return refuse_owner(path, sb, trust, "chown root", st);
	if ((sb->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return refuse(path, sb, "others can write it", "chmod go-w", st);
	if (kind != TRUST_SECRET)
		return 0;
	if ((sb->st_mode & S_IROTH) != 0)
		return refuse(path, sb, "everyone can read this secret",
		    "chmod o-rwx", st);
	if ((sb->st_mode & S_IRGRP) == 0 || sb->st_gid == 0 ||
	    sb->st_gid == trust->group)
		return 0;
	if (trust->group == 0)
		return refuse(path, sb, "a group can read this secret",
		    "chmod g-rwx", st);
	group_name(trust->group, group, sizeof group);
	snprintf(command, sizeof command, "chgrp %s", group);
	return refuse(path, sb, "another group can read this secret", command,
	    st);
}

/* Moves on to an open directory, which the walk owns from now. */
static void
enter(struct walk *w, int dir)
{
	if (w->dir != -1)
		close(w->dir);
	w->dir = dir;
}

static int
enter_root(struct walk *w, struct status *st)
{
	struct stat sb;
	int dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir == -1 || fstat(dir, &sb) == -1) {
		status_set_errno(st, EX_OSERR, "cannot open /");
		if (dir != -1)
			close(dir);
		return -1;
	}
	enter(w, dir);
	buf_reset(&w->here);
	return judge_directory(w, "/", &sb, st);
}

/* Puts a path, or the target of a link, in front of what is left to walk. */
static int
walk_to(struct walk *w, const char *path, struct status *st)
{
	struct buf rest;

	buf_init(&rest, PATH_MAX);
	buf_addf(&rest, "%s/%s", path, w->rest.data);
	buf_release(&w->rest);
	w->rest = rest;
	if (rest.overflow || path[0] == '\0') {
		errno = ENAMETOOLONG;
		return status_set(st, EX_CONFIG, "file name \"%s\" is %s", path,
		    rest.overflow ? "too long" : "empty");
	}
	return path[0] == '/' ? enter_root(w, st) : 0;
}

/* Takes the next component off `rest`; false when there is none. */
static bool
next_component(struct walk *w, char name[NAME_MAX + 2])
{
	size_t len;

	buf_consume(&w->rest, strspn(w->rest.data, "/"));
	if ((len = strcspn(w->rest.data, "/")) == 0)
		return false;
	/* A name that is cut here is too long for the kernel too. */
	snprintf(name, NAME_MAX + 2, "%.*s", (int)len, w->rest.data);
	buf_consume(&w->rest, len);
	buf_consume(&w->rest, strspn(w->rest.data, "/"));
	return true;
}

/* `here` with `name` behind it; no links are left in it, so ".." is its parent. */
static void
full_path(const struct walk *w, const char *name, struct buf *path)
{
	char *slash;

	buf_init(path, 2 * PATH_MAX);
	buf_addstr(path, w->here.data);
	if (strcmp(name, "..") != 0)
		buf_addf(path, "/%s", name);
	else if ((slash = strrchr(path->data, '/')) != NULL)
		buf_truncate(path, (size_t)(slash - path->data));
}

static int
follow_link(struct walk *w, int link, const char *path, struct status *st)
{
	char target[PATH_MAX];
	ssize_t len;

	if (++w->links > LINKS_MAX) {
		errno = ELOOP;
		return status_set(st, EX_CONFIG, "%s: more than %d symbolic "
		    "links", path, LINKS_MAX);
	}
	len = readlinkat(link, "", target, sizeof target - 1);
	if (len == -1)
		return status_set_errno(st, EX_CONFIG, "cannot read link %s",
		    path);
	target[len] = '\0';
	return walk_to(w, target, st);
}

/* Why the entry `path` of the current directory could not be opened. */
static int
refuse_open(const struct walk *w, const char *path, struct status *st)
{
	if (errno == EACCES)
		return refused_to_us(w->here.len != 0 ? w->here.data : "/",
		    "search this directory", "g+x", st);
	if (errno == ENOENT) {
		status_set(st, EX_CONFIG, "%s does not exist", path);
		status_hint(st, "make it, or correct its name in the "
		    "configuration");
		errno = ENOENT;
		return -1;
	}
	return status_set_errno(st, EX_CONFIG, "cannot open %s", path);
}

static int
open_final(struct walk *w, const char *name, const char *path,
    struct status *st)
{
	/* O_NONBLOCK against a FIFO that was put there a moment ago; it means
	 * nothing for the regular file that the caller gets. */
	int fd = openat(w->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_NOCTTY | O_CLOEXEC);

	if (fd == -1 && errno == EACCES)
		return refused_to_us(path, "read this file", "g+r", st);
	return fd == -1 ? refuse_open(w, path, st) : fd;
}

/* One component: walks into a directory, follows a link, or opens the file.
 * Returns 1 with *fd when that was the last, 0 to go on, -1. */
static int
step(struct walk *w, const char *name, enum trust_kind kind, struct stat *sb,
    int *fd, struct status *st)
{
	struct buf path;
	int probe, r = -1;
	bool last = w->rest.len == 0;

	full_path(w, name, &path);
	/* O_PATH opens nothing for real: no device notices. */
	probe = openat(w->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (probe == -1 || fstat(probe, sb) == -1) {
		refuse_open(w, path.data, st);
		goto out;
	}
	if (S_ISLNK(sb->st_mode)) {
		if (judge_link(w, path.data, sb, st) == 0)
			r = follow_link(w, probe, path.data, st);
	} else if (last) {
		if (judge_file(path.data, sb, kind, w->trust, st) == -1 ||
		    (*fd = open_final(w, name, path.data, st)) == -1)
			goto out;
		/* The name may lead to another file by now. */
		if (fstat(*fd, sb) == -1)
			r = refuse_open(w, path.data, st);
		else
			r = judge_file(path.data, sb, kind, w->trust, st) == -1 ?
			    -1 : 1;
	} else if (!S_ISDIR(sb->st_mode)) {
		errno = ENOTDIR;
		status_set(st, EX_CONFIG, "%s is not a directory", path.data);
	} else if (judge_directory(w, path.data, sb, st) == 0) {
		enter(w, probe);
		probe = -1;
		buf_reset(&w->here);
		buf_addstr(&w->here, path.data);
		r = 0;
	}
out:
	if (probe != -1)
		close(probe);
	buf_release(&path);
	return r;
}

/* The directories above the working directory count like all others. */
static int
walk_from_working_directory(struct walk *w, struct status *st)
{
	char cwd[PATH_MAX];

	if (getcwd(cwd, sizeof cwd) == NULL || cwd[0] != '/') {
		status_set(st, EX_CONFIG, "the working directory has no name");
		errno = EINVAL;
		return status_hint(st, "give the file's absolute path");
	}
	return walk_to(w, cwd, st);
}

int
safefile_open(const char *path, enum trust_kind kind,
    const struct trust *trust, struct stat *sb, struct status *st)
{
	struct walk w = { .trust = trust, .dir = -1 };
	char name[NAME_MAX + 2];
	int fd = -1, r, saved;

	buf_init(&w.here, PATH_MAX);
	buf_init(&w.rest, PATH_MAX);
	r = walk_to(&w, path, st);
	if (r == 0 && path[0] != '/')
		r = walk_from_working_directory(&w, st);
	while (r == 0) {
		if (next_component(&w, name))
			r = step(&w, name, kind, sb, &fd, st);
		else {
			errno = EISDIR;
			r = status_set(st, EX_CONFIG, "%s is a directory", path);
		}
	}
	saved = errno;
	if (r == -1 && strstr(st->text, path) == NULL)
		status_context(st, "%s", path);
	if (r == -1 && fd != -1) {
		close(fd);
		fd = -1;
	}
	enter(&w, -1);
	buf_release(&w.here);
	buf_release(&w.rest);
	errno = saved;
	return fd;
}
