/* SPDX-License-Identifier: ISC
 *
 * Starting a runner that outlives us and has nothing of our caller's.
 */
#include "queue/runner.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/inherited.h"

/* Below these a run would fail halfway, for everybody's mail and not only for
 * the caller's who set them. */
static const struct {
	int	resource;
	rlim_t	least;
} floors[] = {
	{ RLIMIT_AS, 512 << 20 },
	{ RLIMIT_CPU, 300 },
	{ RLIMIT_DATA, 256 << 20 },
	{ RLIMIT_FSIZE, 512 << 20 },
	{ RLIMIT_NOFILE, 64 },
	{ RLIMIT_STACK, 1 << 20 },
};

static bool
has_room(void)
{
	struct rlimit limit;
	size_t i;

	for (i = 0; i < sizeof floors / sizeof *floors; i++)
		if (getrlimit(floors[i].resource, &limit) == 0 &&
		    limit.rlim_cur < floors[i].least)
			return false;
	return true;
}

static void
become_runner(char *const argv[])
{
	char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char *environment[] = { path, NULL };

	if (signals_reset() == -1 || chdir("/") == -1 ||
	    descriptors_to_null() == -1)
		_exit(1);
	descriptors_close(STDERR_FILENO + 1);
	umask(027);
	execve("/proc/self/exe", argv, environment);
	_exit(1);
}

/* Twice forked, the runner is nobody's child who could wait for it. */
int
runner_start_detached(char *const argv[], struct status *st)
{
	pid_t child;
	int way = 0;

	if (!has_room())
		return 1;
	if ((child = fork()) == -1)
		return status_set_errno(st, EX_OSERR, "starting a runner");
	if (child == 0) {
		if (setsid() == -1)
			_exit(1);
		switch (fork()) {
		case -1:
			_exit(1);
		case 0:
			become_runner(argv);
		}
		_exit(0);
	}
	while (waitpid(child, &way, 0) == -1)
		if (errno != EINTR)
			return status_set_errno(st, EX_OSERR,
			    "starting a runner");
	if (!WIFEXITED(way) || WEXITSTATUS(way) != 0)
		return status_set(st, EX_OSERR, "starting a runner failed");
	return 0;
}
