/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/body.h"
#include "check_main.h"
#include "../header_text.h"

/* A message of this body, as message_read() would leave it. */
static void
make_message(struct message *m, const char *body, size_t len)
{
	size_t i, line = 0;

	*m = (struct message)MESSAGE_INIT;
	buf_init(&m->memory, 1024 * 1024);
	buf_addstr(&m->memory, "X: y\r\n\r\n");
	m->body_offset = (int64_t)m->memory.len;
	buf_add(&m->memory, body, len);
	m->size = (int64_t)m->memory.len;
	for (i = 0; i < len; i++) {
		if ((unsigned char)body[i] > 127)
			m->body_8bit = true;
		line = body[i] == '\r' || body[i] == '\n' ? 0 : line + 1;
		if (line > m->longest_body_line)
			m->longest_body_line = line;
	}
}

/* The body as it goes out, read `step` bytes at a time. */
static void
read_all(struct buf *out, const struct message *m,
    const struct body_plan *plan, size_t step)
{
	struct status st = STATUS_INIT;
	struct body_reader r;
	char piece[20000];
	ssize_t n;

	buf_init(out, 8 * 1024 * 1024);
	body_reader_init(&r, m, plan);
	while ((n = body_read(&r, piece, step, &st)) > 0) {
		ck_assert_uint_le((size_t)n, step);
		buf_add(out, piece, (size_t)n);
	}
	ck_assert_int_eq(n, 0);
	ck_assert(!out->overflow);
}

static void
parse(struct header *h, const char *text)
{
	struct status st = STATUS_INIT;

	ck_assert_int_eq(header_parse(h, text, strlen(text), &st), 0);
}

#define UTF8	"Gr\xc3\xbc\xc3\x9f""e\r\n"
#define LATIN1	"Gr\xfc\xdf""e\r\n"
#define CT	"Content-Type: "
#define CTE	"Content-Transfer-Encoding: "
#define MIME	"MIME-Version: 1.0\r\n"
#define LONG	500		/* stands for 1000 x in `body` */

