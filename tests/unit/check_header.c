/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "base/xalloc.h"
#include "mail/header.h"
#include "check_main.h"
#include "../header_text.h"

#define LENGTH(a) (sizeof (a) / sizeof *(a))

static const char section[] =
    "Received: from a\r\n\tby b;\r\n Sat, 21 Nov 2026\r\n"
    "From: Ann <a@x.org>\r\n"
    "to:b@x.org\r\n"
    "Bcc : hidden@x.org\r\n"
    "X-Empty:\r\n"
    "To: c@x.org \r\n";

static struct header
parsed(const char *text)
{
	struct header h = HEADER_INIT;
	struct status st = STATUS_INIT;

	ck_assert_int_eq(header_parse(&h, text, strlen(text), &st), 0);
	return h;
}

static void
assert_formats(const struct header *h, const char *expected)
{
	struct buf b;

	buf_init(&b, 4 << 20);
	header_text(h, &b);
	ck_assert_str_eq(b.data, expected);
	buf_release(&b);
}

START_TEST(a_section_is_read_and_written_back)
{
	struct header h = parsed(section);

	ck_assert_uint_eq(h.count, 6);
	ck_assert_str_eq(h.fields[0].name, "Received");
	ck_assert_str_eq(h.fields[2].name, "to");
	ck_assert_str_eq(h.fields[2].body, "b@x.org");
	ck_assert_str_eq(h.fields[3].name, "Bcc");
	ck_assert_str_eq(h.fields[4].body, "");
	header_delete(&h, 3);
	assert_formats(&h,
	    "Received: from a\r\n\tby b;\r\n Sat, 21 Nov 2026\r\n"
	    "From: Ann <a@x.org>\r\n"
	    "to:b@x.org\r\n"
	    "X-Empty:\r\n"
	    "To: c@x.org \r\n");
	header_release(&h);
	ck_assert_uint_eq(h.count, 0);
}
END_TEST

START_TEST(fields_are_found_and_removed)
{
	struct header h = parsed(section);
	char *value;

	ck_assert_int_eq(header_find(&h, "TO", 0), 2);
	ck_assert_int_eq(header_find(&h, "To", 3), 5);
	ck_assert_int_eq(header_find(&h, "To", 6), -1);
	ck_assert_int_eq(header_find(&h, "Tom", 0), -1);
	value = header_value(&h, "received");
	ck_assert_str_eq(value, "from a\tby b; Sat, 21 Nov 2026");
	free(value);
	value = header_value(&h, "X-Empty");
	ck_assert_str_eq(value, "");
	free(value);
	ck_assert(header_value(&h, "Subject") == NULL);
	ck_assert_uint_eq(header_remove(&h, "bCC"), 1);
	ck_assert_uint_eq(header_remove(&h, "To"), 2);
	ck_assert_uint_eq(header_remove(&h, "To"), 0);
	ck_assert_uint_eq(h.count, 3);
	header_release(&h);
}
END_TEST

static const struct {
	const char *in, *out;
} sections[] = {
	{ "", "" },
	{ "From a@x.org Sat Nov 21 20:49:06 2026\r\nTo: b\r\n", "To: b\r\n" },
	{ ">From a@x.org Sat Nov 21 20:49:06 2026\r\nTo: b\r\n", "To: b\r\n" },
	{ "From : a@x.org\r\n", "From: a@x.org\r\n" },
	{ "To \t : b\r\n", "To: b\r\n" },
	{ "Subject:x", "Subject:x\r\n" },
	{ "Subject: a\r\n \r\n b\r\n", "Subject: a\r\n b\r\n" },
	{ "Subject: a\r\n \r\n\t\r\nTo: b\r\n", "Subject: a\r\nTo: b\r\n" },
	{ "To: a,\n b\n", "To: a,\r\n b\r\n" },
	{ "X: a\rb\r\n", "X: a b\r\n" },
	{ "X: \xc3\xbc\xff\r\n", "X: \xc3\xbc\xff\r\n" },
};

