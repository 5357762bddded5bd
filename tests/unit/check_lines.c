/* SPDX-License-Identifier: ISC */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/lines.h"
#include "check_main.h"

#define LENGTH(a) (sizeof (a) / sizeof *(a))

/* A pipe that holds these bytes and then ends. */
static int
pipe_of(const void *bytes, size_t len)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(write(ends[1], bytes, len), (ssize_t)len);
	close(ends[1]);
	return ends[0];
}

static const struct {
	const char *in, *lines[5];	/* in a buffer of 8 */
	bool too_long[5];
} commands[] = {
	{ "", { NULL }, { 0 } },
	{ "\n", { "" }, { 0 } },
	{ "QUIT\r\n", { "QUIT" }, { 0 } },
	{ "QUIT\n", { "QUIT" }, { 0 } },
	{ "QUIT\r\r\n", { "QUIT" }, { 0 } },
	{ "QUIT", { "QUIT" }, { 0 } },
	{ "a\r\nb\n\r\nc", { "a", "b", "", "c" }, { 0 } },
	{ "a\rb\n", { "a\rb" }, { 0 } },
	{ "1234567\r\nx\n", { "1234567", "x" }, { 0 } },
	{ "12345678\r\nx\n", { "1234567", "x" }, { true } },
	{ "1234567890123456\nx\n", { "1234567", "x" }, { true } },
};

START_TEST(commands_are_cut_and_bounded)
{
	int fd = pipe_of(commands[_i].in, strlen(commands[_i].in)), i;
	struct status st = STATUS_INIT;
	struct line_source s;
	bool too_long;
	char line[8];
	size_t len;

	line_source_init(&s, fd);
	for (i = 0; commands[_i].lines[i] != NULL; i++) {
		ck_assert_int_eq(line_source_next(&s, line, sizeof line, &len,
		    &too_long, &st), 1);
		ck_assert_str_eq(line, commands[_i].lines[i]);
		ck_assert_uint_eq(len, strlen(line));
		ck_assert(too_long == commands[_i].too_long[i]);
	}
	ck_assert_int_eq(line_source_next(&s, line, sizeof line, &len,
	    &too_long, &st), 0);
	ck_assert_int_eq(line_source_next(&s, line, sizeof line, &len,
	    &too_long, &st), 0);
	line_source_release(&s);
	close(fd);
}
END_TEST

START_TEST(a_line_longer_than_the_buffer_is_one_line)
{
	size_t size = 3 * LINES_BUFFER, len;
	char *text = malloc(size), line[8];
	struct status st = STATUS_INIT;
	struct line_source s;
	bool too_long;
	FILE *file = tmpfile();

	memset(text, 'a', size);
	memcpy(text + size - 4, "\r\nb\n", 4);
	ck_assert_uint_eq(fwrite(text, 1, size, file), size);
	rewind(file);
	line_source_init(&s, fileno(file));
	ck_assert_int_eq(line_source_next(&s, line, sizeof line, &len,
	    &too_long, &st), 1);
	ck_assert(too_long);
	ck_assert_str_eq(line, "aaaaaaa");
	ck_assert_int_eq(line_source_next(&s, line, sizeof line, &len,
	    &too_long, &st), 1);
	ck_assert(!too_long);
	ck_assert_str_eq(line, "b");
	line_source_release(&s);
	fclose(file);
	free(text);
}
END_TEST

START_TEST(what_is_not_taken_stays)
{
	int fd = pipe_of("one\ntwo\nthr", 11);
	struct status st = STATUS_INIT;
	struct line_source s;
	const char *text;

	line_source_init(&s, fd);
	ck_assert_int_eq(line_source_peek_line(&s, &text, &st), 4);
	ck_assert_int_eq(strncmp(text, "one\n", 4), 0);
	ck_assert_int_eq(line_source_peek(&s, &text, &st), 8);
	line_source_take(&s, 4);
	ck_assert_int_eq(line_source_peek(&s, &text, &st), 4);
	ck_assert_int_eq(strncmp(text, "two\n", 4), 0);
	line_source_take(&s, 4);
	ck_assert_int_eq(line_source_peek(&s, &text, &st), 3);
	line_source_take(&s, 3);
	ck_assert_int_eq(line_source_peek(&s, &text, &st), 0);
	line_source_release(&s);
	close(fd);
}
END_TEST

START_TEST(a_failing_read_is_said)
{
	int fd = open("/", O_RDONLY | O_DIRECTORY);
	struct status st = STATUS_INIT;
	struct line_source s;
	const char *text;

	line_source_init(&s, fd);
	ck_assert_int_eq(line_source_peek(&s, &text, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_IOERR);
	line_source_drain(&s);
	line_source_release(&s);
	close(fd);
}
END_TEST

START_TEST(draining_reads_to_the_end)
{
	char bytes[30000] = { 0 };
	int fd = pipe_of(bytes, sizeof bytes);
	struct status st = STATUS_INIT;
	struct line_source s;
	const char *text;

	line_source_init(&s, fd);
	line_source_drain(&s);
	ck_assert_int_eq(read(fd, bytes, 1), 0);
	ck_assert_int_eq(line_source_peek(&s, &text, &st), 0);
	line_source_release(&s);
	close(fd);
}
END_TEST

START_TEST(a_non_blocking_pipe_is_waited_for)
{
	struct status st = STATUS_INIT;
	struct line_source s;
	const char *text;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_ne(fcntl(ends[0], F_SETFL, O_NONBLOCK), -1);
	if (fork() == 0) {
		usleep(50000);
		_exit(write(ends[1], "late\n", 5) == 5 ? 0 : 1);
	}
	close(ends[1]);
	line_source_init(&s, ends[0]);
	ck_assert_int_eq(line_source_peek(&s, &text, &st), 5);
	line_source_release(&s);
	close(ends[0]);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("lines");
	TCase *t = tcase_create("lines");

	tcase_add_loop_test(t, commands_are_cut_and_bounded, 0,
	    LENGTH(commands));
	tcase_add_test(t, a_line_longer_than_the_buffer_is_one_line);
	tcase_add_test(t, what_is_not_taken_stays);
	tcase_add_test(t, a_failing_read_is_said);
	tcase_add_test(t, draining_reads_to_the_end);
	tcase_add_test(t, a_non_blocking_pipe_is_waited_for);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
