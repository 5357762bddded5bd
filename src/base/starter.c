/* SPDX-License-Identifier: ISC */
#include "base/starter.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/inherited.h"

/* Longer than any errand: a token's deadline is at most a minute away. */
#define PATIENCE_S 120

/* So many errands at once, from then on a pause before each.  One message needs
 * four; whoever asks for more than ten a second in the end was taken over, or
 * hands in hundreds, which leave at thirty a minute anyway. */
#define AT_ONCE		100
#define PAUSE_MS	100

struct request {
	enum errand	errand;
	int64_t		number;
};

struct answer {
	int		result;
	struct status	status;
};

/* Room for one descriptor beside the bytes. */
union control {
	struct cmsghdr	header;
	char		room[CMSG_SPACE(sizeof (int))];
};

/* A process has one. */
static struct {
	bool	is_used;
	int	socket;		/* -1: it could not be started, or is gone */
	int	error;		/* why */
	pid_t	pid;
} starter = { .socket = -1 };

bool
starter_is_used(void)
{
	return starter.is_used;
}

static int
send_answer(int to, const struct answer *a, int fd)
{
	struct iovec bytes = { (void *)(uintptr_t)a, sizeof *a };
	union control control;
	struct msghdr m = { .msg_iov = &bytes, .msg_iovlen = 1 };
	struct cmsghdr *c;

	memset(&control, 0, sizeof control);
	if (fd != -1) {
		m.msg_control = control.room;
		m.msg_controllen = sizeof control.room;
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	return sendmsg(to, &m, MSG_NOSIGNAL) == sizeof *a ? 0 : -1;
}

static int
receive_answer(int from, struct answer *a, int *fd)
{
	struct iovec bytes = { a, sizeof *a };
	union control control;
	struct msghdr m = { .msg_iov = &bytes, .msg_iovlen = 1,
	    .msg_control = control.room, .msg_controllen = sizeof control.room };
	struct cmsghdr *c;
	ssize_t n;

	do
		n = recvmsg(from, &m, MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n != sizeof *a) {
		if (n != -1)
			errno = ECONNRESET;
		return -1;
	}
	c = CMSG_FIRSTHDR(&m);
	if (c != NULL && c->cmsg_type == SCM_RIGHTS && fd != NULL)
		memcpy(fd, CMSG_DATA(c), sizeof *fd);
	return 0;
}

static void
hold_back(void)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000L * 1000L };

	nanosleep(&pause, NULL);
}

/* Until the other end is closed: by starter_end(), or by death.  Who asks has read
 * hostile bytes since, and may be somebody else by now: a request of another size,
 * or for no errand, ends it, and what is asked is a number of what was laid down
 * before, never a name, a path or an argument. */
static void
serve(int socket, errand_fn *const errands[ERRANDS], void *context)
{
	struct request q;
	struct answer a = { 0 };
	unsigned served = 0;
	int fd;

	while (recv(socket, &q, sizeof q, 0) == sizeof q &&
	    (unsigned)q.errand < ERRANDS && errands[q.errand] != NULL) {
		a = (struct answer){ .status = STATUS_INIT };
		fd = -1;
		if (served < AT_ONCE)
			served++;
		else
			hold_back();
		a.result = errands[q.errand](context, q.number, &fd, &a.status);
		if (send_answer(socket, &a, fd) == -1)
			break;
		if (fd != -1)
			close(fd);
	}
}

static void
lose(int error)
{
	if (starter.socket != -1)
		close(starter.socket);
	starter.socket = -1;
	starter.error = error;
}

static void
become_starter(const int pair[2], errand_fn *const errands[ERRANDS],
    void *context)
{
	/* What it starts, it starts itself. */
	starter.is_used = false;
	starter.socket = pair[1];
	/* Nothing of the caller's: who reads to the end of our output would wait
	 * for this process too. */
	if (close(pair[0]) == 0 && descriptors_to_null() == 0)
		serve(pair[1], errands, context);
	_exit(0);
}

void
starter_begin(errand_fn *const errands[ERRANDS], void *context)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	int pair[2];

	if (starter.is_used)
		return;
	lose(0);	/* of the starter, whose child this may be */
	starter.is_used = true;
	/* Packets: a request is there as a whole, with its end, or not at all. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1) {
		lose(errno);
		return;
	}
	starter.pid = fork();
	if (starter.pid == 0)
		become_starter(pair, errands, context);
	close(pair[1]);
	starter.socket = pair[0];
	if (starter.pid == -1 || setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO,
	    &patience, sizeof patience) == -1)
		lose(errno);
}

int
starter_ask(enum errand errand, int64_t number, int *fd, struct status *st)
{
	struct request q;
	struct answer a = { 0 };

	/* The holes too: what was on the stack is nobody else's business. */
	memset(&q, 0, sizeof q);
	q.errand = errand;
	q.number = number;
	if (starter.socket != -1 &&
	    (send(starter.socket, &q, sizeof q, MSG_NOSIGNAL) != sizeof q ||
	    receive_answer(starter.socket, &a, fd) == -1))
		lose(errno);
	if (starter.socket == -1) {
		errno = starter.error;
		return status_set_errno(st, EX_OSERR,
		    "no process that could start programs");
	}
	if (a.result == -1)
		*st = a.status;
	return a.result;
}

void
starter_end(void)
{
	if (!starter.is_used)
		return;
	lose(ECANCELED);
	while (starter.pid > 0 && waitpid(starter.pid, NULL, 0) == -1 &&
	    errno == EINTR)
		continue;
	starter.pid = -1;
}
