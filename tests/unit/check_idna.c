/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/idna.h"
#include "check_main.h"

#define L60 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"
#define L63 L60 "abc"

/* `to` is NULL where the name is refused. */
static const struct {
	const char *from, *to;
} domains[] = {
	{ "contoso.com", "contoso.com" },
	{ "Contoso.COM", "contoso.com" },
	{ "localhost", "localhost" },
	{ "_dmarc.a_b.example", "_dmarc.a_b.example" },
	{ "r3---sn-x.example", "r3---sn-x.example" },
	{ "m\xc3\xbcnchen.example", "xn--mnchen-3ya.example" },
	{ "M\xc3\x9cNCHEN.example", "xn--mnchen-3ya.example" },
	{ "mu\xcc\x88nchen.example", "xn--mnchen-3ya.example" },	/* not NFC */
	{ "fa\xc3\x9f.de", "xn--fa-hia.de" },		/* non-transitional */
	{ "XN--Mnchen-3YA.example", "xn--mnchen-3ya.example" },
	{ "\xe4\xbe\x8b\xe3\x80\x82jp", "xn--fsq.jp" },	/* ideographic dot */
	{ "[192.0.2.1]", "[192.0.2.1]" },
	{ "[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]" },
	{ L63 ".example", L63 ".example" },
	{ L63 "." L63 "." L63 "." L60 "a", L63 "." L63 "." L63 "." L60 "a" },
	{ L63 "." L63 "." L63 "." L60 "ab", NULL },
	{ L63 "a.example", NULL },
	{ "", NULL },
	{ ".", NULL },
	{ "a..b", NULL },
	{ ".example", NULL },
	{ "example.", NULL },
	{ "a b.example", NULL },
	{ "a\r\n.example", NULL },
	{ "a\x01.example", NULL },
	{ "a/b", NULL },
	{ "a@b", NULL },
	{ "xn--\x80", NULL },
	{ "\xff\xfe.example", NULL },
	{ "\xc3\xbc\xe2\x80\x8b@.example", NULL },
	{ "xn--zzzzzz99999999.example", NULL },
	{ "[", NULL },
	{ "[]", NULL },
	{ "[192.0.2.1", NULL },
	{ "[192.0.2.1]x", NULL },
	{ "[1]]", NULL },
	{ "[a b]", NULL },
	{ "[a\r\nRCPT]", NULL },
};

START_TEST(domains_become_a_labels)
{
	char out[IDNA_DOMAIN_SIZE];

	if (domains[_i].to == NULL) {
		ck_assert_int_eq(idna_to_ascii(domains[_i].from, out), -1);
		return;
	}
	ck_assert_int_eq(idna_to_ascii(domains[_i].from, out), 0);
	ck_assert_str_eq(out, domains[_i].to);
}
END_TEST

START_TEST(endless_names_are_refused)
{
	static char longest[1 << 20];
	char out[IDNA_DOMAIN_SIZE];
	size_t i;

	for (i = 0; i + 2 < sizeof longest; i += 2)
		memcpy(longest + i, "\xc3\xbc", 2);
	ck_assert_int_eq(idna_to_ascii(longest, out), -1);
	memset(longest, 'a', sizeof longest - 1);
	ck_assert_int_eq(idna_to_ascii(longest, out), -1);
	longest[0] = '[';
	longest[sizeof longest - 2] = ']';
	ck_assert_int_eq(idna_to_ascii(longest, out), -1);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("idna");
	TCase *t = tcase_create("idna");

	tcase_add_loop_test(t, domains_become_a_labels, 0,
	    sizeof domains / sizeof *domains);
	tcase_add_test(t, endless_names_are_refused);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
