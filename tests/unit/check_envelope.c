/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "base/xalloc.h"
#include "mail/envelope.h"
#include "check_main.h"

static void
add(struct envelope *e, const char *text)
{
	struct status st = STATUS_INIT;
	struct address a;

	ck_assert_int_eq(address_parse_path(&a, text, &st), 0);
	envelope_add(e, &a);
	address_release(&a);
}

START_TEST(a_recipient_is_there_once)
{
	struct envelope e = ENVELOPE_INIT;

	add(&e, "a@example.com");
	add(&e, "b@example.com");
	add(&e, "A@EXAMPLE.com");
	add(&e, "a");
	add(&e, "Somebody <a@example.com>");
	add(&e, "root");
	add(&e, "ROOT");
	ck_assert_uint_eq(e.count, 4);
	ck_assert_str_eq(e.recipients[0].address, "a@example.com");
	ck_assert_str_eq(e.recipients[1].address, "b@example.com");
	ck_assert_str_eq(e.recipients[2].address, "a");
	ck_assert_str_eq(e.recipients[3].address, "root");
	ck_assert_int_eq(e.recipients[3].state, RECIPIENT_PENDING);
	ck_assert(e.recipients[3].original == NULL);
	envelope_release(&e);
	ck_assert_uint_eq(e.count, 0);
}
END_TEST

START_TEST(many_recipients_are_no_trouble)
{
	struct envelope e = ENVELOPE_INIT;
	char text[64];
	int round, i;

	for (round = 0; round < 2; round++)
		for (i = 0; i < 20000; i++) {
			snprintf(text, sizeof text, "user%d@example.com", i);
			add(&e, text);
		}
	ck_assert_uint_eq(e.count, 20000);
	ck_assert_str_eq(e.recipients[19999].address, "user19999@example.com");
	envelope_release(&e);
}
END_TEST

START_TEST(recipients_put_there_by_hand_count_too)
{
	struct envelope e = ENVELOPE_INIT;

	e.recipients = xcalloc(1, sizeof *e.recipients);
	e.recipients[0].address = xstrdup("a@example.com");
	e.count = e.cap = 1;
	add(&e, "a@example.com");
	add(&e, "b@example.com");
	ck_assert_uint_eq(e.count, 2);
	envelope_release(&e);
}
END_TEST

START_TEST(recipients_move_with_all_they_have)
{
	struct envelope e = ENVELOPE_INIT, from = ENVELOPE_INIT;
	struct status st = STATUS_INIT;

	add(&e, "a@example.com");
	add(&from, "A@example.com");
	add(&from, "b@example.com");
	from.recipients[0].original = xstrdup("rfc822;root");
	from.recipients[1].original = xstrdup("rfc822;root");
	status_set(&st, EX_TEMPFAIL, "later");
	recipient_settle(&from.recipients[1], RECIPIENT_DEFERRED, &st);
	envelope_move(&e, &from);
	ck_assert_uint_eq(from.count, 0);
	ck_assert_uint_eq(e.count, 2);
	ck_assert_ptr_null(e.recipients[0].original);
	ck_assert_str_eq(e.recipients[1].original, "rfc822;root");
	ck_assert_str_eq(recipient_fate(&e.recipients[1])->text, "later");
	add(&e, "b@example.com");
	ck_assert_uint_eq(e.count, 2);
	envelope_release(&from);
	envelope_release(&e);
}
END_TEST

START_TEST(smtputf8_is_noted)
{
	struct envelope e = ENVELOPE_INIT;

	add(&e, "j\xc3\xb6rg@example.com");
	add(&e, "joerg@b\xc3\xbc" "cher.example");
	ck_assert(e.recipients[0].utf8);
	ck_assert(!e.recipients[1].utf8);
	ck_assert_str_eq(e.recipients[1].address,
	    "joerg@xn--bcher-kva.example");
	envelope_release(&e);
}
END_TEST