static const struct plan_row {
	const char *name;
	const char *in;			/* header */
	const char *body;
	bool long_line;			/* and a line of 1000 x */
	bool no_8bit;			/* server without 8BITMIME */
	const char *charset;
	const char *out;		/* header */
	enum body_encoding encoding;
	bool is_8bit;
} plans[] = {
	{ "plain ASCII is left alone", "", "x\r\n", .out = "" },
	{ "ASCII by its label", MIME CT "text/plain; charset=US-ASCII\r\n",
	    "x\r\n", .out = MIME CT "text/plain; charset=US-ASCII\r\n" },
	{ "unlabelled UTF-8", "", UTF8, .is_8bit = true,
	    .out = CT "text/plain; charset=UTF-8\r\n" MIME CTE "8bit\r\n" },
	{ "unlabelled Latin-1", "", LATIN1, .is_8bit = true,
	    .out = CT "text/plain; charset=iso-8859-1\r\n" MIME
	    CTE "8bit\r\n" },
	{ "unlabelled, charset given", "", LATIN1, .is_8bit = true,
	    .charset = "iso-8859-15",
	    .out = CT "text/plain; charset=iso-8859-15\r\n" MIME
	    CTE "8bit\r\n" },
	{ "the charset given is for what is not UTF-8", "", UTF8,
	    .is_8bit = true, .charset = "iso-8859-15",
	    .out = CT "text/plain; charset=UTF-8\r\n" MIME CTE "8bit\r\n" },
	{ "a charset that injects", "", LATIN1, .is_8bit = true,
	    .charset = "x\r\nBcc: y",
	    .out = CT "text/plain; charset=iso-8859-1\r\n" MIME
	    CTE "8bit\r\n" },
	{ "a charset that cannot be", "", LATIN1, .is_8bit = true,
	    .charset = "ANSI_X3.4-1968",
	    .out = CT "text/plain; charset=iso-8859-1\r\n" MIME
	    CTE "8bit\r\n" },
	{ "cron without LANG",
	    MIME CT "text/plain; charset=US-ASCII\r\n" CTE "8bit\r\n", UTF8,
	    .is_8bit = true,
	    .out = MIME CT "text/plain; charset=UTF-8\r\n" CTE "8bit\r\n" },
	{ "cronie without LANG, Latin-1",
	    MIME CT "text/plain; charset=ANSI_X3.4-1968\r\n" CTE "8bit\r\n",
	    LATIN1, .is_8bit = true,
	    .out = MIME CT "text/plain; charset=iso-8859-1\r\n"
	    CTE "8bit\r\n" },
	{ "bsd-mailx says 7bit", MIME CT "text/plain; charset=\"us-ascii\"; "
	    "format=flowed\r\n" CTE "7bit\r\n", UTF8, .is_8bit = true,
	    .out = MIME CT "text/plain; charset=UTF-8; format=flowed\r\n"
	    CTE "8bit\r\n" },
	{ "HTML without a charset", CT "text/html;\r\n", UTF8, .is_8bit = true,
	    .out = CT "text/html; charset=UTF-8\r\n" MIME CTE "8bit\r\n" },
	{ "a label that may be true stays",
	    MIME CT "text/plain; charset=windows-1252\r\n", LATIN1,
	    .is_8bit = true, .out = MIME CT "text/plain; charset=windows-1252"
	    "\r\n" CTE "8bit\r\n" },
	{ "a charset in a quoted string is none",
	    MIME CT "text/plain; name=\"a;charset=x\"\r\n", UTF8,
	    .is_8bit = true, .out = MIME CT "text/plain; "
	    "name=\"a;charset=x\"; charset=UTF-8\r\n" CTE "8bit\r\n" },
	{ "8-bit multipart stays", MIME CT "multipart/mixed; boundary=b\r\n",
	    UTF8, .is_8bit = true,
	    .out = MIME CT "multipart/mixed; boundary=b\r\n" },
	{ "8-bit multipart stays without 8BITMIME",
	    MIME CT "multipart/signed; boundary=b\r\n", UTF8, .is_8bit = true,
	    .no_8bit = true,
	    .out = MIME CT "multipart/signed; boundary=b\r\n" },
	{ "no 8BITMIME", "", UTF8, .no_8bit = true,
	    .encoding = BODY_QUOTED_PRINTABLE,
	    .out = CT "text/plain; charset=UTF-8\r\n" MIME
	    CTE "quoted-printable\r\n" },
	{ "no 8BITMIME needed", "", "x\r\n", .no_8bit = true, .out = "" },
	{ "long line in plain text", "", "x\r\n", .long_line = true,
	    .encoding = BODY_QUOTED_PRINTABLE,
	    .out = MIME CT "text/plain; charset=us-ascii\r\n"
	    CTE "quoted-printable\r\n" },
	{ "long line in labelled text",
	    MIME CT "text/html; charset=utf-8\r\n" CTE "8BIT\r\n", UTF8,
	    .long_line = true, .encoding = BODY_QUOTED_PRINTABLE,
	    .out = MIME CT "text/html; charset=utf-8\r\n"
	    CTE "quoted-printable\r\n" },
	{ "long line in a multipart", MIME CT "multipart/mixed; boundary=b\r\n",
	    "x\r\n", .long_line = true, .encoding = BODY_BREAK_LINES,
	    .out = MIME CT "multipart/mixed; boundary=b\r\n" },
	{ "long line of base64", MIME CT "text/plain\r\n" CTE "base64\r\n",
	    "x\r\n", .long_line = true, .encoding = BODY_BREAK_LINES,
	    .out = MIME CT "text/plain\r\n" CTE "base64\r\n" },
	{ "long line of quoted-printable", MIME CT "text/html\r\n"
	    CTE "Quoted-Printable (by hand)\r\n", "x\r\n", .long_line = true,
	    .encoding = BODY_SOFT_BREAKS, .out = MIME CT "text/html\r\n"
	    CTE "Quoted-Printable (by hand)\r\n" },
	{ "quoted-printable that is no text",
	    MIME CT "application/pdf\r\n" CTE "quoted-printable\r\n", "x\r\n",
	    .long_line = true, .encoding = BODY_SOFT_BREAKS,
	    .out = MIME CT "application/pdf\r\n" CTE "quoted-printable\r\n" },
	{ "short lines of quoted-printable stay",
	    MIME CTE "quoted-printable\r\n", "x\r\n",
	    .out = MIME CTE "quoted-printable\r\n" },
	{ "a multipart is never quoted-printable",
	    MIME CT "Multipart/mixed; boundary=b\r\n"
	    CTE "quoted-printable\r\n", "x\r\n", .long_line = true,
	    .encoding = BODY_BREAK_LINES,
	    .out = MIME CT "Multipart/mixed; boundary=b\r\n"
	    CTE "quoted-printable\r\n" },
	{ "nor is a message", MIME CT "message/rfc822\r\n"
	    CTE "quoted-printable\r\n", "x\r\n", .long_line = true,
	    .encoding = BODY_BREAK_LINES, .out = MIME CT "message/rfc822\r\n"
	    CTE "quoted-printable\r\n" },
	{ "long line of an unknown encoding", MIME CT "text/plain\r\n"
	    CTE "binary\r\n", "x\r\n", .long_line = true,
	    .encoding = BODY_BREAK_LINES,
	    .out = MIME CT "text/plain\r\n" CTE "binary\r\n" },
	{ "a type that is none is text", CT "html\r\n", "x\r\n",
	    .long_line = true, .encoding = BODY_QUOTED_PRINTABLE,
	    .out = CT "html\r\n" MIME CTE "quoted-printable\r\n" },
};

