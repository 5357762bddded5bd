/* SPDX-License-Identifier: ISC
 *
 *	timed MESSAGE COMMAND [ARGUMENT ...]
 *
 * Runs COMMAND with MESSAGE as stdin and prints what that cost: wall clock and
 * CPU in microseconds, peak memory in KiB, exit status.  In C because the
 * kernel counts the memory of whoever forks as the child's: a Python would hide
 * all clients behind its own 15 MiB.
 */
#include <sys/resource.h>
#include <sys/wait.h>

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static long long
microseconds(struct timeval t)
{
	return (long long)t.tv_sec * 1000000 + t.tv_usec;
}

static long long
wall(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
become(const char *message, char **command)
{
	int fd = open(message, O_RDONLY);

	if (fd == -1 || dup2(fd, STDIN_FILENO) == -1 ||
	    dup2(STDERR_FILENO, STDOUT_FILENO) == -1)
		err(126, "%s", message);
	close(fd);
	execvp(*command, command);
	err(127, "%s", *command);
}

int
main(int argc, char **argv)
{
	struct rusage used;
	long long start;
	pid_t pid;
	int status;

	if (argc < 3)
		errx(64, "usage: timed MESSAGE COMMAND [ARGUMENT ...]");
	start = wall();
	if ((pid = fork()) == 0)
		become(argv[1], argv + 2);
	if (pid == -1 || wait4(pid, &status, 0, &used) == -1)
		err(71, "fork");
	printf("%lld %lld %ld %d\n", wall() - start,
	    microseconds(used.ru_utime) + microseconds(used.ru_stime),
	    used.ru_maxrss, WIFEXITED(status) ? WEXITSTATUS(status) :
	    128 + WTERMSIG(status));
	return 0;
}
