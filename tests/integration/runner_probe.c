/* SPDX-License-Identifier: ISC
 *
 * A queue run for test_runner.py:
 *
 *	runner_probe CONFIG LINGER-MS [plain|force|detached] [RECIPIENT]
 *
 * Prints "tried delivered deferred failed".  With `start` instead of a word it
 * starts itself detached and prints the result of that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "queue/runner.h"

static int
start(char **argv)
{
	char linger[] = "0", word[] = "detached";
	char *words[] = { argv[0], argv[1], linger, word, NULL };
	struct status st = STATUS_INIT;

	printf("%d\n", runner_start_detached(words, &st));
	return st.sysexit;
}

int
main(int argc, char **argv)
{
	struct config_source source = {
		.path = argc > 1 ? argv[1] : NULL,
		.trust.owner = geteuid(), .given = true
	};
	struct runner_options o = { .linger_ms = 0 };
	struct runner_counts counts = { 0 };
	struct status st = STATUS_INIT;
	struct config c;

	if (argc < 3)
		return EX_USAGE;
	if (argc > 3 && strcmp(argv[3], "start") == 0)
		return start(argv);
	o.linger_ms = strtol(argv[2], NULL, 10);
	if (argc > 3) {
		o.ignore_times = strcmp(argv[3], "force") == 0;
		o.is_detached = strcmp(argv[3], "detached") == 0;
	}
	if (argc > 4)
		o.recipient = argv[4];
	if (config_load(&c, &source, &st) == -1 ||
	    log_open("mailbearer", c.log, &st) == -1 ||
	    runner_run(&c, &o, &counts, &st) == -1) {
		fprintf(stderr, "%s\n", st.text);
		return st.sysexit;
	}
	printf("%zu %zu %zu %zu\n", counts.tried, counts.delivered,
	    counts.deferred, counts.failed);
	config_release(&c);
	return 0;
}
