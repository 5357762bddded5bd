/* SPDX-License-Identifier: ISC
 *
 * seccomp: the system calls that are refused.
 *
 * A list of what is dangerous, not of what is needed: what the C library, name
 * service modules, OpenSSL and libcurl need changes with each of their releases,
 * and mail must not stop when a host is upgraded.  Refused means EPERM, an error
 * that every library has to cope with, and not a killed process, which would take
 * a message with it.  Only calls by another architecture's numbers, which no
 * honest code here makes, are deadly: they would need a list of their own.
 */
#include "base/sandbox.h"

#ifdef __linux__

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__) && !defined(__ILP32__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define ARCHITECTURE AUDIT_ARCH_I386
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__arm__) && defined(__ARMEL__)
#define ARCHITECTURE AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define ARCHITECTURE AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define ARCHITECTURE AUDIT_ARCH_S390X
#endif

#ifdef ARCHITECTURE

/* Newer than the headers may be; the same on all architectures, but for the two
 * clock calls, which those of 64 bits do not have and use for nothing else. */
#define NR_CLOCK_SETTIME64	404
#define NR_CLOCK_ADJTIME64	405
#define NR_PIDFD_SEND_SIGNAL	424
#define NR_IO_URING_SETUP	425
#define NR_IO_URING_ENTER	426
#define NR_IO_URING_REGISTER	427
#define NR_OPEN_TREE		428
#define NR_MOVE_MOUNT		429
#define NR_FSOPEN		430
#define NR_FSCONFIG		431
#define NR_FSMOUNT		432
#define NR_FSPICK		433
#define NR_CLONE3		435
#define NR_PIDFD_GETFD		438
#define NR_PROCESS_MADVISE	440
#define NR_MOUNT_SETATTR	442
#define NR_QUOTACTL_FD		443
#define NR_FCHMODAT2		452
#define NR_SETXATTRAT		463
#define NR_OPEN_TREE_ATTR	467
#define NR_FILE_SETATTR		469

/* Refused whatever the arguments. */
static const int refused[] = {
	/* other processes */
	SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp,
	SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, NR_PIDFD_SEND_SIGNAL,
	NR_PIDFD_GETFD, NR_PROCESS_MADVISE,
	/* other rights */
	SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid,
	SYS_setresgid, SYS_setfsuid, SYS_setfsgid, SYS_setgroups, SYS_capset,
	SYS_personality,
	/* other views of the file system */
	SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_unshare,
	SYS_setns, NR_OPEN_TREE, NR_OPEN_TREE_ATTR, NR_MOVE_MOUNT, NR_FSOPEN,
	NR_FSCONFIG, NR_FSMOUNT, NR_FSPICK, NR_MOUNT_SETATTR,
	SYS_open_by_handle_at, SYS_mknodat,
	/* parts of the kernel that a mailer has no use for, and that have had
	 * more than their share of holes */
	SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, NR_IO_URING_SETUP,
	NR_IO_URING_ENTER, NR_IO_URING_REGISTER, SYS_add_key, SYS_request_key,
	SYS_keyctl, SYS_fanotify_init,
	/* the machine itself, should we ever be root's */
	SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load,
	SYS_reboot, SYS_swapon, SYS_swapoff, SYS_syslog, SYS_acct,
	SYS_quotactl, NR_QUOTACTL_FD, SYS_sethostname, SYS_setdomainname,
	SYS_clock_adjtime, SYS_adjtimex, NR_CLOCK_SETTIME64,
	NR_CLOCK_ADJTIME64,
	/* what not every architecture has, or not by this name with musl */
#ifdef SYS_settimeofday
	SYS_settimeofday,
#endif
#ifdef SYS_clock_settime
	SYS_clock_settime,
#endif
#ifdef SYS_stime
	SYS_stime,
#endif
#ifdef SYS_umount
	SYS_umount,
#endif
#ifdef SYS_kexec_file_load
	SYS_kexec_file_load,
#endif
#ifdef SYS_iopl
	SYS_iopl, SYS_ioperm,
#endif
#ifdef SYS_modify_ldt
	SYS_modify_ldt,
#endif
#ifdef SYS_setuid32
	SYS_setuid32, SYS_setgid32, SYS_setreuid32, SYS_setregid32,
	SYS_setresuid32, SYS_setresgid32, SYS_setfsuid32, SYS_setfsgid32,
	SYS_setgroups32,
#endif
};

