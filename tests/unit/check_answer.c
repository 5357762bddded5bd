/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "check_main.h"
#include "token/answer.h"

#define NOW	INT64_C(1795300000)	/* Sat, 21 Nov 2026 22:26:40 GMT */
#define SECRET	"s3cret/with+odd~bytes"

static const char *const secrets[] = { SECRET, NULL };
static char app_name[] = "contoso";
static char client_id[] = "00001111-aaaa-2222-bbbb-3333cccc4444";
static const struct app app = { .name = app_name, .client_id = client_id };

static int
read_answer(struct answer *a, int status, const char *body)
{
	struct http_response r;
	int rc;

	http_init(&r);
	r.status = status;
	buf_addstr(&r.body, body);
	answer_init(a);
	rc = answer_read(a, &r, secrets, NOW);
	http_release(&r);
	return rc;
}

static const struct {
	const char	*body;
	int64_t		 expires_in, refresh_in;
} tokens[] = {
	{ "{\"token_type\":\"Bearer\",\"expires_in\":3599,"
	    "\"ext_expires_in\":3599,\"access_token\":\"t\"}", 3599, 0 },
	{ "{\"token_type\":\"bearer\",\"expires_in\":\"3599\","
	    "\"refresh_in\":\"1800\",\"access_token\":\"t\"}", 3599, 1800 },
	{ "{\"expires_in\":3599.7,\"access_token\":\"t\",\"x\":[1]}", 3599, 0 },
	{ "{\"access_token\":\"t\"}", 300, 0 },
	{ "{\"expires_in\":0,\"access_token\":\"t\"}", 300, 0 },
	{ "{\"expires_in\":-1,\"access_token\":\"t\"}", 300, 0 },
	{ "{\"expires_in\":\"soon\",\"access_token\":\"t\"}", 300, 0 },
	{ "{\"expires_in\":null,\"access_token\":\"t\"}", 300, 0 },
	{ "{\"expires_in\":1e99,\"access_token\":\"t\"}", 300, 0 },
	/* the identity endpoints */
	{ "{\"expires_on\":\"1795300500\",\"access_token\":\"t\"}", 500, 0 },
	{ "{\"expires_on\":\"2026-11-21T22:30:00Z\",\"access_token\":\"t\"}",
	    300, 0 },
	{ " \r\n{\"access_token\":\"t\"}\n ", 300, 0 },
};

START_TEST(a_token_is_found)
{
	struct answer a;

	ck_assert_int_eq(read_answer(&a, 200, tokens[_i].body), 0);
	ck_assert_str_eq(a.access.data, "t");
	ck_assert_int_eq(a.expires_in, tokens[_i].expires_in);
	ck_assert_int_eq(a.refresh_in, tokens[_i].refresh_in);
	answer_release(&a);
}
END_TEST

