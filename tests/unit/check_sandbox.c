/* SPDX-License-Identifier: ISC
 *
 * What can and what cannot be done inside of the sandbox, tried one by one, each
 * in a process of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "base/sandbox.h"
#include "check_main.h"

/* Ours, beside it one that is not, and a file in each. */
static char top[] = "/tmp/check_sandbox.XXXXXX";
static char ours[60], others[60];
static int own_fd, listener;

/* An abstract socket, which has no file and so no mode. */
static void
name_socket(struct sockaddr_un *a)
{
	memset(a, 0, sizeof *a);
	a->sun_family = AF_UNIX;
	snprintf(a->sun_path + 1, sizeof a->sun_path - 1, "%s", top);
}

static const char *
in(const char *directory, const char *name)
{
	static char path[2][100];
	static int i;

	i = !i;
	snprintf(path[i], sizeof path[i], "%s/%s", directory, name);
	return path[i];
}

static void
make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0640);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(write(fd, "x", 1), 1);
	close(fd);
}

static void
setup(void)
{
	struct sockaddr_un a;
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(top));
	snprintf(ours, sizeof ours, "%s/ours", top);
	snprintf(others, sizeof others, "%s/others", top);
	ck_assert_int_eq(mkdir(ours, 0750), 0);
	ck_assert_int_eq(mkdir(others, 0750), 0);
	ck_assert_int_eq(mkdir(in(ours, "new"), 0750), 0);
	make_file(in(ours, "file"));
	make_file(in(others, "file"));
	/* Not a descriptor that check(3) talks through. */
	fd = open(in(ours, "open"), O_RDWR | O_CREAT, 0640);
	ck_assert_int_ne(fd, -1);
	own_fd = fcntl(fd, F_DUPFD, 100);
	close(fd);
	name_socket(&a);
	listener = socket(AF_UNIX, SOCK_DGRAM, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&a, sizeof a), 0);
}

static void
teardown(void)
{
	char command[100];

	close(own_fd);
	close(listener);
	snprintf(command, sizeof command, "rm -rf %s", top);
	ck_assert_int_eq(system(command), 0);
	memcpy(top + sizeof top - 7, "XXXXXX", 6);
}

static int
done(long rc)
{
	return rc == -1 ? errno : 0;
}

static int
opened(const char *path, int flags)
{
	return done(open(path, flags | O_CLOEXEC, 0640));
}

/* Other programs. */
static int
run_program(void)
{
	char name[] = "true", *argv[] = { name, NULL };

	execv("/bin/true", argv);
	return errno;
}

static int
run_descriptor(void)
{
	char name[] = "true", *argv[] = { name, NULL }, *none[] = { NULL };
	int fd = open("/bin/true", O_PATH);

	return done(syscall(SYS_execveat, fd, "", argv, none, AT_EMPTY_PATH));
}

static int
run_own_file(void)
{
	char name[] = "x", *argv[] = { name, NULL };

	execv(in(ours, "file"), argv);
	return errno;
}

static int
run_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return done(pid);
}

static int
run_raw_clone(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0L, 0L, 0L, 0L);

	if (pid == 0)
		_exit(0);
	return done(pid);
}

static int
run_clone3(void)
{
	return done(syscall(435, NULL, 0L));
}

static void *
nothing(void *context)
{
	return context;
}

static int
run_thread(void)
{
	pthread_t t;
	int error = pthread_create(&t, NULL, nothing, NULL);

	return error == 0 ? pthread_join(t, NULL) : error;
}

