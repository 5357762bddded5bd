/* SPDX-License-Identifier: ISC
 *
 * RFC 3461: what may stand in a parameter that goes to the server.
 */
#include "check_main.h"
#include "cli/dsn.h"

static const struct {
	bool	  (*is)(const char *value);
	const char *value;
	bool	    wanted;
} values[] = {
	{ dsn_is_notify, "NEVER", true },
	{ dsn_is_notify, "never", true },
	{ dsn_is_notify, "success", true },
	{ dsn_is_notify, "success,Failure,DELAY", true },
	{ dsn_is_notify, "", false },
	{ dsn_is_notify, ",", false },
	{ dsn_is_notify, "success,", false },
	{ dsn_is_notify, "never,success", false },
	{ dsn_is_notify, "success,never", false },
	{ dsn_is_notify, "success failure", false },
	{ dsn_is_notify, "successful", false },
	{ dsn_is_notify, "delay,delay,delay,delay,delay,delay", false },
	{ dsn_is_ret, "full", true },
	{ dsn_is_ret, "HDRS", true },
	{ dsn_is_ret, "", false },
	{ dsn_is_ret, "full ", false },
	{ dsn_is_ret, "headers", false },
	{ dsn_is_envid, "QQ314159", true },
	{ dsn_is_envid, "a+2Bb+3D", true },
	{ dsn_is_envid, "", false },
	{ dsn_is_envid, "a b", false },
	{ dsn_is_envid, "a=b", false },
	{ dsn_is_envid, "a+2b", false },
	{ dsn_is_envid, "a+", false },
	{ dsn_is_envid, "a+2", false },
	{ dsn_is_envid, "a\r", false },
	{ dsn_is_envid, "\303\251", false },
};

START_TEST(test_value)
{
	ck_assert_msg(values[_i].is(values[_i].value) == values[_i].wanted,
	    "%s", values[_i].value);
}
END_TEST

START_TEST(test_upper_case)
{
	char to[8];

	dsn_upper_case(to, sizeof to, "hdrs");
	ck_assert_str_eq(to, "HDRS");
	dsn_upper_case(to, sizeof to, "success,delay");
	ck_assert_str_eq(to, "SUCCESS");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("dsn");
	TCase *t = tcase_create("values");

	tcase_add_loop_test(t, test_value, 0, sizeof values / sizeof *values);
	tcase_add_test(t, test_upper_case);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
