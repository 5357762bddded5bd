/* SPDX-License-Identifier: ISC
 *
 * What the sanitizers are to do in programs that leave nothing of their
 * environment, and so of ASAN_OPTIONS, to what they start.  Only in builds with
 * --enable-sanitizers.
 */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

/* The leak checker traces its own process from another, which the sandbox
 * refuses; test_leaks.py asks valgrind instead. */
const char *
__asan_default_options(void)
{
	return "detect_leaks=0:detect_stack_use_after_return=1";
}

const char *
__ubsan_default_options(void)
{
	return "print_stacktrace=1";
}