static const struct {
	int			 status;
	const char		*body;
	int			 sysexit;
	enum status_class	 class;
	long			 aadsts;
	const char		*words;	/* in remote */
} failures[] = {
	{ 401, "{\"error\":\"invalid_client\",\"error_description\":"
	    "\"AADSTS7000215: Invalid client secret.\\r\\nTrace ID: 1\","
	    "\"error_codes\":[7000215]}", EX_NOPERM, CLASS_CONFIG, 7000215,
	    "secret.  Trace ID" },
	{ 400, "{\"error\":\"invalid_grant\",\"error_description\":"
	    "\"AADSTS53003: no\"}", EX_NOPERM, CLASS_POLICY, 53003, "no" },
	{ 400, "{\"error\":\"invalid_grant\",\"error_codes\":[\"50196\"]}",
	    EX_TEMPFAIL, CLASS_RETRY, 50196, "invalid_grant" },
	{ 429, "Too Many Requests", EX_TEMPFAIL, CLASS_RETRY, 0,
	    "Too Many Requests" },
	{ 503, "", EX_TEMPFAIL, CLASS_RETRY, 0, "an empty answer" },
	{ 410, "", EX_TEMPFAIL, CLASS_RETRY, 0, "an empty answer" },
	{ 500, "<html>", EX_TEMPFAIL, CLASS_RETRY, 0, "<html>" },
	{ 200, "<html>", EX_TEMPFAIL, CLASS_RETRY, 0, "<html>" },
	{ 200, "{\"error\":\"invalid_client\"}", EX_NOPERM, CLASS_CONFIG, 0,
	    "invalid_client" },
	{ 200, "{\"access_token\":\"a b\"}", EX_TEMPFAIL, CLASS_RETRY, 0, "" },
	{ 200, "{\"access_token\":\"\"}", EX_TEMPFAIL, CLASS_RETRY, 0, "" },
	{ 200, "{\"access_token\":\"t\",\"token_type\":\"pop\"}", EX_TEMPFAIL,
	    CLASS_RETRY, 0, "" },
	{ 201, "{\"access_token\":\"t\"}", EX_TEMPFAIL, CLASS_RETRY, 0, "" },
	{ 200, "{\"access_token\":\"t\"", EX_TEMPFAIL, CLASS_RETRY, 0,
	    "cannot be read" },
	{ 200, "[{\"access_token\":\"t\"}]", EX_TEMPFAIL, CLASS_RETRY, 0,
	    "cannot be read" },
	{ 302, "", EX_NOPERM, CLASS_CONFIG, 0, "empty" },
	/* Identity endpoints and gateways, which have words of their own. */
	{ 400, "{\"statusCode\":400,\"message\":\"No managed identity with "
	    "specified parameters could be found\"}", EX_NOPERM, CLASS_CONFIG,
	    0, "No managed identity" },
	{ 401, "{\"error\":{\"code\":\"invalid_client\",\"message\":"
	    "\"AADSTS7000215: bad\"}}", EX_NOPERM, CLASS_CONFIG, 7000215,
	    "AADSTS7000215: bad" },
	{ 403, "{\"message\":\"Forbidden by\\r\\npolicy\"}", EX_NOPERM,
	    CLASS_CONFIG, 0, "Forbidden by  policy" },
	{ 403, "{\"why\":\"blocked\"}", EX_NOPERM, CLASS_CONFIG, 0,
	    "{\"why\":\"blocked\"}" },
	{ 403, "{\"why\":\"bl\\u006fcked\"}", EX_NOPERM, CLASS_CONFIG, 0,
	    "(an answer without words)" },
	{ 503, "{\"error\":\"\"}", EX_TEMPFAIL, CLASS_RETRY, 0,
	    "{\"error\":\"\"}" },
	{ 400, "{\"error\":[1],\"error_description\":{\"a\":1}}", EX_NOPERM,
	    CLASS_CONFIG, 0, "" },
	{ 400, "\033[31mred", EX_NOPERM, CLASS_CONFIG, 0, "?[31mred" },
};

START_TEST(a_failure_is_judged)
{
	struct status st = STATUS_INIT;
	struct answer a;

	ck_assert_int_eq(read_answer(&a, failures[_i].status,
	    failures[_i].body), -1);
	ck_assert_uint_eq(a.access.len, 0);
	ck_assert_int_eq(a.aadsts, failures[_i].aadsts);
	ck_assert_int_eq(answer_judge(&a, &app, NULL, &st), -1);
	ck_assert_int_eq(st.sysexit, failures[_i].sysexit);
	ck_assert_int_eq(st.class, failures[_i].class);
	ck_assert_int_eq(st.scope, SCOPE_ACCOUNT);
	ck_assert_int_eq(st.reply, failures[_i].status);
	ck_assert_str_eq(st.text, "getting a token for app contoso");
	ck_assert_ptr_nonnull(strstr(st.remote, failures[_i].words));
	ck_assert_str_ne(st.hint, "");
	answer_release(&a);
}
END_TEST

static const char *const repeated[] = {
	"you sent " SECRET "!",
	"client_secret=s3cret%2Fwith%2Bodd~bytes&x",
	"{\"error\":\"" SECRET "\"}",
	"{\"error\":\"x\",\"error_description\":\"s3cret\\/with+odd~bytes\"}",
	"{\"error_description\":\"\\u00733cret/with+odd~bytes\"}",
	"{\"message\":\"\\u00733cret/with+odd~bytes\"}",
	"{\"error\":{\"message\":\"s3cret\\/with+odd~bytes\"}}",
	"{\"error\":{\"code\":\"s3cret\\/with+odd~bytes\"}}",
};