START_TEST(the_plan_and_the_header_agree)
{
	const struct plan_row *row = &plans[_i];
	struct status st = STATUS_INIT;
	struct header h = HEADER_INIT;
	struct body_plan plan;
	struct message m;
	struct buf body, out;
	size_t i;

	buf_init(&body, 10000);
	buf_init(&out, 10000);
	buf_addstr(&body, row->body);
	for (i = 0; i < 2 * LONG && row->long_line; i++)
		buf_addch(&body, 'x');
	buf_addstr(&body, "\r\n");
	make_message(&m, body.data, body.len);
	parse(&h, row->in);
	ck_assert_int_eq(body_plan(&plan, &h, &m, !row->no_8bit, row->charset,
	    &st), 0);
	header_text(&h, &out);
	ck_assert_msg(strcmp(out.data, row->out) == 0,
	    "%s: expected\n%s\nbut got\n%s", row->name, row->out, out.data);
	ck_assert_int_eq(plan.encoding, row->encoding);
	ck_assert_int_eq(plan.is_8bit, row->is_8bit);
	/* Planned again (a retry on what was sent), nothing changes. */
	if (plan.encoding == BODY_AS_IS) {
		ck_assert_int_eq(body_plan(&plan, &h, &m, !row->no_8bit,
		    row->charset, &st), 0);
		buf_reset(&out);
		header_text(&h, &out);
		ck_assert_str_eq(out.data, row->out);
	}
	header_release(&h);
	message_release(&m);
	buf_release(&body);
	buf_release(&out);
}
END_TEST

static const struct {
	const char *in, *out;
} qp[] = {
	{ "plain text.\r\n", "plain text.\r\n" },
	{ "a=b\r\n", "a=3Db\r\n" },
	{ "Gr\xc3\xbc\xc3\x9f""e\r\n", "Gr=C3=BC=C3=9Fe\r\n" },
	{ "blank at the end \r\ntab\t\r\n", "blank at the end=20\r\n"
	    "tab=09\r\n" },
	{ "two  \r\n", "two =20\r\n" },
	{ " \r\n", "=20\r\n" },
	{ "\t x\r\n", "\t x\r\n" },
	{ "control \x01\x7f\r\n", "control =01=7F\r\n" },
	{ "\r\n\r\n", "\r\n\r\n" },
	{ "", "" },
	{ "no end ", "no end=20" },
	{ "123456789012345678901234567890123456789012345678901234567890"
	    "123456789012345\r\n",
	    "123456789012345678901234567890123456789012345678901234567890"
	    "123456789012345\r\n" },
	{ "123456789012345678901234567890123456789012345678901234567890"
	    "1234567890123456\r\n",
	    "123456789012345678901234567890123456789012345678901234567890"
	    "123456789012345=\r\n6\r\n" },
	{ "123456789012345678901234567890123456789012345678901234567890"
	    "1234567890123 \r\n",
	    "123456789012345678901234567890123456789012345678901234567890"
	    "1234567890123=\r\n=20\r\n" },
};