START_TEST(odd_sections_are_read)
{
	struct header h = parsed(sections[_i].in);

	assert_formats(&h, sections[_i].out);
	header_release(&h);
}
END_TEST

static const char *const no_sections[] = {
	"no field\r\n", " begins with a fold\r\n", ": no name\r\n",
	"To: a\r\n\r\n", "To: a\r\nFrom b\r\n", "T\xc3\xb6: a\r\n",
};

START_TEST(what_is_no_field_is_refused)
{
	struct header h = HEADER_INIT;
	struct status st = STATUS_INIT;

	ck_assert_int_eq(header_parse(&h, no_sections[_i],
	    strlen(no_sections[_i]), &st), -1);
	ck_assert_int_eq(st.sysexit, EX_DATAERR);
	header_release(&h);
}
END_TEST

START_TEST(limits_hold)
{
	struct header h = HEADER_INIT;
	struct status st = STATUS_INIT;
	struct buf b;
	int i;

	buf_init(&b, 4 << 20);
	for (i = 0; i < HEADER_FIELDS_MAX; i++)
		buf_addstr(&b, "X: y\r\n");
	ck_assert_int_eq(header_parse(&h, b.data, b.len, &st), 0);
	header_release(&h);
	buf_addstr(&b, "X: y\r\n");
	ck_assert_int_eq(header_parse(&h, b.data, b.len, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_DATAERR);
	header_release(&h);
	buf_reset(&b);
	buf_addstr(&b, "X: ");
	while (b.len <= HEADER_MAX)
		buf_addstr(&b, "0123456789");
	ck_assert_int_eq(header_parse(&h, b.data, b.len, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_DATAERR);
	header_release(&h);
	buf_release(&b);
}
END_TEST

START_TEST(nuls_do_not_cut_a_field)
{
	static const char text[] = "X: a\0b\r\n \0\r \r\n c\r\n";
	struct header h = HEADER_INIT;
	struct status st = STATUS_INIT;

	ck_assert_int_eq(header_parse(&h, text, sizeof text - 1, &st), 0);
	assert_formats(&h, "X: a b\r\n c\r\n");
	header_release(&h);
}
END_TEST

#define W10 "123456789 "
#define W70 W10 W10 W10 W10 W10 W10 W10

static const struct {
	const char *body, *out;
} bodies[] = {
	{ "x", "Name: x\r\n" },
	{ " x", "Name: x\r\n" },
	{ "", "Name:\r\n" },
	{ "x\r\nBcc: evil", "Name: x  Bcc: evil\r\n" },
	{ "x\nBcc: evil", "Name: x Bcc: evil\r\n" },
	{ "x\r\n\r\nbody", "Name: x    body\r\n" },
	{ "x\r\n y", "Name: x\r\n y\r\n" },
	{ "x\n\ty", "Name: x\r\n\ty\r\n" },
	{ "x\r\n \r\n y", "Name: x\r\n y\r\n" },
	{ "x\r", "Name: x \r\n" },
	{ W70 "78", "Name: " W70 "78\r\n" },
	{ W70 "789", "Name: 123456789 123456789 123456789 123456789 123456789 "
	  "123456789 123456789\r\n 789\r\n" },
	{ W70 W70 "x", "Name: 123456789 123456789 123456789 123456789 "
	  "123456789 123456789 123456789\r\n 123456789 123456789 123456789 "
	  "123456789 123456789 123456789 123456789 x\r\n" },
};

START_TEST(added_bodies_are_folded_and_clean)
{
	struct header h = HEADER_INIT;

	header_append(&h, "Name", bodies[_i].body);
	assert_formats(&h, bodies[_i].out);
	header_set(&h, 0, bodies[_i].body);
	assert_formats(&h, bodies[_i].out);
	header_release(&h);
}
END_TEST

START_TEST(fields_are_added_where_asked)
{
	struct header h = parsed("B: 2\r\n");

	header_append(&h, "C", "3");
	header_set(&h, 0, "two");
	assert_formats(&h, "B: two\r\nC: 3\r\n");
	header_release(&h);
}
END_TEST

/* Lines that are sent, checked one by one; returns the text without folds. */
static char *
unfolded(const struct buf *b)
{
	const char *p = b->data, *end;
	struct buf text;

	buf_init(&text, 4 << 20);
	while ((end = memchr(p, '\r', b->len - (size_t)(p - b->data))) != NULL) {
		ck_assert_int_eq(end[1], '\n');
		ck_assert_uint_le((size_t)(end - p), 998);
		buf_add(&text, p, (size_t)(end - p));
		while (p < end && (*p == ' ' || *p == '\t'))
			p++;
		ck_assert(p < end);
		p = end + 2;
	}
	ck_assert_str_eq(p, "");
	return buf_detach(&text);
}

/* The repeated part of a megabyte-long field body. */
static const char *const fillers[] = {
	"x", "word ", " ", "\xc3\xbc", "\xe2\x82\xac", "x\r\n y", "\t x",
	"long-word-without-any-blank-in-it,", "x  ",
};

START_TEST(long_lines_are_broken)
{
	struct header h = HEADER_INIT;
	struct status st = STATUS_INIT;
	struct buf in, out;
	char *text;

	buf_init(&in, HEADER_MAX);
	buf_init(&out, 4 << 20);
	buf_addstr(&in, "Subject: begin ");
	while (in.len < 300000)
		buf_addstr(&in, fillers[_i]);
	buf_addstr(&in, "end\r\n");
	ck_assert_int_eq(header_parse(&h, in.data, in.len, &st), 0);
	header_text(&h, &out);
	text = unfolded(&out);
	ck_assert_int_eq(strncmp(text, "Subject: begin", 14), 0);
	ck_assert_str_eq(text + strlen(text) - 3, "end");
	free(text);
	/* The same through header_set, which folds earlier. */
	header_set(&h, 0, h.fields[0].body);
	buf_reset(&out);
	header_text(&h, &out);
	free(unfolded(&out));
	header_release(&h);
	buf_release(&in);
	buf_release(&out);
}
END_TEST

START_TEST(no_character_is_cut)
{
	struct header h = HEADER_INIT;
	struct buf out;
	char body[3001] = "";
	int i;

	for (i = 0; i < 1000; i++)
		memcpy(body + 3 * i, "\xe2\x82\xac", 3);
	buf_init(&out, 10000);
	header_append(&h, "X", body);
	header_text(&h, &out);
	for (i = 0; out.data[i] != '\0'; i++)
		if (out.data[i] == '\r')
			ck_assert_int_eq((unsigned char)out.data[i - 1], 0xac);
	header_release(&h);
	buf_release(&out);
}
END_TEST

static const struct {
	const char *line;
	size_t len;
} field_names[] = {
	{ "To: a", 2 }, { "To:", 2 }, { "To : a", 2 }, { "To\t:", 2 },
	{ "X-Foo!#:", 7 }, { ":", 0 }, { " To: a", 0 }, { "To", 0 },
	{ "To a: b", 0 }, { "T\001o: a", 0 }, { "\xc3\xbc: a", 0 }, { "", 0 },
};

START_TEST(field_names_are_told)
{
	ck_assert_uint_eq(header_name_length(field_names[_i].line,
	    strlen(field_names[_i].line)), field_names[_i].len);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("header");
	TCase *t = tcase_create("header");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_section_is_read_and_written_back);
	tcase_add_test(t, fields_are_found_and_removed);
	tcase_add_loop_test(t, odd_sections_are_read, 0, LENGTH(sections));
	tcase_add_loop_test(t, what_is_no_field_is_refused, 0,
	    LENGTH(no_sections));
	tcase_add_test(t, limits_hold);
	tcase_add_test(t, nuls_do_not_cut_a_field);
	tcase_add_loop_test(t, added_bodies_are_folded_and_clean, 0,
	    LENGTH(bodies));
	tcase_add_test(t, fields_are_added_where_asked);
	tcase_add_loop_test(t, long_lines_are_broken, 0, LENGTH(fillers));
	tcase_add_test(t, no_character_is_cut);
	tcase_add_loop_test(t, field_names_are_told, 0, LENGTH(field_names));
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
