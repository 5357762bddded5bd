/* SPDX-License-Identifier: ISC
 *
 * Calls a fuzz target once for each file of the directories that are given; with
 * none, for each of the target's corpus in the source tree, so that make check
 * replays every input that was ever a finding.
 */
#include "fuzz.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define INPUT_MAX (1 << 20)

/* The bytes go into a block of just their size: one byte too many is seen. */
static void
replay(FILE *f)
{
	static uint8_t bytes[INPUT_MAX];
	size_t size = fread(bytes, 1, sizeof bytes, f);
	uint8_t *exact = malloc(size != 0 ? size : 1);

	if (exact == NULL)
		abort();
	memcpy(exact, bytes, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

/* Returns how many files there were. */
static int
replay_directory(const char *directory)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *d = opendir(directory);
	FILE *f;
	int count = 0;

	if (d == NULL)
		return 0;
	while ((entry = readdir(d)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
		if ((f = fopen(path, "rb")) == NULL)
			continue;
		/* Shown by the test's log when the target dies. */
		printf("%s\n", path);
		fflush(stdout);
		replay(f);
		fclose(f);
		count++;
	}
	closedir(d);
	return count;
}

/* tests/fuzz/corpus/NAME for the program fuzz_NAME. */
static void
own_corpus(const char *program, char *path, size_t size)
{
	const char *name = strrchr(program, '/'), *srcdir = getenv("srcdir");

	name = name != NULL ? name + 1 : program;
	if (strncmp(name, "fuzz_", 5) == 0)
		name += 5;
	snprintf(path, size, "%s/tests/fuzz/corpus/%s",
	    srcdir != NULL ? srcdir : ".", name);
}

int
main(int argc, char *argv[])
{
	char path[PATH_MAX];
	int i, count = 0;

	for (i = 1; i < argc; i++)
		count += replay_directory(argv[i]);
	if (argc == 1) {
		own_corpus(argv[0], path, sizeof path);
		count = replay_directory(path);
	}
	printf("%d inputs\n", count);
	return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