START_TEST(a_secret_that_comes_back_is_not_shown)
{
	struct status st = STATUS_INIT;
	struct answer a;

	ck_assert_int_eq(read_answer(&a, 400, repeated[_i]), -1);
	answer_judge(&a, &app, NULL, &st);
	ck_assert_ptr_null(strstr(st.remote, "s3cret"));
	ck_assert_ptr_null(strstr(a.error, "s3cret"));
	ck_assert_str_eq(st.remote, "(words that repeat the secret)");
	answer_release(&a);
}
END_TEST

/* In a member that nobody knows it is not even looked for. */
START_TEST(a_secret_in_a_spelling_of_its_own_is_not_shown)
{
	struct status st = STATUS_INIT;
	struct answer a;

	ck_assert_int_eq(read_answer(&a, 400,
	    "{\"sent\":\"\\u0073\\u0033cr\\u0065t\\/w\\u0069th+odd\"}"), -1);
	answer_judge(&a, &app, NULL, &st);
	ck_assert_str_eq(st.remote, "(an answer without words)");
	answer_release(&a);
}
END_TEST

/* Each member by itself has only some of it. */
START_TEST(pieces_of_a_secret_are_hidden)
{
	static const char body[] = "{\"error\":\"s3cret/with+\","
	    "\"error_description\":\"AADSTS7000215: not s3cret/w\\r\\nith+odd"
	    " or cret%2Fwith%2B\",\"correlation_id\":\"s3cret\\u002fwith+odd~"
	    "bytes\",\"trace_id\":\"/with+odd~\",\"timestamp\":\"odd~bytes\"}";
	struct status st = STATUS_INIT;
	struct answer a;

	ck_assert_int_eq(read_answer(&a, 401, body), -1);
	answer_judge(&a, &app, NULL, &st);
	ck_assert_int_eq(a.aadsts, 7000215);
	ck_assert_str_eq(a.error, "<hidden>");
	ck_assert_str_eq(a.description, "AADSTS7000215: not <hidden> or "
	    "<hidden>");
	ck_assert_str_eq(st.remote, a.description);
	ck_assert_str_eq(a.correlation_id, "<hidden>");
	ck_assert_str_eq(a.trace_id, "<hidden>");
	ck_assert_str_eq(a.timestamp, "<hidden>");
	answer_release(&a);
}
END_TEST

/* What is no JSON is quoted, unless it was to be some. */
START_TEST(a_token_that_cannot_be_read_is_not_shown)
{
	static const char *const bodies[] = {
		"{\"access_token\":\"T0KEN\"}<!-- proxy -->",
		"[{\"access_token\":\"T0KEN\"}]",
		"{\"access_token\":\"T0KEN\",\"access_token\":\"T0KEN\"}",
		"{\"refresh_token\":\"T0KEN\"",
		"eyJhbGciOiJub25lIn0.T0KEN.",
	};
	struct status st = STATUS_INIT;
	struct answer a;

	ck_assert_int_eq(read_answer(&a, 200, bodies[_i]), -1);
	answer_judge(&a, &app, NULL, &st);
	ck_assert_ptr_null(strstr(st.remote, "T0KEN"));
	ck_assert_ptr_nonnull(strstr(st.remote, "cannot be read"));
	answer_release(&a);
}
END_TEST

START_TEST(an_answer_too_long_is_said_to_be)
{
	struct status st = STATUS_INIT;
	struct http_response r;
	struct answer a;

	http_init(&r);
	r.status = 200;
	r.cut = true;
	buf_addstr(&r.body, "{\"access_token\":\"t\"}");
	answer_init(&a);
	ck_assert_int_eq(answer_read(&a, &r, secrets, NOW), -1);
	answer_judge(&a, &app, NULL, &st);
	ck_assert_ptr_nonnull(strstr(st.remote, "256 KiB"));
	ck_assert_int_eq(st.sysexit, EX_TEMPFAIL);
	answer_release(&a);
	http_release(&r);
}
END_TEST

