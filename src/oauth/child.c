/* SPDX-License-Identifier: ISC */
#include "oauth/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/inherited.h"
#include "base/starter.h"

static void become(char *const argv[], bool own_group, int null, int out)
    __attribute__((noreturn));

/* The child's side, between fork and exec.  All our descriptors are close-on-exec,
 * but a library may have opened one without that flag; signals that we ignore
 * would stay ignored. */
static void
become(char *const argv[], bool own_group, int null, int out)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:"
	    "/usr/bin:/sbin:/bin";
	char *environment[] = { path, NULL };

	/* A group of its own, so that its children can be killed with it, and
	 * so that ^C cannot part a new refresh token from its file. */
	if (own_group)
		setpgid(0, 0);
	(void)signals_reset();
	if (dup2(null, STDIN_FILENO) == -1 || dup2(out, STDOUT_FILENO) == -1 ||
	    dup2(null, STDERR_FILENO) == -1)
		_exit(126);
	descriptors_close(STDERR_FILENO + 1);
	execve(argv[0], argv, environment);
	_exit(127);
}

int
child_start(struct child *child, char *const argv[], bool own_group,
    struct status *st)
{
	int pipes[2] = { -1, -1 }, null, rc = -1;

	child->path = argv[0];
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null == -1 || pipe2(pipes, O_CLOEXEC) == -1) {
		status_set_errno(st, EX_OSERR, "starting %s", argv[0]);
		goto out;
	}
	child->pid = fork();
	if (child->pid == 0)
		become(argv, own_group, null, pipes[1]);
	if (child->pid == -1) {
		status_set_errno(st, EX_OSERR, "starting %s", argv[0]);
		goto out;
	}
	child->out = pipes[0];
	pipes[0] = -1;		/* transferred */
	rc = 0;
out:
	if (pipes[0] != -1)
		close(pipes[0]);
	if (pipes[1] != -1)
		close(pipes[1]);
	if (null != -1)
		close(null);
	return rc;
}

int
child_ask(struct child *child, const char *path, int64_t account,
    struct status *st)
{
	*child = (struct child){ .path = path, .out = -1 };
	return starter_ask(ERRAND_TOKEN, account, &child->out, st);
}

int
child_read(const struct child *child, struct buf *out, int64_t deadline,
    struct status *st)
{
	struct pollfd p = { .fd = child->out, .events = POLLIN };
	char piece[4096];
	ssize_t n;
	int ready = poll(&p, 1, clock_left(deadline));

	if (ready == -1)
		return errno == EINTR ? 1 : status_set_errno(st, EX_OSERR,
		    "waiting for %s", child->path);
	if (ready == 0) {
		status_set(st, EX_TEMPFAIL, "%s took too long", child->path);
		return status_hint(st, "check that this host may connect to "
		    "the token endpoint, and that it is not just slow");
	}
	n = read(child->out, piece, sizeof piece);
	if (n == -1)
		return errno == EINTR ? 1 : status_set_errno(st, EX_OSERR,
		    "reading from %s", child->path);
	buf_add(out, piece, (size_t)n);
	explicit_bzero(piece, sizeof piece);
	if (out->overflow)
		return status_set(st, EX_SOFTWARE,
		    "%s printed more than %zu bytes", child->path, out->max);
	return n > 0;
}

int
child_end(struct child *child, int64_t deadline)
{
	const struct timespec pause = { .tv_nsec = 2 * 1000 * 1000 };
	struct status ignored;
	int status = 0;
	pid_t got;

	if (child->out != -1)
		close(child->out);
	child->out = -1;
	if (child->pid == 0) {
		status = starter_ask(ERRAND_TOKEN_END, deadline, NULL, &ignored);
		return status == -1 ? 0 : status;
	}
	while ((got = waitpid(child->pid, &status, WNOHANG)) == 0 &&
	    clock_left(deadline) > 0)
		nanosleep(&pause, NULL);
	if (got == 0) {
		kill(-child->pid, SIGKILL);
		kill(child->pid, SIGKILL);
		while (waitpid(child->pid, &status, 0) == -1 && errno == EINTR)
			continue;
	}
	return got == -1 ? 0 : status;
}

static void
say_end(const struct child *child, int sysexit, const char *printed,
    int status, struct status *st)
{
	bool was_killed = WIFSIGNALED(status);

	status_set(st, sysexit, "%s printed %s and %s %d", child->path, printed,
	    was_killed ? "was killed by signal" : "exited with",
	    was_killed ? WTERMSIG(status) : WEXITSTATUS(status));
}

int
child_said_nothing(const struct child *child, int status, struct status *st)
{
	if (access(child->path, X_OK) == -1) {
		status_set_errno(st, EX_CONFIG, "running %s", child->path);
		return status_hint(st, "install mailbearer again, or name an "
		    "executable program in token-command");
	}
	say_end(child, EX_OSERR, "nothing", status, st);
	return status_hint(st, "run it by hand as the user that runs "
	    "mailbearer, and read what it says");
}

int
child_said_no_token(const struct child *child, int status, struct status *st)
{
	say_end(child, EX_SOFTWARE, "no token", status, st);
	return status_hint(st, "run it by hand as the user that runs "
	    "mailbearer: it must print a token, or a token response, and "
	    "nothing else");
}
