/* SPDX-License-Identifier: ISC
 *
 * Files that somebody else may have prepared for us: opened first, then judged
 * on the open descriptor; replaced as a whole or not at all.
 */
#ifndef SAFEFILE_H
#define SAFEFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/status.h"

/* Whom files are believed from. */
struct trust {
	uid_t	owner;		/* beside root; 0 for nobody else */
	gid_t	group;		/* may read a secret, beside group 0 */
};

enum trust_kind {
	TRUST_CONFIG,		/* not writable by others; anyone may read */
	TRUST_SECRET		/* besides: not readable by others, and by a group
				 * only if it is root's or trust->group */
};

/* Opens `path` (absolute, or relative to the working directory) for reading if
 * it is a regular file that belongs to root or trust->owner, that neither group
 * nor others may write, and if the same holds for each directory from / to it
 * (a sticky directory of root's such as /tmp may be writable: entries in it are
 * safe from others, and each is checked itself).  A symlink anywhere on the way
 * is followed, and every directory and the final file of its target is checked
 * too (at most 16 links).  The checks are made on descriptors that are then
 * walked on from, so nothing can be swapped between check and use.
 * Returns a close-on-exec descriptor, or -1 and EX_CONFIG (what is wrong with
 * which path, with owner and mode as found and the chmod or chown that mends
 * it), EX_NOPERM for EACCES (naming the directory or file, and who we are), or
 * EX_CONFIG with "does not exist".  errno is ENOENT in that last case only. */
int	safefile_open(const char *path, enum trust_kind kind,
	    const struct trust *trust, struct stat *sb, struct status *st);

/* Reads a whole trusted file of at most `max` bytes into `out` (initialised
 * here; wipe it when it is a secret).  A longer file is an error, not a prefix;
 * so are a directory, a device and a FIFO. */
int	safefile_read(const char *path, enum trust_kind kind,
	    const struct trust *trust, size_t max, struct buf *out,
	    struct status *st);

/* Our own directories (state, spool; design 7).  Opens one that must belong to
 * `owner` and not be writable by others; no symlink at its end.  Returns a
 * descriptor or -1 with EX_CANTCREAT and a hint. */
int	safefile_open_directory(const char *path, uid_t owner, struct status *st);
/* Reads a file in it: regular, one link, ours, at most `max` bytes.  -1 with
 * errno ENOENT if there is none. */
int	safefile_read_at(int directory, const char *name, size_t max,
	    struct buf *out, struct status *st);
/* Replaces the file `name` in it by these bytes: temporary file (O_EXCL,
 * O_NOFOLLOW, 0640), write, fsync, rename, fsync the directory.  On failure the
 * old file stands and the temporary one is gone. */
int	safefile_replace_at(int directory, const char *name, const void *bytes,
	    size_t len, struct status *st);
/* An unnamed file in it, open for reading and writing (O_TMPFILE, else made,
 * opened and unlinked; *linkable tells which, and may be NULL). */
int	safefile_unnamed_at(int directory, bool *linkable, struct status *st);

/* Removes what a killed safefile_replace_at() or safefile_unnamed_at() left in
 * it, if nothing was written to it since `before` (wall clock). */
void	safefile_sweep_at(int directory, int64_t before);

/* write(2) until all is out, EINTR and short writes seen to. */
int	safefile_write_all(int fd, const void *bytes, size_t len);
/* What errno means after a write that failed: EX_CANTCREAT if there was no room
 * (ENOSPC, EDQUOT, EFBIG), else EX_IOERR. */
int	safefile_write_sysexit(void);

#endif
