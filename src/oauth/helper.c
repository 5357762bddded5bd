/* SPDX-License-Identifier: ISC */
#include "oauth/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/safefile.h"
#include "base/xalloc.h"

#define HELPER LIBEXECDIR "/mailbearer-token"

/* A program that runs for us. */
struct child {
	const char	*path;
	pid_t		 pid;
	int		 out;		/* our end of its stdout */
};

static void become(char *const argv[], int null, int out)
    __attribute__((noreturn));

/* Signals that we ignore would stay ignored in the program. */
static void
reset_signals(void)
{
	static const int numbers[] = { SIGPIPE, SIGXFSZ, SIGCHLD, SIGHUP,
	    SIGINT, SIGQUIT, SIGTERM, SIGALRM };
	sigset_t none;
	size_t i;

	for (i = 0; i < sizeof numbers / sizeof *numbers; i++)
		signal(numbers[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The child's side, between fork and exec: async-signal-safe calls only.  All
 * our descriptors are close-on-exec; what a library opened without that flag is
 * closed here, as far as a small table goes. */
static void
become(char *const argv[], int null, int out)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:"
	    "/usr/bin:/sbin:/bin";
	char *environment[] = { path, NULL };
	int fd;

	/* A group of its own, so that its children can be killed with it, and
	 * so that ^C cannot part a new refresh token from its file. */
	setpgid(0, 0);
	reset_signals();
	if (dup2(null, STDIN_FILENO) == -1 || dup2(out, STDOUT_FILENO) == -1 ||
	    dup2(null, STDERR_FILENO) == -1)
		_exit(126);
	for (fd = STDERR_FILENO + 1; fd < 256; fd++)
		close(fd);
	execve(argv[0], argv, environment);
	_exit(127);
}

static int
child_start(struct child *child, char *const argv[], struct status *st)
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
		become(argv, null, pipes[1]);
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

/* One read when there is something: 1 for more to come, 0 at the end, -1. */
static int
read_some(const struct child *child, struct buf *out, int64_t deadline,
    struct status *st)
{
	struct pollfd p = { .fd = child->out, .events = POLLIN };
	char piece[4096];
	ssize_t n;
	int ready = poll(&p, 1, clock_left(deadline));

	if (ready == -1 && errno == EINTR)
		return 1;
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
		    "%s printed more than %d bytes", child->path, RESULT_MAX);
	return n > 0;
}

/* Waits for its end: gladly until the deadline, then by force.  Returns what
 * waitpid(2) gave, or 0 if somebody else has waited (SIGCHLD ignored). */
static int
child_end(struct child *child, int64_t deadline)
{
	const struct timespec pause = { .tv_nsec = 2 * 1000 * 1000 };
	int status = 0;
	pid_t got;

	close(child->out);
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

/* The program printed nothing: says why, as far as can be known. */
static int
said_nothing(const struct child *child, int status, struct status *st)
{
	if (access(child->path, X_OK) == -1) {
		status_set_errno(st, EX_CONFIG, "running %s", child->path);
		return status_hint(st, "install mailbearer again, or name an "
		    "executable program in token-command");
	}
	if (WIFSIGNALED(status))
		status_set(st, EX_OSERR, "%s was killed by signal %d",
		    child->path, WTERMSIG(status));
	else
		status_set(st, EX_OSERR,
		    "%s printed nothing and exited with %d", child->path,
		    WEXITSTATUS(status));
	return status_hint(st, "run it by hand as the user that runs "
	    "mailbearer, and read what it says");
}

/* Runs a program and collects what it prints, reserved in full because it holds
 * a token. */
static int
run(char *const argv[], int64_t deadline, struct buf *out, struct status *st)
{
	struct child child = { .out = -1 };
	int more, status;

	buf_init(out, RESULT_MAX);
	buf_reserve(out, RESULT_MAX);
	if (child_start(&child, argv, st) == -1)
		return -1;
	while ((more = read_some(&child, out, deadline, st)) == 1)
		continue;
	/* Whoever prints too much is not waited for. */
	status = child_end(&child, more == -1 ? 0 : deadline);
	if (more == -1)
		return -1;
	return out->len != 0 ? 0 : said_nothing(&child, status, st);
}

/* An absolute form of the config's path, owned by the caller. */
static char *
absolute(const char *path)
{
	char *directory, *whole;

	if (path[0] == '/' || (directory = getcwd(NULL, 0)) == NULL)
		return xstrdup(path);
	whole = xasprintf("%s/%s", directory, path);
	free(directory);
	return whole;
}

#define ARGUMENTS_MAX 8

/* The helper loads the config itself, and must believe the same files. */
static void
make_arguments(char *argv[ARGUMENTS_MAX], const struct config *c,
    const struct account *a)
{
	size_t n = 0;

	argv[n++] = xstrdup(HELPER);
	if (c->given) {
		argv[n++] = xstrdup("-C");
		argv[n++] = absolute(c->path);
	}
	if (c->trust.owner != 0)
		argv[n++] = xstrdup("-o");
	argv[n++] = xstrdup(a->app->name);
	if (a->app->credential == CREDENTIAL_DELEGATED)
		argv[n++] = xstrdup(a->mailbox);
	argv[n] = NULL;
}

static int
run_helper(struct result *r, const struct config *c, const struct account *a,
    int64_t deadline, struct status *st)
{
	char *argv[ARGUMENTS_MAX];
	struct buf text;
	size_t i;
	int rc;

	make_arguments(argv, c, a);
	rc = run(argv, deadline, &text, st);
	if (rc == 0)
		rc = result_parse_helper(r, text.data, text.len, clock_wall(),
		    st);
	buf_wipe(&text);
	for (i = 0; argv[i] != NULL; i++)
		free(argv[i]);
	return rc;
}

static int
run_command(struct result *r, const struct config *c, const struct account *a,
    int64_t deadline, struct status *st)
{
	char **argv = a->app->token_command;
	struct stat sb;
	struct buf text;
	int fd, rc;

	if (argv[0][0] != '/')
		return status_set(st, EX_CONFIG,
		    "token-command: %s is no absolute path", argv[0]);
	/* Whoever may write to it may take our rights and tokens.  Nobody whom
	 * we do not trust can swap it after this: the directories are safe. */
	fd = safefile_open(argv[0], TRUST_CONFIG, &c->trust, &sb, st);
	if (fd == -1)
		return status_context(st, "token-command");
	close(fd);
	rc = run(argv, deadline, &text, st);
	if (rc == 0)
		rc = result_parse_command(r, text.data, text.len, clock_wall(),
		    st);
	buf_wipe(&text);
	return rc;
}

int
helper_run(struct result *r, const struct config *c, const struct account *a,
    int64_t deadline, struct status *st)
{
	int rc;

	if (a->app->credential == CREDENTIAL_COMMAND)
		rc = run_command(r, c, a, deadline, st);
	else
		rc = run_helper(r, c, a, deadline, st);
	if (rc == -1)
		st->scope = SCOPE_ACCOUNT;
	return rc;
}
