/* SPDX-License-Identifier: ISC */
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DESCRIPTORS	64

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *p);
extern int __sigaction(int number, const struct sigaction *action,
	    struct sigaction *before);

struct fault_file *fault;
static bool in_child;
static int generation;

bool
fault_in_child(void)
{
	return in_child;
}

/* For a tracer that wants this child alone.  It knows that it has it by the calls
 * of sched_yield(2). */
static void
wait_for_tracer(void)
{
	const struct timespec pause = { .tv_nsec = 1000 * 1000 };
	int64_t nobody = 0;

	if (!__atomic_compare_exchange_n(&fault->waiting, &nobody, getpid(),
	    false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return;
	while (__atomic_load_n(&fault->go, __ATOMIC_SEQ_CST) == 0) {
		sched_yield();
		nanosleep(&pause, NULL);
	}
}

static void
note_child(void)
{
	in_child = true;
	if (++generation == fault->held)
		wait_for_tracer();
}

static void
crash(int number)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };

	stack_print(fault->crashed, sizeof fault->crashed);
	__sigaction(number, &sa, NULL);
	raise(number);
}

/* privilege_start() puts all signals back, but these stay ours. */
int
sigaction(int number, const struct sigaction *action, struct sigaction *before)
{
	if (fault != NULL && action != NULL &&
	    (number == SIGSEGV || number == SIGABRT))
		action = NULL;
	return __sigaction(number, action, before);
}

/* Before main() and its privilege_start(), which leaves nothing of the
 * environment or of open descriptors. */
__attribute__((constructor)) static void
start(void)
{
	struct sigaction sa = { .sa_handler = crash };
	const char *path = getenv("FAULT_FILE");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p;

	if (fd == -1)
		return;
	p = mmap(NULL, sizeof *fault, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return;
	__sigaction(SIGSEGV, &sa, NULL);
	__sigaction(SIGABRT, &sa, NULL);
	pthread_atfork(NULL, NULL, note_child);
	fault = p;
}

/* As the kernel has it: what is closed is closed, whatever is said.  strace would
 * leave it open. */
int
close(int fd)
{
	if (syscall(SYS_close, fd) == -1)
		return -1;
	if (fault == NULL || in_child ||
	    __atomic_add_fetch(&fault->closed, 1, __ATOMIC_RELAXED) !=
	    fault->closing)
		return 0;
	errno = EIO;
	stack_print(fault->failed, sizeof fault->failed);
	return -1;
}

/* Not where somebody calls _exit(): what is open there is open for a reason. */
__attribute__((destructor)) static void
stop(void)
{
	int fd;

	if (fault == NULL || in_child)
		return;
	fault->descriptors = 0;
	for (fd = STDERR_FILENO + 1; fd < DESCRIPTORS; fd++)
		fault->descriptors += fcntl(fd, F_GETFD) != -1;
}

static void
record(int64_t number)
{
	struct stack s;
	int64_t i;

	stack_take(&s);
	i = __atomic_fetch_add(&fault->used, 1, __ATOMIC_RELAXED);
	if (i >= FAULT_SITES)
		return;
	fault->sites[i].site = s.site;
	fault->sites[i].own = s.own;
	fault->sites[i].number = number;
}

/* Whether it is this one's turn. */
static bool
is_wanted(int64_t number)
{
	struct stack s;

	if (fault->hit != 0)
		return fault->lasting != 0;
	if (fault->site == 0 && (number == 0 || number != fault->wanted))
		return false;
	stack_take(&s);
	if (fault->site != 0 && fault->site != s.site)
		return false;
	fault->hit = s.site;
	stack_print(fault->failed, sizeof fault->failed);
	return true;
}

static bool
fails(void)
{
	int64_t number = 0;

	if (fault == NULL)
		return false;
	if (!in_child)
		number = __atomic_add_fetch(&fault->count, 1, __ATOMIC_RELAXED);
	if (fault->record != 0)
		record(number);
	if (!is_wanted(number))
		return false;
	errno = ENOMEM;
	return true;
}

void *
malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

/* A block that cannot grow where it is leaves a copy behind. */
void *
realloc(void *p, size_t size)
{
	size_t before = p != NULL && fault != NULL ? malloc_usable_size(p) : 0;
	void *q;

	if (fails())
		return NULL;
	if (before == 0 || size <= before)
		return __libc_realloc(p, size);
	if ((q = __libc_malloc(size)) != NULL) {
		memcpy(q, p, before);
		free(p);
	}
	return q;
}

void *
reallocarray(void *p, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, total);
}

int
posix_memalign(void **to, size_t alignment, size_t size)
{
	if (fails())
		return ENOMEM;
	*to = __libc_memalign(alignment, size);
	return *to != NULL ? 0 : ENOMEM;
}

void *
aligned_alloc(size_t alignment, size_t size)
{
	return fails() ? NULL : __libc_memalign(alignment, size);
}

void
free(void *p)
{
	int error = errno;

	if (p != NULL && fault != NULL)
		secrets_look(p, malloc_usable_size(p));
	__libc_free(p);
	errno = error;
}
