/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "check_main.h"
#include "config/value.h"

#define COUNT(array)	((int)(sizeof array / sizeof *array))
#define WRONG		INT64_C(-1)

static const struct {
	const char *text;
	int64_t value;
} durations[] = {
	{ "30s", 30 }, { "5m", 300 }, { "12h", 43200 }, { "5d", 432000 },
	{ "2w", 1209600 }, { "0", 0 }, { "0s", 0 }, { "007s", 7 },
	{ "5", WRONG }, { "", WRONG }, { "s", WRONG }, { "-5s", WRONG },
	{ "5 s", WRONG }, { "5S", WRONG }, { "5ms", WRONG }, { "1.5h", WRONG },
	{ "+5s", WRONG }, { "99999999999999999999s", WRONG },
	{ "9223372036854775807w", WRONG }, { "9223372036854775807s", INT64_MAX },
}, sizes[] = {
	{ "512", 512 }, { "1K", 1024 }, { "150M", 157286400 },
	{ "1G", 1073741824 }, { "0", 0 }, { "1k", WRONG }, { "1KB", WRONG },
	{ "M", WRONG }, { "9223372036854775807G", WRONG },
	{ "0x10", WRONG }, { "1 M", WRONG },
}, numbers[] = {
	{ "0", 0 }, { "587", 587 }, { "587 ", WRONG }, { "5e3", WRONG },
	{ "-1", WRONG }, { "", WRONG }, { "99999999999999999999", WRONG },
}, dates[] = {
	{ "1970-01-01", 0 }, { "2027-01-31", 1801353600 },
	{ "2028-02-29", 1835395200 }, { "2027-02-29", WRONG },
	{ "2027-04-31", WRONG }, { "2027-13-01", WRONG },
	{ "2027-00-01", WRONG }, { "2027-01-00", WRONG },
	{ "2027-1-31", WRONG }, { "31.01.2027", WRONG },
	{ "2027-01-31 ", WRONG }, { "", WRONG }, { "20x7-01-31", WRONG },
	{ "1969-12-31", WRONG },
};

START_TEST(a_duration)
{
	int64_t n = WRONG;

	ck_assert_int_eq(value_duration(durations[_i].text, &n),
	    durations[_i].value == WRONG ? -1 : 0);
	ck_assert_int_eq(n, durations[_i].value);
}
END_TEST

START_TEST(a_size)
{
	int64_t n = WRONG;

	ck_assert_int_eq(value_size(sizes[_i].text, &n),
	    sizes[_i].value == WRONG ? -1 : 0);
	ck_assert_int_eq(n, sizes[_i].value);
}
END_TEST

START_TEST(a_number)
{
	int64_t n = WRONG;

	ck_assert_int_eq(value_number(numbers[_i].text, &n),
	    numbers[_i].value == WRONG ? -1 : 0);
	ck_assert_int_eq(n, numbers[_i].value);
}
END_TEST

START_TEST(a_date)
{
	int64_t n = WRONG;

	ck_assert_int_eq(value_date(dates[_i].text, &n),
	    dates[_i].value == WRONG ? -1 : 0);
	ck_assert_int_eq(n, dates[_i].value);
}
END_TEST

static const struct {
	int64_t n;
	char unit;
	const char *text;
} amounts[] = {
	{ 0, 's', "0" }, { 1, 's', "1s" }, { 90, 's', "90s" },
	{ 120, 's', "2m" }, { 86400, 's', "1d" }, { 604800, 's', "1w" },
	{ 0, 'B', "0" }, { 1000, 'B', "1000" }, { 1 << 20, 'B', "1M" },
	{ 604800, '\0', "604800" }, { -1, '\0', "-1" },
};

START_TEST(an_amount_is_written_short)
{
	char text[VALUE_SIZE];

	value_format(text, amounts[_i].n, amounts[_i].unit);
	ck_assert_str_eq(text, amounts[_i].text);
}
END_TEST

static const struct {
	const char *text;
	int value;		/* -1: none */
} flags[] = {
	{ "true", 1 }, { "yes", 1 }, { "on", 1 }, { "True", 1 },
	{ "false", 0 }, { "no", 0 }, { "off", 0 }, { "OFF", 0 },
	{ "1", -1 }, { "0", -1 }, { "", -1 }, { "tru", -1 }, { "true ", -1 },
};

START_TEST(a_flag)
{
	bool set = flags[_i].value != 1;

	ck_assert_int_eq(value_flag(flags[_i].text, &set),
	    flags[_i].value == -1 ? -1 : 0);
	if (flags[_i].value != -1)
		ck_assert_int_eq(set, flags[_i].value);
}
END_TEST

