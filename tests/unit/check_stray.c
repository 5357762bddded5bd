/* SPDX-License-Identifier: ISC */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "check_main.h"
#include "queue/state_file.h"
#include "queue/stray.h"

static char directory[] = "/tmp/check_stray.XXXXXX";
static struct config config;
static struct strays list;

static void
setup(void)
{
	memcpy(directory, "/tmp/check_stray.XXXXXX", sizeof directory);
	ck_assert_ptr_nonnull(mkdtemp(directory));
	config = (struct config){ .state_directory = directory };
}

static void
teardown(void)
{
	char command[64];

	snprintf(command, sizeof command, "rm -rf %s", directory);
	ck_assert_int_eq(system(command), 0);
}

static size_t
count(void)
{
	stray_list(&config, &list);
	return list.count;
}

/* From `address`, seen so long ago, in the only place. */
static void
store(const char *address, int64_t age)
{
	static const struct field fields[] = {
		FIELD_PLAIN("seen0", FIELD_NUMBER, 0, INT64_MAX),
		FIELD_PLAIN("from0", FIELD_CHARS, offsetof(struct stray,
		    address), 255),
		FIELD_LAST
	};
	struct stray s = { .seen = clock_wall() - age };
	struct state_file f;

	snprintf(s.address, sizeof s.address, "%s", address);
	ck_assert_int_eq(state_file_open(&f, &config, "stray", "senders", true),
	    0);
	ck_assert_int_eq(state_file_write(&f, fields, &s, NULL, NULL), 0);
	state_file_close(&f);
}

START_TEST(a_domain_is_listed_once)
{
	ck_assert_uint_eq(count(), 0);
	stray_note(&config, 33, "noreply@shop.example");
	stray_note(&config, 1000, "info@SHOP.example");
	stray_note(&config, 1000, "a@other.example");
	ck_assert_uint_eq(count(), 2);
	ck_assert_str_eq(list.items[0].address, "noreply@shop.example");
	ck_assert_uint_eq(list.items[0].uid, 33);
	ck_assert_int_le(clock_wall() - list.items[0].seen, 5);
	ck_assert_str_eq(list.items[1].address, "a@other.example");
}
END_TEST

START_TEST(what_is_no_address_is_not_noted)
{
	char longest[400];

	memset(longest, 'x', sizeof longest - 1);
	memcpy(longest, "a@", 2);
	longest[sizeof longest - 1] = '\0';
	stray_note(&config, 33, "root");
	stray_note(&config, 33, "root@");
	stray_note(&config, 33, "");
	stray_note(&config, 33, longest);
	ck_assert_uint_eq(count(), 0);
	longest[255] = '\0';
	stray_note(&config, 33, longest);
	ck_assert_uint_eq(count(), 1);
	ck_assert_str_eq(list.items[0].address, longest);
}
END_TEST

START_TEST(control_characters_do_not_stay)
{
	stray_note(&config, 33, "a\033[2J\n@b.example");
	ck_assert_uint_eq(count(), 1);
	ck_assert_ptr_null(strchr(list.items[0].address, '\033'));
	ck_assert_ptr_null(strchr(list.items[0].address, '\n'));
}
END_TEST

START_TEST(one_user_pushes_nobody_out)
{
	char address[64];
	int i;

	stray_note(&config, 33, "noreply@shop.example");
	for (i = 0; i < 100; i++) {
		snprintf(address, sizeof address, "a@d%d.example", i);
		stray_note(&config, 1000, address);
	}
	ck_assert_uint_eq(count(), 1 + STRAYS_OF_USER);
	ck_assert_str_eq(list.items[0].address, "noreply@shop.example");
}
END_TEST

START_TEST(all_places_taken)
{
	char address[64];
	uid_t uid;

	for (uid = 0; uid < 3 * STRAYS_MAX; uid++) {
		snprintf(address, sizeof address, "a@d%u.example",
		    (unsigned)uid);
		stray_note(&config, uid, address);
	}
	ck_assert_uint_eq(count(), STRAYS_MAX);
}
END_TEST

START_TEST(after_a_week_it_is_forgotten)
{
	store("a@old.example", STRAY_DAYS * 24 * 3600 + 1);
	ck_assert_uint_eq(count(), 0);
	store("a@old.example", STRAY_DAYS * 24 * 3600 - 60);
	ck_assert_uint_eq(count(), 1);
	/* Seen again, it counts anew. */
	stray_note(&config, 33, "b@old.example");
	ck_assert_uint_eq(count(), 1);
	ck_assert_str_eq(list.items[0].address, "b@old.example");
	ck_assert_int_le(clock_wall() - list.items[0].seen, 5);
}
END_TEST

START_TEST(a_file_that_is_not_ours)
{
	char path[80];
	FILE *f;

	store("a@future.example", -3600);
	ck_assert_uint_eq(count(), 0);
	store("nobody", 60);
	ck_assert_uint_eq(count(), 0);
	snprintf(path, sizeof path, "%s/stray-senders", directory);
	ck_assert_ptr_nonnull(f = fopen(path, "w"));
	fputs("limits seen0=5 from0=a@b.example #0000000000000000\n", f);
	fclose(f);
	ck_assert_uint_eq(count(), 0);
	stray_note(&config, 33, "a@b.example");
	ck_assert_uint_eq(count(), 1);
}
END_TEST

START_TEST(nowhere_to_write)
{
	static char missing[] = "/nonexistent";

	config.state_directory = missing;
	stray_note(&config, 33, "a@b.example");
	ck_assert_uint_eq(count(), 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("stray");
	TCase *t = tcase_create("stray");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_domain_is_listed_once);
	tcase_add_test(t, what_is_no_address_is_not_noted);
	tcase_add_test(t, control_characters_do_not_stay);
	tcase_add_test(t, one_user_pushes_nobody_out);
	tcase_add_test(t, all_places_taken);
	tcase_add_test(t, after_a_week_it_is_forgotten);
	tcase_add_test(t, a_file_that_is_not_ours);
	tcase_add_test(t, nowhere_to_write);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
