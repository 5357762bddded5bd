/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "mail/charset.h"
#include "mail/encoded_word.h"
#include "check_main.h"

#define UE	"\xc3\xbc"
#define Q_UE	"=?UTF-8?Q?=C3=BC?="

static const struct {
	const char *in, *out;
} texts[] = {
	{ "", "" },
	{ "plain  text ", "plain  text " },
	{ UE, Q_UE },
	{ "a " UE " b", "a " Q_UE " b" },
	{ " " UE "\t", " " Q_UE "\t" },
	{ UE " " UE, "=?UTF-8?B?w7wgw7w=?=" },
	{ UE "  " UE " x", "=?UTF-8?B?w7wgIMO8?= x" },
	{ UE "\t" UE, "=?UTF-8?B?w7wJw7w=?=" },
	{ UE " x " UE, Q_UE " x " Q_UE },
	{ "a=b?_" UE, "=?UTF-8?Q?a=3Db=3F=5F=C3=BC?=" },
	/* Readers drop blanks between encoded words: they are inside, too. */
	{ "=?x?Q?a?= " UE, "=?x?Q?a?= =?UTF-8?B?IMO8?=" },
	{ UE " =?x?Q?a?=", "=?UTF-8?B?w7wg?= =?x?Q?a?=" },
	/* Much that needs encoding: B is shorter. */
	{ "\xd0\x9f\xd1\x80\xd0\xb8", "=?UTF-8?B?0J/RgNC4?=" },
	{ "na\xefve", "=?iso-8859-15?Q?na=EFve?=" },
	{ "\xc3", "=?iso-8859-15?Q?=C3?=" },
	/* 75 octets at most, and no character cut in two. */
	{ "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" UE "y",
	    "=?UTF-8?Q?xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxx?= =?UTF-8?Q?=C3=BCy?=" },
};

START_TEST(text_is_encoded)
{
	struct buf out;

	buf_init(&out, 10000);
	encoded_word_text(&out, texts[_i].in, "iso-8859-15");
	ck_assert_str_eq(out.data, texts[_i].out);
	buf_release(&out);
}
END_TEST

static const struct {
	const char *in, *out;
} lists[] = {
	{ "a@b.example, \"C, D\" <c@d.example>",
	    "a@b.example, \"C, D\" <c@d.example>" },
	{ "J" UE " X <j@b.example>", "=?UTF-8?Q?J=C3=BC_X?= <j@b.example>" },
	{ "J" UE "<j@b.example>", "=?UTF-8?B?SsO8?= <j@b.example>" },
	{ "a, \"X, " UE "\" <x@b.example>,c",
	    "a, =?UTF-8?Q?X=2C_=C3=BC?= <x@b.example>,c" },
	{ "\"A \\\"" UE "\\\"\" <x@y.example>",
	    "=?UTF-8?B?QSAiw7wi?= <x@y.example>" },
	{ "x@b.example (J" UE " (nested\\)))",
	    "x@b.example (=?UTF-8?Q?J=C3=BC_=28nested=29=29?=)" },
	{ "Gr" UE "ppe: a, b;", "=?UTF-8?Q?Gr=C3=BCppe?=: a, b;" },
	{ UE "@b.example", UE "@b.example" },
	{ "X <" UE "@b.example>", "X <" UE "@b.example>" },
	{ UE " <" UE "@b.example>", Q_UE " <" UE "@b.example>" },
	{ "\"" UE, "=?UTF-8?B?IsO8?=:;" },
	/* Domains have a form in ASCII (RFC 5891). */
	{ "a@b" UE "cher.example, Q <b@x." UE ".example>",
	    "a@xn--bcher-kva.example, Q <b@x.xn--tda.example>" },
	{ UE "@" UE ".example", UE "@xn--tda.example" },
	{ "G: a@" UE ".example (c), d;", "G: a@xn--tda.example (c), d;" },
	/* What nobody can read is sent as a name. */
	{ "j\xfc@b.example, a", "=?iso-8859-1?Q?j=FC=40b=2Eexample?=:;, a" },
	{ "J <j\xfc@b.example>", "J =?iso-8859-1?Q?j=FC=40b=2Eexample?=:;" },
	{ "a@" UE "..example, b", "=?UTF-8?Q?a=40=C3=BC=2E=2Eexample?=:;, b" },
	{ UE ", a", Q_UE ":;, a" },
	{ "(" UE, "(" Q_UE ")" },
	{ UE " <a", Q_UE " <a" },
};

START_TEST(names_and_comments_are_encoded)
{
	struct buf out;

	buf_init(&out, 10000);
	encoded_word_addresses(&out, lists[_i].in, NULL, true);
	ck_assert_str_eq(out.data, lists[_i].out);
	buf_release(&out);
}
END_TEST

static const struct {
	const char *in, *out;
} ascii_lists[] = {
	{ "a@b.example", "a@b.example" },
	{ UE "@b.example, c@" UE ".example",
	    "=?UTF-8?Q?=C3=BC=40b=2Eexample?=:;, c@xn--tda.example" },
	{ "X <" UE "@b.example> (c)",
	    "X =?UTF-8?Q?=C3=BC=40b=2Eexample?=:; (c)" },
};