static const struct {
	const char *url;
	bool good;
} urls[] = {
	{ "https://login.microsoftonline.com", true },
	{ "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token", true },
	{ "https://host:8443/x?y=z", true },
	{ "http://127.0.0.1:8080/token", true },
	{ "http://127.9.9.9/token", true },
	{ "http://localhost:8080/token", true },
	{ "http://[::1]:8080/token", true },
	{ "http://login.microsoftonline.com/token", false },
	{ "http://127.0.0.1.evil.example/", false },
	{ "http://localhost.evil.example/", false },
	{ "http://localhost@evil.example/", false },
	{ "http://localhost:x@evil.example/", false },
	{ "https://user:password@host/", false },
	{ "http://[::1/", false },
	{ "http://[::1]x@evil/", false },
	{ "http://128.0.0.1/", false },
	{ "http://169.254.130.2:8081/msi/token", true },
	{ "http://169.255.1.1/", false },
	{ "http://169.254.1.1.evil.example/", false },
	{ "http://0/", false },
	{ "HTTPS://host/", false },
	{ "https://", false },
	{ "https:///path", false },
	{ "https://a b/", false },
	{ "https://host/#fragment", false },
	{ "http://127.0.0.1\\@evil.example/", false },
	{ "file:///etc/passwd", false },
	{ "", false },
};

START_TEST(a_safe_url)
{
	ck_assert_int_eq(value_is_safe_url(urls[_i].url), urls[_i].good);
}
END_TEST

static const struct {
	const char *url;
	bool good;
} proxies[] = {
	{ "http://proxy.contoso.com:3128", true },
	{ "https://proxy.contoso.com/", true },
	{ "http://[2001:db8::1]:3128", true },
	{ "socks5://proxy:1080", false },
	{ "proxy.contoso.com:3128", false },
	{ "http://user:password@proxy:3128", false },
	{ "http://proxy/path", false },
	{ "http://", false },
};

START_TEST(a_proxy)
{
	ck_assert_int_eq(value_is_proxy(proxies[_i].url), proxies[_i].good);
}
END_TEST

static const struct {
	const char *text, *kept;	/* NULL: refused */
} addresses[] = {
	{ "alerts@contoso.com", "alerts@contoso.com" },
	{ "Alerts+x@CONTOSO.com", "Alerts+x@contoso.com" },
	{ "a@b\xc3\xbc" "cher.example", "a@xn--bcher-kva.example" },
	{ "gr\xc3\xbc\xc3\x9f" "e@contoso.com",
	    "gr\xc3\xbc\xc3\x9f" "e@contoso.com" },
	{ "o'brien@contoso.com", "o'brien@contoso.com" },
	{ "alerts", NULL }, { "@contoso.com", NULL }, { "alerts@", NULL },
	{ "a b@contoso.com", NULL }, { "a@b@contoso.com", NULL },
	{ "<a@contoso.com>", NULL }, { "\"a b\"@contoso.com", NULL },
	{ ".a@contoso.com", NULL }, { "a.@contoso.com", NULL },
	{ "a..b@contoso.com", NULL }, { "a@contoso..com", NULL },
	{ "a@[192.0.2.1]", NULL }, { "a@192.0.2.1", NULL },
	{ "a,b@contoso.com", NULL }, { "a\r\n@contoso.com", NULL },
	{ "a@contoso.com ", NULL }, { "", NULL },
	{ "*@contoso.com", NULL }, { "a*@contoso.com", NULL },
	{ "0123456789012345678901234567890123456789012345678901234567890123"
	    "4@contoso.com", NULL },
};

START_TEST(an_address)
{
	char *kept = value_address(addresses[_i].text);

	if (addresses[_i].kept == NULL)
		ck_assert_ptr_null(kept);
	else {
		ck_assert_ptr_nonnull(kept);
		ck_assert_str_eq(kept, addresses[_i].kept);
	}
	free(kept);
}
END_TEST

START_TEST(a_name)
{
	char name[66];

	memset(name, 'a', sizeof name - 1);
	name[65] = '\0';
	ck_assert(!value_is_name(name));
	name[64] = '\0';
	ck_assert(value_is_name(name));
	ck_assert(value_is_name("Contoso_1.test-x"));
	ck_assert(!value_is_name(""));
	ck_assert(!value_is_name(".."));
	ck_assert(!value_is_name("a/b"));
	ck_assert(!value_is_name("a b"));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("value");
	TCase *t = tcase_create("value");

	tcase_add_loop_test(t, a_duration, 0, COUNT(durations));
	tcase_add_loop_test(t, a_size, 0, COUNT(sizes));
	tcase_add_loop_test(t, a_number, 0, COUNT(numbers));
	tcase_add_loop_test(t, a_date, 0, COUNT(dates));
	tcase_add_loop_test(t, an_amount_is_written_short, 0, COUNT(amounts));
	tcase_add_loop_test(t, a_flag, 0, COUNT(flags));
	tcase_add_loop_test(t, a_safe_url, 0, COUNT(urls));
	tcase_add_loop_test(t, a_proxy, 0, COUNT(proxies));
	tcase_add_loop_test(t, an_address, 0, COUNT(addresses));
	tcase_add_test(t, a_name);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