START_TEST(quoted_printable_is_as_rfc_2045_says)
{
	static const struct body_plan plan = { BODY_QUOTED_PRINTABLE, false };
	struct message m;
	struct buf out;

	make_message(&m, qp[_i].in, strlen(qp[_i].in));
	read_all(&out, &m, &plan, 64);
	ck_assert_str_eq(out.data, qp[_i].out);
	buf_release(&out);
	message_release(&m);
}
END_TEST

#define BREAK	BODY_BREAK_LINES, true
#define SOFT	BODY_SOFT_BREAKS, false
#define BLANKS	"          "

static const struct {
	struct body_plan plan;
	size_t before;			/* x in front */
	const char *in;
	size_t kept;			/* so many of them before `out` */
	const char *out;
} breaks[] = {
	{ { BREAK }, 998, "\r\ny\r\n", 998, "\r\ny\r\n" },
	{ { BREAK }, 998, "y\r\nz\r\n", 998, "\r\n y\r\nz\r\n" },
	{ { BREAK }, 997, "yz\r\n", 997, "y\r\n z\r\n" },
	{ { BREAK }, 996, "\xc3\xbc\r\n", 996, "\xc3\xbc\r\n" },
	{ { BREAK }, 997, "\xc3\xbc\r\n", 997, "\r\n \xc3\xbc\r\n" },
	{ { BREAK }, 996, "\xe2\x82\xac\r\n", 996, "\r\n \xe2\x82\xac\r\n" },
	{ { BREAK }, 995, "\xf0\x9f\x98\x80\r\n", 995,
	    "\r\n \xf0\x9f\x98\x80\r\n" },
	{ { BREAK }, 994, "\xf0\x9f\x98\x80\r\n", 994,
	    "\xf0\x9f\x98\x80\r\n" },
	{ { BREAK }, 996, "\x80\x80\x80\r\n", 996, "\x80\x80\r\n \x80\r\n" },
	{ { SOFT }, 998, "\r\ny\r\n", 998, "\r\ny\r\n" },
	{ { SOFT }, 998, "y\r\nz\r\n", 997, "=\r\nxy\r\nz\r\n" },
	{ { SOFT }, 995, "=C3\r\n", 995, "=C3\r\n" },
	{ { SOFT }, 996, "=C3\r\n", 996, "=\r\n=C3\r\n" },
	{ { SOFT }, 995, "=C3=BC\r\n", 995, "=\r\n=C3=BC\r\n" },
	{ { SOFT }, 994, "=C3=BC\r\n", 994, "=C3=\r\n=BC\r\n" },
	{ { SOFT }, 997, "=\r\ny\r\n", 997, "=\r\ny\r\n" },
	{ { SOFT }, 998, "=\r\ny\r\n", 997, "=\r\nx=\r\ny\r\n" },
	{ { SOFT }, 996, "= \t\r\ny\r\n", 996, "=\r\n= \t\r\ny\r\n" },
	{ { SOFT }, 990, BLANKS "\r\n", 989, "=\r\nx" BLANKS "\r\n" },
	{ { SOFT }, 992, BLANKS "y\r\n", 991, "=\r\nx" BLANKS "y\r\n" },
	{ { SOFT }, 986, BLANKS "yz\r\n", 986, BLANKS "yz\r\n" },
	{ { SOFT }, 987, BLANKS "yz\r\n", 987, BLANKS "=\r\nyz\r\n" },
	{ { SOFT }, 997, "..\r\n", 997, "=\r\n..\r\n" },
};

START_TEST(lines_are_broken_at_998)
{
	struct buf in, out, expected;
	struct message m;
	size_t i;

	buf_init(&in, 2000);
	buf_init(&expected, 2000);
	for (i = 0; i < breaks[_i].before; i++)
		buf_addch(&in, 'x');
	buf_add(&expected, in.data, breaks[_i].kept);
	buf_addstr(&in, breaks[_i].in);
	buf_addstr(&expected, breaks[_i].out);
	make_message(&m, in.data, in.len);
	read_all(&out, &m, &breaks[_i].plan, 4096);
	ck_assert_str_eq(out.data, expected.data);
	buf_release(&in);
	buf_release(&out);
	buf_release(&expected);
	message_release(&m);
}
END_TEST