/* Refused unless a module is at work, which may have its ways. */
static const int refused_to_us[] = {
	/* other programs, processes of our own */
	SYS_execve, SYS_execveat,
#ifdef SYS_fork
	SYS_fork, SYS_vfork,
#endif
	/* how fast other processes of ours run, and where */
	SYS_setpriority, SYS_ioprio_set, SYS_sched_setscheduler,
	SYS_sched_setparam, SYS_sched_setattr, SYS_sched_setaffinity,
	/* files of ours for others: modes, owners, lists, set-user-ID */
	SYS_fchmod, SYS_fchmodat, NR_FCHMODAT2, SYS_fchown, SYS_fchownat,
	SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr, NR_SETXATTRAT,
	NR_FILE_SETATTR,
#ifdef SYS_chmod	/* older architectures: what newer ones say with "at" */
	SYS_chmod, SYS_chown, SYS_lchown, SYS_mknod,
#endif
#ifdef SYS_fchown32
	SYS_fchown32, SYS_chown32, SYS_lchown32,
#endif
	/* a way in from outside */
	SYS_listen, SYS_accept4,
#ifdef SYS_accept
	SYS_accept,
#endif
};
#define CALLS_MAX (sizeof refused / sizeof *refused + \
	sizeof refused_to_us / sizeof *refused_to_us)

#ifdef __s390x__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif

/* Judged by the low word of one argument. */
#define VALUES_MAX 8
struct argument_rule {
	uint32_t	call;
	int		argument, error;
	uint16_t	test;		/* BPF_JEQ, or BPF_JSET for flags */
	bool		is_refused;	/* these values; else all others */
	uint8_t		count;
	uint32_t	values[VALUES_MAX];
};

static const struct argument_rule by_argument[] = {
	/* What connections, the log and a look at our addresses need.  The second
	 * could load a module for others just as well. */
	{ SYS_socket, 0, EAFNOSUPPORT, BPF_JEQ, false, 4,
	    { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK } },
	{ SYS_socketpair, 0, EAFNOSUPPORT, BPF_JEQ, false, 1, { AF_UNIX } },
	/* Typing into the caller's terminal, or making another thing of it; a
	 * signal to whoever is named when something comes. */
	{ SYS_ioctl, 1, EPERM, BPF_JEQ, true, 7, { TIOCSTI, TIOCLINUX,
	    TIOCSETD, TIOCSPGRP, TIOCSIG, FIOSETOWN, SIOCSPGRP } },
	{ SYS_fcntl, 1, EPERM, BPF_JEQ, true, 3,
	    { F_SETOWN, F_SETSIG, F_SETOWN_EX } },
#ifdef SYS_fcntl64
	{ SYS_fcntl64, 1, EPERM, BPF_JEQ, true, 3,
	    { F_SETOWN, F_SETSIG, F_SETOWN_EX } },
#endif
};

/* The same, unless a module is at work. */
static const struct argument_rule by_argument_to_us[] = {
	/* Threads are no processes. */
	{ SYS_clone, CLONE_FLAGS, EPERM, BPF_JSET, false, 1, { CLONE_THREAD } },
	/* listen, accept, accept4.  Of socket there, its older way that C
	 * libraries still take on i386 and s390x, the family is in memory, where
	 * it cannot be judged. */
#ifdef SYS_socketcall
	{ SYS_socketcall, 0, EPERM, BPF_JEQ, true, 3, { 4, 5, 18 } },
#endif
};

/* A filter in the making. */
struct filter {
	struct sock_filter	code[3 * CALLS_MAX + 128];
	unsigned short		len;
};

static void
add(struct filter *f, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	if (f->len < sizeof f->code / sizeof *f->code)
		f->code[f->len++] = (struct sock_filter){ .code = code,
		    .jt = yes, .jf = no, .k = k };
}

