/* SPDX-License-Identifier: ISC
 *
 * For LD_PRELOAD: memory runs out.  FAULT_FILE names a file of two 64-bit
 * numbers.  The first is the allocation that fails, counted from 1 (0: none; a
 * negative number: that one and all that follow); the second is counted up, so
 * that a run without a fault tells how many there are.  glibc only, because of
 * what stands in for dlsym(), which allocates.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

struct fault {
	int64_t	wanted, count;
};

static struct fault *fault;

/* Before main() and its privilege_start(), which leaves nothing of the
 * environment or of open descriptors. */
__attribute__((constructor)) static void
start(void)
{
	const char *path = getenv("FAULT_FILE");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p;

	if (fd == -1)
		return;
	p = mmap(NULL, sizeof *fault, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (p != MAP_FAILED)
		fault = p;
}

static bool
fails(void)
{
	int64_t n;

	if (fault == NULL)
		return false;
	n = ++fault->count;
	if (n != fault->wanted &&
	    (fault->wanted >= 0 || n < -fault->wanted))
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

void *
realloc(void *p, size_t size)
{
	return fails() ? NULL : __libc_realloc(p, size);
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