/* Random text with long lines, blanks and 8-bit bytes, its line ends CRLF. */
static void
random_body(struct buf *b)
{
	static const char some[] = "ab=. \t.\xc3\xbc\xff\x01=F";
	size_t lines = (size_t)rand() % 8, len;

	while (lines-- != 0) {
		for (len = (size_t)rand() % 3000; len != 0; len--)
			buf_addch(b, rand() % 3 != 0 ? 'x' :
			    some[(size_t)rand() % (sizeof some - 1)]);
		buf_addstr(b, "\r\n");
	}
}

/* Makes quoted-printable of it: a "=" begins an octet or a soft break. */
static void
make_qp(struct buf *b)
{
	char *p;

	for (p = b->data; (p = strchr(p, '=')) != NULL; p++)
		if (memcmp(p + 1, "\r\n", 2) == 0)
			continue;
		else if (p[1] == '\r' || p[2] == '\r')
			*p = 'e';
		else
			memcpy(p + 1, rand() % 2 != 0 ? "C3" : "20", 2);
}

/* What stands at the end of a line means nothing, RFC 2045 6.7 (3); but not
 * every decoder knows. */
static void
strip_lines(struct buf *out, const struct buf *in)
{
	size_t i;

	for (i = 0; i < in->len; i++) {
		while (in->data[i] == '\r' && out->len != 0 &&
		    strchr(" \t", out->data[out->len - 1]) != NULL)
			buf_truncate(out, out->len - 1);
		buf_addch(out, in->data[i]);
	}
}

/* RFC 2045 6.7, as a receiver does it. */
static void
decode_qp(struct buf *out, const struct buf *in)
{
	char digits[3] = "";
	size_t i;

	for (i = 0; i < in->len; i++) {
		if (in->data[i] != '=') {
			buf_addch(out, in->data[i]);
			continue;
		}
		memcpy(digits, in->data + i + 1, 2);
		if (memcmp(digits, "\r\n", 2) != 0)
			buf_addch(out, (char)strtol(digits, NULL, 16));
		i += 2;
	}
}

/* Both read the same to those who strip lines, and to those who do not. */
static void
check_same_text(const struct buf *a, const struct buf *b)
{
	struct buf stripped, text[2];
	const struct buf *in[] = { a, b };
	int i, strip;

	for (strip = 0; strip < 2; strip++) {
		for (i = 0; i < 2; i++) {
			buf_init(&stripped, 8 * 1024 * 1024);
			buf_init(&text[i], 8 * 1024 * 1024);
			strip_lines(&stripped, in[i]);
			decode_qp(&text[i], strip ? &stripped : in[i]);
			buf_release(&stripped);
		}
		ck_assert_uint_eq(text[0].len, text[1].len);
		ck_assert_mem_eq(text[0].data, text[1].data, text[0].len);
		buf_release(&text[0]);
		buf_release(&text[1]);
	}
}

/* Without the CRLF SPACE that breaking put in: all lines of the input are free
 * of blanks at their start. */
static void
join_lines(struct buf *out, const struct buf *in)
{
	size_t i;

	for (i = 0; i < in->len; i++) {
		if (in->len - i >= 3 && memcmp(in->data + i, "\r\n ", 3) == 0)
			i += 2;
		else
			buf_addch(out, in->data[i]);
	}
}

static void
check_lines(const struct buf *b, size_t max)
{
	size_t i, line = 0;

	for (i = 0; i < b->len; i++) {
		if (b->data[i] == '\r') {
			ck_assert_int_eq(b->data[i + 1], '\n');
			i++;
			line = 0;
			continue;
		}
		ck_assert_int_ne(b->data[i], '\n');
		ck_assert_uint_le(++line, max);
	}
}

