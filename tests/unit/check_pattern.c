/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "check_main.h"
#include "config/account.h"
#include "config/hostname.h"
#include "config/pattern.h"

#define COUNT(array)	((int)(sizeof array / sizeof *array))

/* A host called web1.corp.lan, and nothing more. */
static struct config host;

static void
setup(void)
{
	static const struct host_source source = {
		.node = "web1.corp.lan", .hosts = "/dev/null",
		.mailname = "/dev/null"
	};

	host = (struct config){ .path = NULL };
	hostname_complete(&host, &source);
}

static void
teardown(void)
{
	config_release(&host);
}

static const struct {
	const char *pattern, *address;
	bool matches;
} cases[] = {
	/* Addresses: case is ignored, in both halves. */
	{ "a@b.c", "a@b.c", true },
	{ "A@b.C", "a@B.c", true },
	{ "a@b.c", "aa@b.c", false },
	{ "a@b.c", "a@b.cc", false },
	{ "a@b.c", "a+x@b.c", false },
	{ "a@b.c", "a", false },
	{ "a@b.c", "", false },
	/* "*" is a whole local part. */
	{ "*@b.c", "anything+x@b.c", true },
	{ "*@b.c", "\"a@x\"@b.c", true },
	{ "*@b.c", "a@x.b.c", false },
	{ "*@b.c", "a@xb.c", false },
	{ "*@b.c", "a", false },
	/* "*." is one or more labels, never the bare domain. */
	{ "*@*.b.c", "a@x.b.c", true },
	{ "*@*.b.c", "a@x.y.b.c", true },
	{ "*@*.b.c", "a@b.c", false },
	{ "*@*.b.c", "a@.b.c", false },
	{ "*@*.b.c", "a@xb.c", false },
	{ "root@*.b.c", "root@x.b.c", true },
	{ "root@*.b.c", "boot@x.b.c", false },
	/* A-labels and U-labels are the same name. */
	{ "*@b\xc3\xbc" "cher.example", "a@xn--bcher-kva.example", true },
	{ "*@xn--bcher-kva.example", "a@B\xc3\x9c" "CHER.example", true },
	{ "*@*.b\xc3\xbc" "cher.example", "a@x.XN--BCHER-KVA.example", true },
	{ "*@b\xc3\xbc" "cher.example", "a@bucher.example", false },
	/* What IDNA refuses is compared as it is. */
	{ "*@a..b", "x@A..b", true },
	{ "*@\xff", "x@\xff", true },
	{ "*@\xff", "x@\xfe", false },
	/* A bare name, and names of this host. */
	{ "www-data", "www-data", true },
	{ "www-data", "WWW-Data", true },
	{ "www-data", "www-data@web1", true },
	{ "www-data", "www-data@web1.corp.lan", true },
	{ "www-data", "www-data@localhost", true },
	{ "www-data", "www-data@web2.corp.lan", false },
	{ "www-data", "www-dat", false },
	{ "www-data@web1.corp.lan", "www-data", true },
	{ "*@web1.corp.lan", "www-data", true },
	{ "*@*.corp.lan", "www-data", true },
	{ "*@*.lan", "www-data", true },
	{ "www-data@web2.corp.lan", "www-data", false },
	{ "*@*.other", "www-data", false },
};

START_TEST(matching)
{
	ck_assert_int_eq(pattern_matches(cases[_i].pattern, cases[_i].address,
	    &host), cases[_i].matches);
}
END_TEST

START_TEST(without_a_host)
{
	ck_assert(!pattern_matches("www-data", "www-data@localhost", NULL));
	ck_assert(!pattern_matches("*@localhost", "www-data", NULL));
	ck_assert(pattern_matches("www-data", "www-data", NULL));
}
END_TEST

static const struct {
	const char *pattern, *canonical;	/* NULL: an error */
} forms[] = {
	{ "a@b.c", "a@b.c" }, { "*@b.c", "*@b.c" },
	{ "*@*.b.c", "*@*.b.c" }, { "root@*.b.c", "root@*.b.c" },
	{ "www-data", "www-data" },
	{ "A@B\xc3\x9c" "cher.Example", "A@xn--bcher-kva.example" },
	{ "*@*.B\xc3\xbc" "cher.Example", "*@*.xn--bcher-kva.example" },
	{ "*", NULL }, { "", NULL }, { "a*@b.c", NULL }, { "**@b.c", NULL },
	{ "*@", NULL }, { "@b.c", NULL }, { "*@*", NULL }, { "*@*.", NULL },
	{ "*@x.*.c", NULL }, { "*@*b.c", NULL }, { "a b@c.d", NULL },
	{ "a@b..c", NULL }, { "a@[192.0.2.1]", NULL }, { "a@192.0.2.1", NULL },
	{ "a@b@c.d", NULL }, { "<a@b.c>", NULL }, { "www*", NULL },
	{ "*@*.*.c", NULL },
};

START_TEST(errors_and_canonical_forms)
{
	char *canonical;

	if (forms[_i].canonical == NULL) {
		ck_assert_ptr_nonnull(pattern_error(forms[_i].pattern));
		return;
	}
	ck_assert_ptr_null(pattern_error(forms[_i].pattern));
	canonical = pattern_canonical(forms[_i].pattern);
	ck_assert_str_eq(canonical, forms[_i].canonical);
	free(canonical);
}
END_TEST

static int
fit(const char *pattern, const char *address)
{
	struct pattern_address a = pattern_split(address);

	return pattern_fit(pattern, &a, &host);
}

START_TEST(the_longer_fits_better)
{
	/* In order, all match. */
	static const char *const ladder[] = {
		"*@*.c", "*@*.b.c", "*@*.a.b.c", "*@x.a.b.c", "abc@*.a.b.c",
		"abc@x.a.b.c"
	};
	size_t i;

	for (i = 0; i + 1 < sizeof ladder / sizeof *ladder; i++)
		ck_assert_int_lt(fit(ladder[i], "abc@x.a.b.c"),
		    fit(ladder[i + 1], "abc@x.a.b.c"));
	ck_assert_int_eq(fit("abc", "ABC"), PATTERN_EXACT);
	ck_assert_int_eq(fit("abc@localhost", "abc"), PATTERN_HOST);
	/* The same length without wildcards: the longer domain wins. */
	ck_assert_int_lt(fit("a@*.b.c", "a@x.b.c"), fit("*@x.b.c", "a@x.b.c"));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("pattern");
	TCase *t = tcase_create("pattern");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, matching, 0, COUNT(cases));
	tcase_add_test(t, without_a_host);
	tcase_add_loop_test(t, errors_and_canonical_forms, 0, COUNT(forms));
	tcase_add_test(t, the_longer_fits_better);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