/* Other processes. */
static int
trace(void)
{
	return done(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

static int
read_memory(void)
{
	return done(syscall(SYS_process_vm_readv, getppid(), NULL, 0L, NULL, 0L,
	    0L));
}

static int
signal_other(void)
{
	return done(kill(getppid(), 0));
}

static int
signal_group(void)
{
	return done(kill(0, 0));
}

static int
signal_all(void)
{
	return done(kill(-1, 0));
}

static int
signal_thread_of_other(void)
{
	return done(syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static int
signal_queued(void)
{
	return done(syscall(SYS_rt_sigqueueinfo, getppid(), 0, NULL));
}

static int
signal_by_descriptor(void)
{
	return done(syscall(424, 0, 0, NULL, 0));
}

static int
signal_by_input(void)
{
	return done(fcntl(own_fd, F_SETOWN, getppid()));
}

static int
signal_by_input_ex(void)
{
	struct f_owner_ex owner = { F_OWNER_PID, getppid() };

	return done(fcntl(own_fd, F_SETOWN_EX, &owner));
}

static int
choose_signal(void)
{
	return done(fcntl(own_fd, F_SETSIG, SIGKILL));
}

static int
signal_by_socket(unsigned long request)
{
	int owner = getppid();

	return done(ioctl(socket(AF_UNIX, SOCK_DGRAM, 0), request, &owner));
}

static int
signal_by_fiosetown(void)
{
	return signal_by_socket(FIOSETOWN);
}

static int
signal_by_siocspgrp(void)
{
	return signal_by_socket(SIOCSPGRP);
}

static int
ask_for_flags(void)
{
	return done(fcntl(own_fd, F_GETFL));
}

static int
change_limit(pid_t pid)
{
	struct rlimit limit;

	if (prlimit(pid, RLIMIT_CORE, NULL, &limit) == -1)
		return errno;
	return done(prlimit(pid, RLIMIT_CORE, &limit, NULL));
}

static int
limit_other(void)
{
	return change_limit(getppid());
}

static int
limit_self(void)
{
	int error = change_limit(0);

	return error != 0 ? error : change_limit(getpid());
}

static int
slow_others(void)
{
	return done(setpriority(PRIO_PROCESS, (id_t)getppid(),
	    getpriority(PRIO_PROCESS, (id_t)getppid())));
}

static int
slow_others_by_policy(void)
{
	struct sched_param none = { 0 };

	return done(syscall(SYS_sched_setscheduler, getppid(), SCHED_OTHER,
	    &none));
}

static int
move_others(void)
{
	unsigned long processors[16] = { 1 };

	return done(syscall(SYS_sched_setaffinity, getppid(), sizeof processors,
	    processors));
}

static int
set_clock_of_32_bits(void)
{
	return done(syscall(404, 0, NULL));
}

static int
adjust_clock_of_32_bits(void)
{
	return done(syscall(405, 0, NULL));
}

static int
signal_self(void)
{
	return done(kill(getpid(), 0));
}

/* Other rights. */
static int
change_user(void)
{
	return done(setresuid(getuid(), getuid(), getuid()));
}

static int
change_group(void)
{
	return done(setresgid(getgid(), getgid(), getgid()));
}

static int
new_namespace(void)
{
	return done(syscall(SYS_unshare, 0x10000000));
}

static int
mount_something(void)
{
	return done(syscall(SYS_mount, NULL, NULL, NULL, 0, NULL));
}

static int
new_mount_call(void)
{
	return done(syscall(430, "tmpfs", 0));
}

static int
change_root(void)
{
	return done(syscall(SYS_chroot, "/"));
}

static int
change_mode(void)
{
	return done(chmod(in(ours, "file"), 04755));
}

static int
change_mode_of_descriptor(void)
{
	return done(fchmod(own_fd, 04755));
}

static int
change_owner(void)
{
	return done(fchown(own_fd, getuid(), getgid()));
}

/* The kernel's back rooms. */
static int
load_bpf(void)
{
	return done(syscall(SYS_bpf, 0, NULL, 0));
}

static int
open_perf(void)
{
	return done(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
}

static int
make_ring(void)
{
	return done(syscall(425, 1, NULL));
}

static int
use_keyring(void)
{
	return done(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
}

static int
catch_faults(void)
{
	return done(syscall(SYS_userfaultfd, 0));
}

static int
load_module(void)
{
	return done(syscall(SYS_init_module, NULL, 0, NULL));
}

static int
type_into_terminal(void)
{
	return done(ioctl(own_fd, TIOCSTI, "x"));
}

static int
take_terminal(void)
{
	pid_t group = getpgrp();

	return done(ioctl(own_fd, TIOCSPGRP, &group));
}

static int
change_discipline(void)
{
	int number = 2;

	return done(ioctl(own_fd, TIOCSETD, &number));
}

static int
ask_for_terminal(void)
{
	struct winsize size;

	return done(ioctl(own_fd, TIOCGWINSZ, &size));
}

/* Sockets. */
static int
open_socket(int family, int type)
{
	return done(socket(family, type | SOCK_CLOEXEC, 0));
}

static int
socket_inet(void)
{
	return open_socket(AF_INET, SOCK_STREAM);
}

static int
socket_unix(void)
{
	return open_socket(AF_UNIX, SOCK_DGRAM);
}

static int
socket_netlink(void)
{
	return open_socket(AF_NETLINK, SOCK_RAW);
}

static int
socket_alg(void)
{
	return open_socket(38, SOCK_SEQPACKET);
}

static int
socket_vsock(void)
{
	return open_socket(40, SOCK_STREAM);
}

static int
socket_packet(void)
{
	return open_socket(17, SOCK_RAW);
}

static int
pair(int family)
{
	int ends[2];

	return done(socketpair(family, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends));
}

static int
pair_unix(void)
{
	return pair(AF_UNIX);
}

static int
pair_tipc(void)
{
	return pair(30);
}

static int
wait_for_calls(void)
{
	return done(listen(socket(AF_INET, SOCK_STREAM, 0), 1));
}

static int
resolve(void)
{
	struct addrinfo *list = NULL;

	return getaddrinfo("localhost", "25", NULL, &list) == 0 ? 0 : EIO;
}

static int
look_up_user(void)
{
	return getpwuid(0) != NULL ? 0 : EIO;
}

static int
log_something(void)
{
	openlog("check_sandbox", LOG_PID, LOG_MAIL);
	syslog(LOG_DEBUG, "from inside");
	return 0;
}

/* Files. */
static int
read_elsewhere(void)
{
	return opened(in(others, "file"), O_RDONLY);
}

static int
read_passwd(void)
{
	return opened("/etc/passwd", O_RDONLY);
}

static int
write_null(void)
{
	return opened("/dev/null", O_WRONLY | O_TRUNC);
}

static int
write_elsewhere(void)
{
	return opened(in(others, "file"), O_WRONLY);
}

static int
cut_elsewhere(void)
{
	return done(truncate(in(others, "file"), 0));
}

static int
make_elsewhere(void)
{
	return opened(in(others, "made"), O_WRONLY | O_CREAT);
}

static int
make_directory_elsewhere(void)
{
	return done(mkdir(in(others, "directory"), 0750));
}

static int
remove_elsewhere(void)
{
	return done(unlink(in(others, "file")));
}

static int
move_out(void)
{
	return done(rename(in(ours, "file"), in(others, "moved")));
}

static int
link_in(void)
{
	return done(link(in(others, "file"), in(ours, "linked")));
}

static int
make_symlink(void)
{
	return done(symlink("/etc/passwd", in(ours, "symlink")));
}

static int
make_fifo(void)
{
	return done(mkfifo(in(ours, "fifo"), 0640));
}

static int
make_file_of_ours(void)
{
	return opened(in(ours, "made"), O_RDWR | O_CREAT | O_EXCL);
}

static int
replace_file_of_ours(void)
{
	return done(rename(in(ours, "file"), in(ours, "new/file")));
}

static int
remove_file_of_ours(void)
{
	return done(unlink(in(ours, "file")));
}

static int
cut_file_of_ours(void)
{
	return done(truncate(in(ours, "file"), 0));
}

static int
link_unnamed_file(void)
{
	char path[40];
	int fd = open(ours, O_TMPFILE | O_RDWR, 0640);

	if (fd == -1)
		return errno == EOPNOTSUPP ? 0 : errno;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return done(linkat(AT_FDCWD, path, AT_FDCWD, in(ours, "new/linked"),
	    AT_SYMLINK_FOLLOW));
}

static int
call_abstract_socket(void)
{
	struct sockaddr_un a;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	name_socket(&a);
	return done(connect(fd, (struct sockaddr *)&a, sizeof a));
}

enum part { ALWAYS, CALLS, FILES };

/* Without the part that is tested a row shows nothing, and is left out. */
static const struct row {
	const char	*name;
	int		(*attempt)(void);
	enum part	 part;
	int		 error, modules;	/* expected; and with modules */
	int		 abi;			/* of Landlock, at least */
} rows[] = {
	{ "run a program", run_program, CALLS, EPERM, 0, 0 },
	{ "run a descriptor", run_descriptor, CALLS, EPERM, 0, 0 },
	{ "run a file of ours", run_own_file, CALLS, EPERM, EACCES, 0 },
	{ "run a child", run_child, CALLS, EPERM, 0, 0 },
	{ "run a child by clone", run_raw_clone, CALLS, EPERM, 0, 0 },
	{ "clone3", run_clone3, CALLS, ENOSYS, ENOSYS, 0 },
	{ "run a thread", run_thread, ALWAYS, 0, 0, 0 },
	{ "trace", trace, CALLS, EPERM, EPERM, 0 },
	{ "read another's memory", read_memory, CALLS, EPERM, EPERM, 0 },
	{ "kill another", signal_other, CALLS, EPERM, 0, 0 },
	{ "kill the group", signal_group, CALLS, EPERM, 0, 0 },
	{ "kill all", signal_all, CALLS, EPERM, 0, 0 },
	{ "kill a thread of another", signal_thread_of_other, CALLS, EPERM, 0,
	    0 },
	{ "sigqueue", signal_queued, CALLS, EPERM, EPERM, 0 },
	{ "pidfd_send_signal", signal_by_descriptor, CALLS, EPERM, EPERM, 0 },
	{ "SIGIO for another", signal_by_input, CALLS, EPERM, EPERM, 0 },
	{ "SIGIO for another thread", signal_by_input_ex, CALLS, EPERM, EPERM,
	    0 },
	{ "another signal for SIGIO", choose_signal, CALLS, EPERM, EPERM, 0 },
	{ "FIOSETOWN", signal_by_fiosetown, CALLS, EPERM, EPERM, 0 },
	{ "SIOCSPGRP", signal_by_siocspgrp, CALLS, EPERM, EPERM, 0 },
	{ "other fcntl", ask_for_flags, ALWAYS, 0, 0, 0 },
	{ "limit another", limit_other, CALLS, EPERM, 0, 0 },
	{ "limit oneself", limit_self, ALWAYS, 0, 0, 0 },
	{ "slow another", slow_others, CALLS, EPERM, 0, 0 },
	{ "another's policy", slow_others_by_policy, CALLS, EPERM, 0, 0 },
	{ "another's processors", move_others, CALLS, EPERM, 0, 0 },
	{ "kill oneself", signal_self, ALWAYS, 0, 0, 0 },
	{ "setuid", change_user, CALLS, EPERM, EPERM, 0 },
	{ "setgid", change_group, CALLS, EPERM, EPERM, 0 },
	{ "unshare", new_namespace, CALLS, EPERM, EPERM, 0 },
	{ "mount", mount_something, CALLS, EPERM, EPERM, 0 },
	{ "fsopen", new_mount_call, CALLS, EPERM, EPERM, 0 },
	{ "chroot", change_root, CALLS, EPERM, EPERM, 0 },
	{ "chmod", change_mode, CALLS, EPERM, 0, 0 },
	{ "fchmod", change_mode_of_descriptor, CALLS, EPERM, 0, 0 },
	{ "fchown", change_owner, CALLS, EPERM, 0, 0 },
	{ "bpf", load_bpf, CALLS, EPERM, EPERM, 0 },
	{ "perf", open_perf, CALLS, EPERM, EPERM, 0 },
	{ "io_uring", make_ring, CALLS, EPERM, EPERM, 0 },
	{ "keyctl", use_keyring, CALLS, EPERM, EPERM, 0 },
	{ "userfaultfd", catch_faults, CALLS, EPERM, EPERM, 0 },
	{ "init_module", load_module, CALLS, EPERM, EPERM, 0 },
	/* Where the number is unknown the kernel would say ENOSYS. */
	{ "clock_settime64", set_clock_of_32_bits, CALLS, EPERM, EPERM, 0 },
	{ "clock_adjtime64", adjust_clock_of_32_bits, CALLS, EPERM, EPERM, 0 },
	{ "take the terminal", take_terminal, CALLS, EPERM, EPERM, 0 },
	{ "line discipline", change_discipline, CALLS, EPERM, EPERM, 0 },
	{ "type into the terminal", type_into_terminal, CALLS, EPERM, EPERM,
	    0 },
	{ "ask about the terminal", ask_for_terminal, ALWAYS, ENOTTY, ENOTTY,
	    0 },
	{ "inet", socket_inet, ALWAYS, 0, 0, 0 },
	{ "unix", socket_unix, ALWAYS, 0, 0, 0 },
	{ "netlink", socket_netlink, ALWAYS, 0, 0, 0 },
	{ "alg", socket_alg, CALLS, EAFNOSUPPORT, EAFNOSUPPORT, 0 },
	{ "vsock", socket_vsock, CALLS, EAFNOSUPPORT, EAFNOSUPPORT, 0 },
	{ "packet", socket_packet, CALLS, EAFNOSUPPORT, EAFNOSUPPORT, 0 },
	{ "pair", pair_unix, ALWAYS, 0, 0, 0 },
	{ "pair of TIPC", pair_tipc, CALLS, EAFNOSUPPORT, EAFNOSUPPORT, 0 },
	{ "listen", wait_for_calls, CALLS, EPERM, 0, 0 },
	{ "resolve a name", resolve, ALWAYS, 0, 0, 0 },
	{ "look up a user", look_up_user, ALWAYS, 0, 0, 0 },
	{ "log", log_something, ALWAYS, 0, 0, 0 },
	{ "read elsewhere", read_elsewhere, ALWAYS, 0, 0, 0 },
	{ "read /etc/passwd", read_passwd, ALWAYS, 0, 0, 0 },
	{ "write /dev/null", write_null, ALWAYS, 0, 0, 0 },
	{ "write elsewhere", write_elsewhere, FILES, EACCES, 0, 0 },
	{ "cut elsewhere", cut_elsewhere, FILES, EACCES, 0, 3 },
	{ "make elsewhere", make_elsewhere, FILES, EACCES, 0, 0 },
	{ "make a directory elsewhere", make_directory_elsewhere, FILES, EACCES,
	    0, 0 },
	{ "remove elsewhere", remove_elsewhere, FILES, EACCES, 0, 0 },
	{ "move out", move_out, FILES, EACCES, 0, 0 },
	{ "link in", link_in, FILES, EXDEV, 0, 0 },
	{ "make a symlink", make_symlink, FILES, EACCES, 0, 0 },
	{ "make a fifo", make_fifo, ALWAYS, EPERM, EPERM, 0 },
	{ "make a file of ours", make_file_of_ours, ALWAYS, 0, 0, 0 },
	{ "move within ours", replace_file_of_ours, ALWAYS, 0, 0, 0 },
	{ "remove a file of ours", remove_file_of_ours, ALWAYS, 0, 0, 0 },
	{ "cut a file of ours", cut_file_of_ours, ALWAYS, 0, 0, 0 },
	{ "link an unnamed file", link_unnamed_file, ALWAYS, 0, 0, 0 },
	{ "call an abstract socket", call_abstract_socket, FILES, EPERM, 0, 6 },
};
#define ROWS ((int)(sizeof rows / sizeof *rows))

/* Exit status of the child: the errno, or this. */
#define LEFT_OUT 255

static int
attempt(const struct row *row, bool with_modules)
{
	struct sandbox_rules rules = { .writable = { NULL, ours },
	    .with_modules = with_modules };
	struct sandbox_state s;

	sandbox_enter(&rules);
	sandbox_get_state(&s);
	if ((row->part == CALLS && !s.system_calls) ||
	    (row->part == FILES && !s.files && !with_modules) ||
	    (row->abi > s.abi && !with_modules))
		return LEFT_OUT;
	errno = 0;
	return row->attempt();
}

static void
check_row(const struct row *row, bool with_modules)
{
	int status, expected = with_modules ? row->modules : row->error;
	pid_t pid = fork();

	ck_assert_int_ne(pid, -1);
	if (pid == 0)
		_exit(attempt(row, with_modules));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "%s: signal %d", row->name,
	    WTERMSIG(status));
	if (WEXITSTATUS(status) != LEFT_OUT)
		ck_assert_msg(WEXITSTATUS(status) == expected, "%s: %s, not %s",
		    row->name, strerror(WEXITSTATUS(status)),
		    strerror(expected));
}

START_TEST(row_of_ours)
{
	check_row(&rows[_i], false);
}
END_TEST

START_TEST(row_with_modules)
{
	check_row(&rows[_i], true);
}
END_TEST

/* Landlock alone executes nothing either. */
START_TEST(files_alone)
{
	struct sandbox_rules rules = { .writable = { ours } };
	char name[] = "true", *argv[] = { name, NULL };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
		if (sandbox_confine_files(&rules) == 0)
			_exit(EACCES);
		execv("/bin/true", argv);
		_exit(errno);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == EACCES);
}
END_TEST

#if defined(__x86_64__) && !defined(__ILP32__)
/* The way round a filter: the same call by another architecture's number. */
START_TEST(other_numbers)
{
	struct sandbox_rules rules = { .writable = { ours } };
	struct sandbox_state s;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		sandbox_enter(&rules);
		sandbox_get_state(&s);
		if (!s.system_calls)
			raise(SIGSYS);
		if (_i == 0)
			syscall(0x40000000 | SYS_getpid);
		else	/* i386: getpid */
			__asm__ volatile("int $0x80" : : "a"(20) : "memory");
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	/* A kernel without i386 has no such interrupt. */
	ck_assert(WTERMSIG(status) == SIGSYS ||
	    (_i == 1 && WTERMSIG(status) == SIGSEGV));
}
END_TEST
#endif

static Suite *
suite(void)
{
	Suite *s = suite_create("sandbox");
	TCase *t = tcase_create("attempts");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, row_of_ours, 0, ROWS);
	tcase_add_loop_test(t, row_with_modules, 0, ROWS);
	tcase_add_test(t, files_alone);
#if defined(__x86_64__) && !defined(__ILP32__)
	tcase_add_loop_test(t, other_numbers, 0, 2);
#endif
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