START_TEST(whatever_the_reads_the_bytes_are_the_same)
{
	static const size_t steps[] = { 64, 65, 100, 997, 4096, 20000 };
	static const size_t longest[] = { 3000, 76, 998, 998 };
	struct status st = STATUS_INIT;
	struct buf in, back, out, again;
	struct body_plan plan;
	struct message m;
	int64_t size;
	size_t i;

	srand((unsigned)_i);
	plan = (struct body_plan){ (enum body_encoding)(_i % 4), true };
	buf_init(&in, 1024 * 1024);
	buf_init(&back, 1024 * 1024);
	random_body(&in);
	for (i = 2; i < in.len && plan.encoding == BODY_BREAK_LINES; i++)
		if (in.data[i] == ' ' && in.data[i - 1] == '\n')
			in.data[i] = 'b';
	if (plan.encoding == BODY_SOFT_BREAKS)
		make_qp(&in);
	make_message(&m, in.data, in.len);
	read_all(&out, &m, &plan, steps[0]);
	for (i = 1; i < sizeof steps / sizeof *steps; i++) {
		read_all(&again, &m, &plan, steps[i]);
		ck_assert_uint_eq(again.len, out.len);
		ck_assert_mem_eq(again.data, out.data, out.len);
		buf_release(&again);
	}
	ck_assert_int_eq(body_size(&m, &plan, &size, &st), 0);
	ck_assert_int_eq(size, (int64_t)out.len);
	check_lines(&out, longest[plan.encoding]);
	if (plan.encoding == BODY_SOFT_BREAKS) {
		check_same_text(&in, &out);
		buf_add(&back, in.data, in.len);
	} else if (plan.encoding == BODY_QUOTED_PRINTABLE)
		decode_qp(&back, &out);
	else if (plan.encoding == BODY_BREAK_LINES)
		join_lines(&back, &out);
	else
		buf_add(&back, out.data, out.len);
	ck_assert_uint_eq(back.len, in.len);
	ck_assert_mem_eq(back.data, in.data, in.len);
	buf_release(&in);
	buf_release(&back);
	buf_release(&out);
	message_release(&m);
}
END_TEST

/* A character across the pieces in which the body is looked through. */
START_TEST(utf8_is_seen_across_pieces)
{
	struct status st = STATUS_INIT;
	struct header h = HEADER_INIT;
	struct body_plan plan;
	struct message m;
	struct buf body;
	char *type;
	int i;

	buf_init(&body, 100000);
	for (i = 0; i < 16384 - 4 + _i; i++)
		buf_addch(&body, i % 70 == 0 ? '\n' : 'x');
	buf_addstr(&body, "\xf0\x9f\x98\x80");
	for (i = 0; i < 16384; i++)
		buf_addch(&body, i % 70 == 0 ? '\n' : 'x');
	if (_i >= 8)
		buf_addstr(&body, "\xf0\x9f\x98");
	make_message(&m, body.data, body.len);
	ck_assert_int_eq(body_plan(&plan, &h, &m, true, NULL, &st), 0);
	type = header_value(&h, "Content-Type");
	ck_assert_str_eq(type, _i >= 8 ? "text/plain; charset=iso-8859-1" :
	    "text/plain; charset=UTF-8");
	free(type);
	header_release(&h);
	message_release(&m);
	buf_release(&body);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_told)
{
	static const struct body_plan plan = { BODY_QUOTED_PRINTABLE, false };
	struct message m = MESSAGE_INIT;
	struct status st = STATUS_INIT;
	struct body_reader r;
	char piece[100];
	int ends[2];
	int64_t size;

	ck_assert_int_eq(pipe(ends), 0);
	m.fd = ends[0];
	m.size = 1000;
	body_reader_init(&r, &m, &plan);
	ck_assert_int_eq(body_read(&r, piece, sizeof piece, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_IOERR);
	ck_assert_int_eq(body_size(&m, &plan, &size, &st), -1);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

#define COUNT(table) (int)(sizeof table / sizeof *table)

static Suite *
suite(void)
{
	Suite *s = suite_create("body");
	TCase *t = tcase_create("body");

	tcase_add_loop_test(t, the_plan_and_the_header_agree, 0, COUNT(plans));
	tcase_add_loop_test(t, quoted_printable_is_as_rfc_2045_says, 0,
	    COUNT(qp));
	tcase_add_loop_test(t, lines_are_broken_at_998, 0, COUNT(breaks));
	tcase_add_loop_test(t, whatever_the_reads_the_bytes_are_the_same, 0,
	    300);
	tcase_add_loop_test(t, utf8_is_seen_across_pieces, 0, 16);
	tcase_add_test(t, a_file_that_cannot_be_read_is_told);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
