/* SPDX-License-Identifier: ISC
 *
 * Lines for a person: never over 80 columns, commands whole.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "cli/out.h"
#include "diagnose/diagnose.h"

static char *shown;
static size_t shown_len;

static void
begin(struct out *o)
{
	FILE *f = open_memstream(&shown, &shown_len);

	ck_assert_ptr_nonnull(f);
	out_init(o, f);
}

static void
end(struct out *o)
{
	fclose(o->to);
}

#define TEN "0123456789"
#define PS_MAILBOX "Set-CASMailbox -Identity alerts@contoso.com "

static const struct {
	int		 indent;
	const char	*text, *want;
} advices[] = {
	{ 0, "", "\n" },
	{ 0, "two words", "two words\n" },
	{ 2, "a\nb", "  a\n  b\n" },
	{ 70, TEN " " TEN,
	  "                                                                  "
	  "    " TEN "\n"
	  "                                                                  "
	  "    " TEN "\n" },
	{ 75, TEN,
	  "                                                                  "
	  "         01234\n"
	  "                                                                  "
	  "         56789\n" },
	{ 75, "/" TEN,
	  "                                                                  "
	  "         /" TEN "\n" },
	{ 0, "do: Set-X -Y z; then wait", "do:\n  Set-X -Y z\nthen wait\n" },
	{ 0, "Set-X -Y z (it helps); ok", "  Set-X -Y z\n(it helps); ok\n" },
	{ 0, "use Add-HVEAppAccess here", "use Add-HVEAppAccess here\n" },
	{ 4, PS_MAILBOX "-SmtpClientAuthenticationDisabled $false",
	  "      " PS_MAILBOX "`\n"
	  "        -SmtpClientAuthenticationDisabled $false\n" },
};

START_TEST(text_is_wrapped_and_commands_stand_alone)
{
	struct out o;

	begin(&o);
	out_advice(&o, advices[_i].indent, advices[_i].text);
	end(&o);
	ck_assert_str_eq(shown, advices[_i].want);
	free(shown);
}
END_TEST

START_TEST(a_step_has_three_columns)
{
	struct out o;

	begin(&o);
	out_step(&o, OUT_FAILED, "AUTH", "535 5.7.3 no");
	out_step(&o, OUT_OK, "a-name-that-is-long", "text");
	out_field(&o, 8, "Do", "this");
	end(&o);
	ck_assert_str_eq(shown,
	    "FAILED  AUTH        535 5.7.3 no\n"
	    "ok      a-name-that-is-long text\n"
	    "        Do:     this\n");
	free(shown);
}
END_TEST

/* However long the words of a row of the catalogue. */
START_TEST(every_row_of_the_catalogue_fits_80_columns)
{
	const struct diagnosis *d;
	struct out o;
	char *line;
	size_t i;

	for (i = 0; (d = diagnose_row(i)) != NULL; i++) {
		begin(&o);
		out_field(&o, 8, "Do", d->fix);
		end(&o);
		for (line = strtok(shown, "\n"); line != NULL;
		    line = strtok(NULL, "\n"))
			ck_assert_msg(strlen(line) <= OUT_WIDTH, "%s", line);
		free(shown);
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("out");
	TCase *t = tcase_create("out");

	tcase_add_loop_test(t, text_is_wrapped_and_commands_stand_alone, 0,
	    sizeof advices / sizeof *advices);
	tcase_add_test(t, a_step_has_three_columns);
	tcase_add_test(t, every_row_of_the_catalogue_fits_80_columns);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