START_TEST(settling_moves_one_state)
{
	struct envelope e = ENVELOPE_INIT;
	struct status st = STATUS_INIT;

	add(&e, "a@x");
	add(&e, "b@x");
	add(&e, "c@x");
	e.recipients[1].state = RECIPIENT_REFUSED;
	ck_assert_uint_eq(envelope_count(&e, RECIPIENT_PENDING), 2);
	status_set(&st, EX_TEMPFAIL, "later");
	envelope_settle(&e, RECIPIENT_PENDING, RECIPIENT_DEFERRED, &st);
	ck_assert_uint_eq(envelope_count(&e, RECIPIENT_PENDING), 0);
	ck_assert_uint_eq(envelope_count(&e, RECIPIENT_DEFERRED), 2);
	ck_assert_str_eq(recipient_fate(&e.recipients[2])->text, "later");
	ck_assert_int_eq(e.recipients[1].state, RECIPIENT_REFUSED);
	ck_assert_str_eq(recipient_fate(&e.recipients[1])->text, "");
	envelope_release(&e);
}
END_TEST

START_TEST(a_fate_is_the_status_it_was_made_of)
{
	struct recipient r = { .state = RECIPIENT_PENDING };
	struct status st = STATUS_INIT, back;

	recipient_status(&r, &back);
	ck_assert_int_eq(back.sysexit, EX_OK);
	ck_assert_str_eq(back.text, "");
	status_set(&st, EX_NOUSER, "%0511d", 1);	/* as long as it may be */
	status_remote(&st, 550, "5.1.10", "no such user");
	status_hint(&st, "ask him");
	recipient_settle(&r, RECIPIENT_REFUSED, &st);
	recipient_status(&r, &back);
	ck_assert_int_eq(back.sysexit, st.sysexit);
	ck_assert_int_eq(back.scope, st.scope);
	ck_assert_int_eq(back.class, st.class);
	ck_assert_int_eq(back.reply, 550);
	ck_assert_str_eq(back.enhanced, "5.1.10");
	ck_assert_str_eq(back.text, st.text);
	ck_assert_str_eq(back.remote, "no such user");
	ck_assert_str_eq(back.hint, "ask him");
	recipient_share(&r, RECIPIENT_PENDING, NULL);
	ck_assert_ptr_eq(recipient_fate(&r), &fate_none);
}
END_TEST

/* A message for a thousand has a thousand of them in memory: what each takes is
 * an eighth of a megabyte in all, and what befell many is there once. */
START_TEST(a_recipient_is_small)
{
	struct envelope e = ENVELOPE_INIT;
	struct status st = STATUS_INIT;

	ck_assert_uint_le(sizeof(struct recipient), 128);
	add(&e, "a@x");
	add(&e, "b@x");
	status_set(&st, EX_TEMPFAIL, "later");
	envelope_settle(&e, RECIPIENT_PENDING, RECIPIENT_DEFERRED, &st);
	ck_assert_ptr_eq(e.recipients[0].fate, e.recipients[1].fate);
	ck_assert_uint_eq(e.recipients[0].fate->holders, 2);
	recipient_share(&e.recipients[0], RECIPIENT_PENDING, NULL);
	ck_assert_uint_eq(e.recipients[1].fate->holders, 1);
	/* Its own fate again. */
	recipient_share(&e.recipients[1], RECIPIENT_DEFERRED,
	    e.recipients[1].fate);
	ck_assert_str_eq(e.recipients[1].fate->text, "later");
	envelope_release(&e);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("envelope");
	TCase *t = tcase_create("envelope");

	tcase_add_test(t, a_recipient_is_there_once);
	tcase_add_test(t, many_recipients_are_no_trouble);
	tcase_add_test(t, recipients_put_there_by_hand_count_too);
	tcase_add_test(t, recipients_move_with_all_they_have);
	tcase_add_test(t, smtputf8_is_noted);
	tcase_add_test(t, settling_moves_one_state);
	tcase_add_test(t, a_fate_is_the_status_it_was_made_of);
	tcase_add_test(t, a_recipient_is_small);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
