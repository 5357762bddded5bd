/* SPDX-License-Identifier: ISC
 *
 * For LD_PRELOAD: memory runs out where a test says, what is freed is looked
 * through for secrets, and a crash says where it was.  FAULT_FILE names a file of
 * one struct fault_file, which the program and its forked children share.
 *
 * A site is a place in the program from which memory is asked for: all return
 * addresses up to main(), as one number.  It is the same in each run, whatever
 * the addresses are.  glibc only: its names stand in for dlsym(), which allocates.
 */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAULT_SITES	131072
#define FAULT_SECRETS	16
#define FAULT_TEXT	4096

/* tests/integration/fault_file.py knows this by number. */
struct fault_file {
	/* What is wanted.  The allocation that fails, counted from 1, of the first
	 * process; or the first that comes from a site.  0: none. */
	int64_t		wanted;
	uint64_t	site;
	int64_t		lasting;	/* and all that follow fail too */
	int64_t		record;		/* list the sites */
	int64_t		closing;	/* the close(2) that says EIO, from 1 */
	int64_t		held;		/* 1: the first child of the process, 2: of
					 * that one, ...: waits for go, 0: none */
	int64_t		go;
	/* What came of it. */
	int64_t		count;		/* allocations of the first process */
	uint64_t	hit;		/* the site that failed, 0: none did */
	int64_t		descriptors;	/* open when main() had returned, else -1 */
	int64_t		used;		/* of sites[] */
	int64_t		closed;		/* calls of close(2) in main() and below */
	int64_t		waiting;	/* who waits for go */
	char		secrets[FAULT_SECRETS][128];
	char		failed[FAULT_TEXT];	/* the stacks: of the fault, */
	char		freed[FAULT_TEXT];	/* of the first secret freed, */
	char		crashed[FAULT_TEXT];	/* and of a crash */
	struct {
		uint64_t	site;
		uint64_t	own;	/* the same of our own code alone */
		int64_t		number;	/* 0: of a child */
	} sites[FAULT_SITES];
};

struct stack {
	uint64_t	site, own;
};

extern struct fault_file *fault;

/* In a process that was forked without an exec. */
bool	fault_in_child(void);

/* Who called the function that calls this. */
void	stack_take(struct stack *s);
/* The same for people, "object:function+offset" a line, innermost first.  Of a
 * function that is not exported there is no name. */
void	stack_print(char *to, size_t size);

/* Says so once, if there is a secret in what is to be freed. */
void	secrets_look(const void *block, size_t size);

#endif
