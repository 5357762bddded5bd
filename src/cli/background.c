/* SPDX-License-Identifier: ISC */
#include "cli/background.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static void
leave_caller(void)
{
	int fd = open("/dev/null", O_RDWR);

	if (fd == -1)
		_exit(0);
	if (dup2(fd, STDIN_FILENO) == -1 || dup2(fd, STDOUT_FILENO) == -1 ||
	    dup2(fd, STDERR_FILENO) == -1)
		_exit(0);
	if (fd > STDERR_FILENO)
		close(fd);
	if (chdir("/") == -1)
		_exit(0);
}

/* Forks twice, so that the grandchild is init's and no zombie stays behind in
 * a -bs session that goes on for hours. */
bool
background_begin(void)
{
	pid_t pid = fork();

	if (pid == -1)
		return false;
	if (pid == 0) {
		setsid();
		if ((pid = fork()) != 0)
			_exit(0);
		leave_caller();
		return true;
	}
	while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
		continue;
	return false;
}
