/* SPDX-License-Identifier: ISC
 *
 * Every unit test: one file, one suite.  Define `static TCase *cases[]`-style
 * setup in suite() and end the file with CHECK_MAIN.
 */
#ifndef CHECK_MAIN_H
#define CHECK_MAIN_H

#include <check.h>
#include <stdlib.h>

#define CHECK_MAIN(suite_function)					\
int									\
main(void)								\
{									\
	SRunner *runner = srunner_create(suite_function());		\
	int failed;							\
									\
	srunner_run_all(runner, CK_ENV);				\
	failed = srunner_ntests_failed(runner);				\
	srunner_free(runner);						\
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;		\
}

#endif