/* Without SMTPUTF8 nothing over 127 is left. */
START_TEST(addresses_in_utf8_are_encoded_where_they_must)
{
	struct buf out;

	buf_init(&out, 10000);
	encoded_word_addresses(&out, ascii_lists[_i].in, NULL, false);
	ck_assert_str_eq(out.data, ascii_lists[_i].out);
	buf_release(&out);
}
END_TEST

static const struct {
	const char *in, *out;
} tokens[] = {
	{ "text/plain; name=\"x\"", "text/plain; name=\"x\"" },
	{ "a; name=\"x " UE " y\"; b=c",
	    "a; name=\"=?UTF-8?Q?x_=C3=BC_y?=\"; b=c" },
	{ "a; name=" UE "; b", "a; name=" Q_UE "; b" },
	{ "<1." UE "@x.example> <2@x.example>",
	    "<=?UTF-8?Q?1=2E=C3=BC=40x=2Eexample?=> <2@x.example>" },
	{ "\"" UE, "\"" Q_UE "\"" },
};

START_TEST(tokens_keep_their_form)
{
	struct buf out;

	buf_init(&out, 10000);
	encoded_word_tokens(&out, tokens[_i].in, NULL);
	ck_assert_str_eq(out.data, tokens[_i].out);
	buf_release(&out);
}
END_TEST

static const char *
decode_word(struct buf *out, const char *p)
{
	const char *text = strchr(strchr(p + 2, '?') + 1, '?') + 1;
	const char *end = strstr(text, "?=");
	char digits[3] = "";

	if (text[-2] == 'B') {
		ck_assert_int_eq(base64_decode(out, text,
		    (size_t)(end - text)), 0);
		return end + 2;
	}
	for (; text < end; text++) {
		if (*text == '_')
			buf_addch(out, ' ');
		else if (*text == '=') {
			memcpy(digits, text + 1, 2);
			buf_addch(out, (char)strtol(digits, NULL, 16));
			text += 2;
		} else
			buf_addch(out, *text);
	}
	return end + 2;
}

/* As a reader does it, RFC 2047 6. */
static void
decode(struct buf *out, const char *p)
{
	const char *gap;

	while (*p != '\0') {
		if (strncmp(p, "=?", 2) != 0) {
			buf_addch(out, *p++);
			continue;
		}
		p = decode_word(out, p);
		gap = p + strspn(p, " ");
		if (strncmp(gap, "=?", 2) == 0)
			p = gap;
	}
}

START_TEST(what_is_encoded_can_be_decoded)
{
	static const char *const some[] = {
		"a", " ", " ", "=", "?", "_", UE, "\xe2\x82\xac",
		"\xf0\x9f\x98\x80", "word", "\xff"
	};
	struct buf in, out, back;
	const char *p;
	size_t len, n;

	srand((unsigned)_i);
	buf_init(&in, 10000);
	buf_init(&out, 100000);
	buf_init(&back, 100000);
	for (n = (size_t)rand() % 200; n != 0; n--) {
		p = some[(size_t)rand() % (_i % 2 == 0 ? 11 : 10)];
		/* "=?" is an encoded word's beginning in the input. */
		if (*p != '?' || in.len == 0 || in.data[in.len - 1] != '=')
			buf_addstr(&in, p);
	}
	encoded_word_text(&out, in.data, NULL);
	ck_assert(!charset_is_ascii("UTF-8", 5));
	for (p = out.data; *p != '\0'; p += len + strspn(p + len, " ")) {
		len = strcspn(p, " ");
		if (strncmp(p, "=?", 2) == 0)
			ck_assert_uint_le(len, 75);
	}
	for (p = out.data; *p != '\0'; p++)
		ck_assert_int_gt(*p, 0);
	decode(&back, out.data);
	ck_assert_str_eq(back.data, in.data);
	buf_release(&in);
	buf_release(&out);
	buf_release(&back);
}
END_TEST

static const struct {
	const char *given, *charset;
} fallbacks[] = {
	{ NULL, "iso-8859-1" },
	{ "", "iso-8859-1" },
	{ "windows-1252", "windows-1252" },
	{ "ANSI_X3.4-1968", "iso-8859-1" },
	{ "us-ascii", "iso-8859-1" },
	{ "UTF-8", "iso-8859-1" },
	{ "x y", "iso-8859-1" },
	{ "x\r\ny", "iso-8859-1" },
	{ "x?Q?", "iso-8859-1" },
	{ "12345678901234567890123456789012345678901", "iso-8859-1" },
};

START_TEST(a_charset_is_checked)
{
	ck_assert_str_eq(charset_fallback(fallbacks[_i].given),
	    fallbacks[_i].charset);
}
END_TEST

#define COUNT(table) (int)(sizeof table / sizeof *table)

static Suite *
suite(void)
{
	Suite *s = suite_create("encoded_word");
	TCase *t = tcase_create("encoded_word");

	tcase_add_loop_test(t, text_is_encoded, 0, COUNT(texts));
	tcase_add_loop_test(t, names_and_comments_are_encoded, 0, COUNT(lists));
	tcase_add_loop_test(t, addresses_in_utf8_are_encoded_where_they_must, 0,
	    COUNT(ascii_lists));
	tcase_add_loop_test(t, tokens_keep_their_form, 0, COUNT(tokens));
	tcase_add_loop_test(t, what_is_encoded_can_be_decoded, 0, 500);
	tcase_add_loop_test(t, a_charset_is_checked, 0, COUNT(fallbacks));
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