static void
load(struct filter *f, size_t offset)
{
	add(f, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void
end(struct filter *f, uint32_t verdict)
{
	add(f, BPF_RET | BPF_K, verdict, 0, 0);
}

static size_t
low_word(int argument)
{
	size_t at = offsetof(struct seccomp_data, args) +
	    (size_t)argument * sizeof (uint64_t);

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	at += sizeof (uint32_t);
#endif
	return at;
}

/* Loads the argument over the number of the call, and so decides for good. */
static void
judge(struct filter *f, const struct argument_rule *r)
{
	uint32_t error = SECCOMP_RET_ERRNO | (uint32_t)r->error;
	uint8_t i;

	add(f, BPF_JMP | BPF_JEQ | BPF_K, r->call, 0,
	    (uint8_t)(r->count + 3));
	load(f, low_word(r->argument));
	for (i = 0; i < r->count; i++)
		add(f, (uint16_t)(BPF_JMP | r->test | BPF_K), r->values[i],
		    (uint8_t)(r->count - i), 0);
	end(f, r->is_refused ? SECCOMP_RET_ALLOW : error);
	end(f, r->is_refused ? error : SECCOMP_RET_ALLOW);
}

static void
judge_all(struct filter *f, const struct argument_rule *rules, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		judge(f, &rules[i]);
}
#define JUDGE(f, rules) judge_all(f, rules, \
    sizeof (rules) / sizeof *(rules))

/* Calls that name a process: a signal to oneself is abort(3), and one's own
 * limits, which 0 means too, are one's own. */
static void
keep_to_itself(struct filter *f)
{
	uint32_t own = (uint32_t)getpid();
	const struct argument_rule rules[] = {
		{ SYS_kill, 0, EPERM, BPF_JEQ, false, 1, { own } },
		{ SYS_tkill, 0, EPERM, BPF_JEQ, false, 1, { own } },
		{ SYS_tgkill, 0, EPERM, BPF_JEQ, false, 1, { own } },
		{ SYS_prlimit64, 0, EPERM, BPF_JEQ, false, 2, { 0, own } },
	};

	JUDGE(f, rules);
}

static int
by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* A search tree over the numbers at which the verdict changes.  A call with an
 * even count of them at or below it is allowed, by the instruction at
 * `verdicts`; the next refuses the others.  That is one instruction for each
 * change: to take a filter the kernel translates it, and tries each number that
 * it knows. */
static void
search(struct filter *f, const uint32_t *edges, size_t first, size_t count,
    size_t verdicts)
{
	size_t half = count / 2, rest = count - half - 1, at = f->len, yes, no;

	add(f, BPF_JMP | BPF_JGE | BPF_K, edges[first + half], 0, 0);
	no = half == 0 ? verdicts + first % 2 : f->len;
	if (half != 0)
		search(f, edges, first, half, verdicts);
	yes = rest == 0 ? verdicts + (first + count) % 2 : f->len;
	if (rest != 0)
		search(f, edges, first + half + 1, rest, verdicts);
	f->code[at].jt = (uint8_t)(yes - at - 1);
	f->code[at].jf = (uint8_t)(no - at - 1);
}

/* Where runs of refused numbers begin, and end. */
static size_t
find_edges(uint32_t *edges, const int *calls, size_t count)
{
	size_t n = 0, i;

	for (i = 0; i < count; i++) {
		if (n != 0 && edges[n - 1] == (uint32_t)calls[i])
			n--;
		else
			edges[n++] = (uint32_t)calls[i];
		edges[n++] = (uint32_t)calls[i] + 1;
	}
	return n;
}

static void
refuse_listed(struct filter *f, bool with_modules)
{
	uint32_t edges[2 * CALLS_MAX];
	int calls[CALLS_MAX];
	size_t count = sizeof refused / sizeof *refused;

	/* As far as a jump gets. */
	_Static_assert(2 * CALLS_MAX < UINT8_MAX, "too many calls");
	memcpy(calls, refused, sizeof refused);
	if (!with_modules) {
		memcpy(calls + count, refused_to_us, sizeof refused_to_us);
		count += sizeof refused_to_us / sizeof *refused_to_us;
	}
	qsort(calls, count, sizeof *calls, by_number);
	count = find_edges(edges, calls, count);
	search(f, edges, 0, count, f->len + count);
	end(f, SECCOMP_RET_ALLOW);
	end(f, SECCOMP_RET_ERRNO | EPERM);
}

static void
write_filter(struct filter *f, bool with_modules)
{
	/* Its flags are in memory, where they cannot be judged: the C library
	 * takes clone(2) where there is no clone3. */
	const struct argument_rule clone3 = { .call = NR_CLONE3,
	    .error = ENOSYS };

	load(f, offsetof(struct seccomp_data, arch));
	add(f, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
	end(f, SECCOMP_RET_KILL_PROCESS);
	load(f, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
	/* x32's numbers; but all bits are a call that a tracer has skipped. */
	add(f, BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 2);
	add(f, BPF_JMP | BPF_JEQ | BPF_K, UINT32_MAX, 1, 0);
	end(f, SECCOMP_RET_KILL_PROCESS);
#endif
	judge(f, &clone3);
	JUDGE(f, by_argument);
	if (!with_modules) {
		JUDGE(f, by_argument_to_us);
		keep_to_itself(f);
	}
	refuse_listed(f, with_modules);
}

bool
sandbox_refuse_system_calls(const struct sandbox_rules *rules)
{
	struct filter f = { .len = 0 };
	struct sock_fprog program = { .filter = f.code };

	write_filter(&f, rules->with_modules);
	program.len = f.len;
	/* Not by seccomp(2), see has_filter() in sandbox.c. */
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0L,
	    0L) == 0;
}

#else

bool
sandbox_refuse_system_calls(const struct sandbox_rules *rules)
{
	(void)rules;
	return false;
}

#endif
#endif
