/* SPDX-License-Identifier: ISC
 *
 * A fuzz target is one function.  libFuzzer calls it with what it makes up
 * (configure --enable-fuzzing; make fuzz), replay.c with the corpus in the tree
 * (make check).
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Returns 0, or dies: a crash is a finding, and so is a broken promise. */
int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the header of the module promises about every input. */
#define FUZZ_PROMISE(condition)						\
	do {								\
		if (!(condition))					\
			abort();					\
	} while (0)

#endif
