/* SPDX-License-Identifier: ISC
 *
 * Landlock: files are written in our own directories only, and none is executed.
 *
 * Reading is left to the file modes.  Name services, TLS libraries and their
 * configuration live all over the system, some are replaced while we run
 * (resolv.conf), and a rule stands for what was there when it was made.
 *
 * TCP ports are not restricted: a name service may ask a database on any, and
 * whoever wants to carry something out has UDP and port 587.
 */
#include "base/sandbox.h"

#ifdef __linux__

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From the kernel's ABI, not from its headers, which are often older than the
 * kernel.  The numbers are the same on all architectures. */
#define CREATE_RULESET	444
#define ADD_RULE	445
#define RESTRICT_SELF	446
#define GIVE_VERSION	1U
#define PATH_BENEATH	1

struct ruleset {
	uint64_t	files, ports, scopes;
};
struct path_rule {
	uint64_t	allowed;
	int32_t		directory;
} __attribute__((packed));

#define EXECUTE		(1U << 0)
#define WRITE_FILE	(1U << 1)
#define REMOVE_DIR	(1U << 4)
#define REMOVE_FILE	(1U << 5)
#define MAKE_DIR	(1U << 7)
#define MAKE_REG	(1U << 8)
#define MAKE_OTHERS	(1U << 6 | 1U << 9 | 1U << 10 | 1U << 11 | 1U << 12)
#define REFER		(1U << 13)	/* link and rename across directories */
#define TRUNCATE	(1U << 14)	/* since version 3 */

#define WRITE_ALL	(WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | \
	MAKE_REG | REFER | TRUNCATE)

#define SCOPES		3U	/* abstract sockets and signals of others */

/* Version 1 (Linux 5.13 to 5.18) knows no REFER and refuses all that it stands
 * for, which the spool cannot do without. */
#define LEAST_VERSION	2

/* False if that did not work for a directory that is there: then we had better
 * go without than without our spool. */
static bool
allow(int ruleset, const char *path, uint64_t rights)
{
	struct path_rule rule = { .allowed = rights };
	long rc;

	rule.directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (rule.directory == -1)
		return errno == ENOENT;
	rc = syscall(ADD_RULE, ruleset, PATH_BENEATH, &rule, 0U);
	close(rule.directory);
	return rc == 0;
}

static bool
allow_all(int ruleset, const struct sandbox_rules *rules, uint64_t known)
{
	int i;

	for (i = 0; i < SANDBOX_WRITABLE_MAX; i++)
		if (rules->writable[i] != NULL &&
		    !allow(ruleset, rules->writable[i], WRITE_ALL & known))
			return false;
#ifdef COVERAGE_DIRECTORY
	if (!allow(ruleset, COVERAGE_DIRECTORY, WRITE_ALL & known))
		return false;
#endif
	/* What a device takes its mode says: null, a TPM. */
	return allow(ruleset, "/dev", (WRITE_FILE | TRUNCATE) & known);
}

static int
make_ruleset(int version, uint64_t *known)
{
	struct ruleset r = { .files = EXECUTE | WRITE_ALL | MAKE_OTHERS };
	size_t size = offsetof(struct ruleset, ports);

	if (version < 3)
		r.files &= ~(uint64_t)TRUNCATE;
	if (version >= 6) {
		r.scopes = SCOPES;
		size = sizeof r;
	}
	*known = r.files;
	return (int)syscall(CREATE_RULESET, &r, size, 0U);
}

int
sandbox_confine_files(const struct sandbox_rules *rules)
{
	int version = (int)syscall(CREATE_RULESET, NULL, (size_t)0,
	    GIVE_VERSION);
	int ruleset;
	bool is_done;
	uint64_t known;

	if (version < LEAST_VERSION || rules->with_modules ||
	    (ruleset = make_ruleset(version, &known)) == -1)
		return 0;
	is_done = allow_all(ruleset, rules, known) &&
	    syscall(RESTRICT_SELF, ruleset, 0U) == 0;
	close(ruleset);
	return is_done ? version : 0;
}

#endif