static const struct {
	const char	*lines[2];
	int64_t		 retry_after, skew;
	const char	*words;		/* in text */
} headers[] = {
	{ { "Retry-After: 120\r\n", "" }, 120, 0, NULL },
	{ { "retry-after:7", "" }, 7, 0, NULL },
	{ { "Retry-After: 99999999999999999999", "" }, 999999999, 0, NULL },
	{ { "Retry-After: -5", "" }, -1, 0, NULL },
	{ { "Retry-After: soon", "" }, -1, 0, NULL },
	{ { "Retry-After:", "" }, -1, 0, NULL },
	{ { "Retry-After: Sat, 21 Nov 2026 22:27:40 GMT", "" }, 60, 0, NULL },
	{ { "Retry-After: Sat, 21 Nov 2020 22:27:40 GMT", "" }, 0, 0, NULL },
	/* by the server's clock, in whatever order */
	{ { "Retry-After: Sat, 21 Nov 2026 23:27:40 GMT\r\n",
	    "Date: Sat, 21 Nov 2026 23:26:40 GMT\r\n" }, 60, 3600,
	    "60 minutes behind" },
	{ { "Date: Sat, 21 Nov 2026 21:26:40 GMT", "" }, -1, -3600,
	    "60 minutes ahead of" },
	{ { "Date: Sat, 21 Nov 2026 22:27:40 GMT", "" }, -1, 60, NULL },
	{ { "Date: yesterday", "Retry-Afters: 5" }, -1, 0, NULL },
};

START_TEST(headers_tell_when_and_what_time_it_is)
{
	struct status st = STATUS_INIT;
	struct http_response r;
	struct answer a;
	size_t i;

	http_init(&r);
	r.status = 429;
	for (i = 0; i < 2; i++)
		http_header(&r, headers[_i].lines[i],
		    strlen(headers[_i].lines[i]));
	answer_init(&a);
	ck_assert_int_eq(answer_read(&a, &r, secrets, NOW), -1);
	ck_assert_int_eq(a.retry_after, headers[_i].retry_after);
	ck_assert_int_eq(a.skew, headers[_i].skew);
	answer_judge(&a, &app, NULL, &st);
	ck_assert_int_eq(strstr(st.text, "clock") != NULL,
	    headers[_i].words != NULL);
	if (headers[_i].words != NULL)
		ck_assert_ptr_nonnull(strstr(st.text, headers[_i].words));
	answer_release(&a);
	http_release(&r);
}
END_TEST

static const struct {
	const char	*url;
	bool		 local;
} urls[] = {
	{ "http://127.0.0.1:40342/metadata", true },
	{ "http://127.8.9.1/", true },
	{ "http://169.254.169.254/metadata/identity", true },
	{ "http://localhost:1/x", true },
	{ "http://[::1]:1/x", true },
	{ "http://127.example.net/", false },
	{ "http://127.0.0.1.example.net/", false },
	{ "http://localhost.example.net/", false },
	{ "http://127.0.0.1@example.net/", false },
	{ "http://example.net/127.0.0.1", false },
	{ "http://169.255.169.254/", false },
	{ "http://10.0.0.1/", false },
	{ "nonsense", false },
	{ "", false },
};

START_TEST(plain_http_stays_on_this_machine)
{
	ck_assert_int_eq(http_is_local(urls[_i].url), urls[_i].local);
}
END_TEST

START_TEST(uuids_are_random_version_4)
{
	char a[UUID_SIZE], b[UUID_SIZE];

	uuid_make(a);
	uuid_make(b);
	ck_assert_str_ne(a, b);
	ck_assert_uint_eq(strlen(a), 36);
	ck_assert_int_eq(a[14], '4');
	ck_assert_ptr_nonnull(strchr("89ab", a[19]));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("answer");
	TCase *t = tcase_create("answer");

	tcase_add_loop_test(t, a_token_is_found, 0,
	    sizeof tokens / sizeof *tokens);
	tcase_add_loop_test(t, a_failure_is_judged, 0,
	    sizeof failures / sizeof *failures);
	tcase_add_test(t, pieces_of_a_secret_are_hidden);
	tcase_add_test(t, a_secret_in_a_spelling_of_its_own_is_not_shown);
	tcase_add_loop_test(t, a_secret_that_comes_back_is_not_shown, 0,
	    sizeof repeated / sizeof *repeated);
	tcase_add_loop_test(t, a_token_that_cannot_be_read_is_not_shown, 0, 5);
	tcase_add_test(t, an_answer_too_long_is_said_to_be);
	tcase_add_loop_test(t, headers_tell_when_and_what_time_it_is, 0,
	    sizeof headers / sizeof *headers);
	tcase_add_loop_test(t, plain_http_stays_on_this_machine, 0,
	    sizeof urls / sizeof *urls);
	tcase_add_test(t, uuids_are_random_version_4);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
