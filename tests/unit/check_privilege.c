/* SPDX-License-Identifier: ISC
 *
 * What needs no set-id file; the rest is in tests/integration/test_privilege.py.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/inherited.h"
#include "base/privilege.h"
#include "check_main.h"

static const char path_only[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";

/* privilege_start() closes what check(3) talks through, so each case runs in a
 * process of its own and says by its exit status which step was wrong. */
static void
in_child(int (*run)(void))
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ne(pid, -1);
	if (pid == 0)
		_exit(run());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}

static int
signals(void)
{
	struct sigaction sa;
	struct identity id;
	sigset_t all, now;

	signal(SIGTERM, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	alarm(1000);
	privilege_start(&id);
	sigaction(SIGTERM, NULL, &sa);
	if (sa.sa_handler != SIG_DFL)
		return 1;
	sigaction(SIGCHLD, NULL, &sa);
	if (sa.sa_handler != SIG_DFL)
		return 2;
	sigaction(SIGPIPE, NULL, &sa);
	if (sa.sa_handler != SIG_IGN)
		return 3;
	sigprocmask(SIG_SETMASK, NULL, &now);
	if (sigismember(&now, SIGTERM) != 0)
		return 4;
	return alarm(0) == 0 ? 0 : 5;
}

static int
descriptors(void)
{
	struct identity id;
	char c;

	close(0);
	close(1);
	dup2(2, 77);
	privilege_start(&id);
	if (fcntl(0, F_GETFD) == -1 || fcntl(1, F_GETFD) == -1)
		return 1;
	if (fcntl(3, F_GETFD) != -1 || fcntl(77, F_GETFD) != -1)
		return 2;
	if (read(0, &c, 1) != -1)
		return 3;
	return write(1, "", 1) == 1 ? 0 : 4;
}

static int
surroundings(void)
{
	struct identity id;
	struct rlimit r = { 1000, RLIM_INFINITY };

	setenv("LD_PRELOAD", "x", 1);
	setenv("TERM", "vt100", 1);
	setrlimit(RLIMIT_FSIZE, &r);
	privilege_start(&id);
	if (umask(0) != 027 || prctl(PR_GET_DUMPABLE) != 0)
		return 1;
	getrlimit(RLIMIT_FSIZE, &r);
	if (r.rlim_cur != r.rlim_max)
		return 2;
	if (strcmp(environ[0], path_only) != 0 || environ[1] != NULL)
		return 3;
	return getenv("TERM") == NULL ? 0 : 4;
}

static int
nothing_special(void)
{
	struct identity id;
	struct status st = STATUS_INIT;

	setenv("TERM", "vt100", 1);
	setenv("TZ", ":/etc/shadow", 1);
	privilege_start(&id);
	if (id.special || id.uid != geteuid() || id.caller != getuid() ||
	    id.gid != getegid() || id.caller_group != getgid())
		return 1;
	if (privilege_keep(&id, &st) != 0 ||
	    privilege_drop(&id, true, &st) != 0 || id.special)
		return 2;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0 || st.sysexit != EX_OK)
		return 3;
	if (getenv("TZ") != NULL || strcmp(getenv("TERM"), "vt100") != 0)
		return 4;
	return 0;
}

static int
rights_of_another_program(void)
{
	struct identity id;
	struct status st = STATUS_INIT;

	if (geteuid() != 0)
		return 0;
	if (setresgid(4242, 4243, 4243) == -1 ||
	    setresuid(4242, 4243, 4243) == -1)
		return 1;
	privilege_start(&id);
	if (!id.special || privilege_keep(&id, &st) != 0)
		return 2;
	if (id.special || geteuid() != 4242 || getegid() != 4242)
		return 3;
	return setreuid((uid_t)-1, 4243) == -1 && errno == EPERM ? 0 : 4;
}

static int
set_user_id_root(void)
{
	struct identity id;
	struct status st = STATUS_INIT;

	if (geteuid() != 0)
		return 0;
	if (setresuid(4242, 0, 0) == -1)
		return 1;
	privilege_start(&id);
	if (privilege_keep(&id, &st) != -1 || st.sysexit != EX_CONFIG)
		return 2;
	return privilege_drop(&id, false, &st) == -1 ? 0 : 3;
}

static int
no_descriptor_to_be_had(void)
{
	struct identity id;
	struct status st = STATUS_INIT;
	struct rlimit r = { 0, 0 };

	close(2);
	setrlimit(RLIMIT_NOFILE, &r);
	privilege_start(&id);
	if (privilege_keep(&id, &st) != -1 || st.sysexit != EX_OSERR)
		return 1;
	return strstr(st.text, "/dev/null") != NULL ? 0 : 2;
}

/* A kernel without close_range(2), or a container's filter that does not know
 * it. */
static bool
forget_close_range(void)
{
#ifdef SYS_close_range
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {
		.len = sizeof rules / sizeof *rules, .filter = rules
	};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
#else
	return false;
#endif
}

static int
without_close_range(void)
{
	int fd, last = -1;

	if (!forget_close_range())
		return 0;
	/* More than one reading of the directory's. */
	for (fd = 0; fd < 800 && fd != -1; fd = dup(2))
		last = fd;
	descriptors_close(5);
	if (fcntl(4, F_GETFD) == -1)
		return 1;
	for (fd = 5; fd <= last; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			return 2;
	return last > 10 ? 0 : 3;
}

/* Nor /proc: no descriptor is left to read it with. */
static int
without_a_list(void)
{
	struct rlimit r;
	int fd;

	if (!forget_close_range() || getrlimit(RLIMIT_NOFILE, &r) == -1)
		return 0;
	r.rlim_cur = 40;
	setrlimit(RLIMIT_NOFILE, &r);
	while (dup(2) != -1)
		continue;
	descriptors_close(3);
	if (fcntl(2, F_GETFD) == -1)
		return 1;
	for (fd = 3; fd < 40; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			return 2;
	return 0;
}

static int (*const cases[])(void) = {
	without_close_range, without_a_list,
	signals, descriptors, surroundings, nothing_special,
	rights_of_another_program, set_user_id_root, no_descriptor_to_be_had,
};

START_TEST(each_step_is_done)
{
	in_child(cases[_i]);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("privilege");
	TCase *t = tcase_create("privilege");

	tcase_add_loop_test(t, each_step_is_done, 0,
	    sizeof cases / sizeof *cases);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
