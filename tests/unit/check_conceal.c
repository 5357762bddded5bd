/* SPDX-License-Identifier: ISC
 *
 * What is hidden of a server's words, and what must stay readable.
 */
#include <string.h>

#include "base/conceal.h"
#include "check_main.h"

#define SECRET	"eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl"
#define ENCODED	"dXNlcj1hcHBAeAFhdXRoPUJlYXJlciBleUowZVhBaU9pSktWMVFpTENKaGJHY2lPaUp"

static const struct {
	const char	*said, *left;
} texts[] = {
	/* Nothing of ours. */
	{ "", "" },
	{ "5.7.3 Authentication unsuccessful", NULL },
	{ "2.0.0 OK <20261122.1@mx.example> [Hostname=AB1PR0.eurprd.prod.outlook"
	  ".com]", NULL },
	{ "eyJ0eXA", NULL },	/* as short as a word */
	{ "b64 eyJ and dXNlcj1 too", NULL },
	/* All of it, and parts. */
	{ SECRET, "<hidden>" },
	{ "what is " SECRET "?", "what is <hidden>?" },
	{ "what is " ENCODED "?", "what is <hidden>?" },
	{ "bad token eyJ0eXAi", "bad token <hidden>" },
	{ "bad token 'OiJKV1Qi', sorry", "bad token '<hidden>', sorry" },
	{ "<" SECRET "> or <" ENCODED ">", "<<hidden>> or <<hidden>>" },
	/* The edges of the word go too, whatever is glued to it. */
	{ "token=eyJ0eXAiOiJKV1Q...", "<hidden>" },
	/* In pieces, each too short by itself. */
	{ "eyJ0 eXAi OiJK V1Qi", "<hidden>" },
	{ "no eyJ0eX\n5.7.8 AiOiJK\n5.7.8 V1QiLC\n5.7.8 or so",
	  "no <hidden>\n5.7.8 or so" },
	{ "e-y-J-0-e-X-A-i-O-i-J-K", "<hidden>" },
	/* In other letters. */
	{ "UNKNOWN COMMAND DXNLCJ1HCHBAEAFHDXROPUJL", "UNKNOWN COMMAND <hidden>" },
	/* Twice, and at both ends. */
	{ SECRET " is not " SECRET, "<hidden> is not <hidden>" },
};

START_TEST(pieces_are_hidden_and_words_are_not)
{
	const char *left = texts[_i].left != NULL ? texts[_i].left :
	    texts[_i].said;
	struct conceal c;
	struct buf text;

	conceal_init(&c);
	buf_init(&text, 1000);
	buf_addstr(&text, texts[_i].said);
	conceal_in(&c, &text);	/* knows nothing yet */
	ck_assert_str_eq(text.data, texts[_i].said);
	conceal_keep(&c, SECRET, ENCODED);
	conceal_in(&c, &text);
	ck_assert_str_eq(text.data, left);
	ck_assert_uint_eq(text.len, strlen(left));
	buf_release(&text);
	conceal_release(&c);
}
END_TEST

/* Every piece of it that is long enough, wherever it is cut out. */
START_TEST(no_piece_is_overlooked)
{
	struct conceal c;
	struct buf text;
	size_t from;

	conceal_init(&c);
	conceal_keep(&c, SECRET, ENCODED);
	buf_init(&text, 1000);
	for (from = 0; from + CONCEAL_RUN <= strlen(SECRET); from++) {
		buf_reset(&text);
		buf_add(&text, &SECRET[from], CONCEAL_RUN);
		conceal_in(&c, &text);
		ck_assert_str_eq(text.data, "<hidden>");
	}
	buf_release(&text);
	conceal_release(&c);
}
END_TEST

START_TEST(a_new_secret_takes_the_place_of_the_old_one)
{
	struct conceal c;
	struct buf text;

	conceal_init(&c);
	conceal_keep(&c, SECRET, ENCODED);
	conceal_keep(&c, "another-secret", "");
	buf_init(&text, 1000);
	buf_addstr(&text, "another-secret ");
	conceal_in(&c, &text);
	ck_assert_str_eq(text.data, "<hidden> ");
	buf_release(&text);
	conceal_release(&c);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("conceal");
	TCase *t = tcase_create("conceal");

	tcase_add_loop_test(t, pieces_are_hidden_and_words_are_not, 0,
	    sizeof texts / sizeof *texts);
	tcase_add_test(t, no_piece_is_overlooked);
	tcase_add_test(t, a_new_secret_takes_the_place_of_the_old_one);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
