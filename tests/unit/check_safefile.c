/* SPDX-License-Identifier: ISC */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/safefile.h"
#include "check_main.h"

/* Everything happens below a directory of our own in /tmp, with relative names
 * in the tables: "d/f" is a file in a directory. */
static char top[] = "/tmp/check_safefile.XXXXXX";
static struct trust us;

static void
setup(void)
{
	memcpy(top + sizeof top - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(top));
	ck_assert_int_eq(chdir(top), 0);
	umask(022);
	us = (struct trust){ .owner = geteuid(), .group = getegid() };
	ck_assert_int_eq(mkdir("d", 0755), 0);
}

static void
teardown(void)
{
	char command[sizeof top + 20];

	ck_assert_int_eq(chdir("/"), 0);
	snprintf(command, sizeof command, "rm -rf %s", top);
	ck_assert_int_eq(system(command), 0);
}

static void
make_file(const char *name, const char *text, mode_t mode)
{
	FILE *f = fopen(name, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	ck_assert_int_eq(chmod(name, mode), 0);
}

static int
read_as(const char *name, enum trust_kind kind, struct buf *out,
    struct status *st)
{
	return safefile_read(name, kind, &us, 100, out, st);
}

START_TEST(a_trusted_file_is_read)
{
	struct status st = STATUS_INIT;
	struct buf out;
	char path[sizeof top + 20];

	make_file("d/f", "text", 0640);
	ck_assert_int_eq(read_as("d/f", TRUST_SECRET, &out, &st), 0);
	ck_assert_str_eq(out.data, "text");
	ck_assert_int_eq(st.sysexit, EX_OK);
	buf_wipe(&out);
	snprintf(path, sizeof path, "%s//d/../d/./f", top);
	ck_assert_int_eq(read_as(path, TRUST_SECRET, &out, &st), 0);
	buf_wipe(&out);
	ck_assert_int_eq(chdir("d"), 0);
	ck_assert_int_eq(read_as("f", TRUST_SECRET, &out, &st), 0);
	buf_wipe(&out);
	ck_assert_int_eq(chdir(".."), 0);
}
END_TEST

static const struct {
	mode_t directory, file;
	bool config, secret;
	const char *hint;
} modes[] = {
	{ 0755, 0644, true, false, "chmod o-rwx" },
	{ 0755, 0640, true, true, NULL },
	{ 0700, 0600, true, true, NULL },
	{ 0755, 0400, true, true, NULL },
	{ 0755, 0664, false, false, "chmod go-w" },
	{ 0755, 0646, false, false, "chmod go-w" },
	{ 0775, 0600, false, false, "chmod go-w" },
	{ 0757, 0600, false, false, "chmod go-w" },
};

START_TEST(modes_decide)
{
	enum trust_kind kind;
	bool want;
	struct status st = STATUS_INIT;
	struct buf out;

	make_file("d/f", "x", modes[_i].file);
	ck_assert_int_eq(chmod("d", modes[_i].directory), 0);
	for (kind = TRUST_CONFIG; kind <= TRUST_SECRET; kind++) {
		want = kind == TRUST_CONFIG ? modes[_i].config : modes[_i].secret;
		ck_assert_int_eq(read_as("d/f", kind, &out, &st), want ? 0 : -1);
		if (!want) {
			ck_assert_int_eq(st.sysexit, EX_CONFIG);
			ck_assert_ptr_nonnull(strstr(st.hint, modes[_i].hint));
			ck_assert_ptr_nonnull(strstr(st.text, "(mode 0"));
			ck_assert_int_ne(errno, ENOENT);
		}
		buf_release(&out);
	}
}
END_TEST

START_TEST(owners_decide)
{
	struct status st = STATUS_INIT;
	struct trust other = { .owner = 4242, .group = 4243 };
	struct buf out;

	if (geteuid() != 0)
		return;
	make_file("d/f", "x", 0640);
	/* Another owner, then another group, then both as trusted. */
	ck_assert_int_eq(chown("d/f", 4242, 0), 0);
	ck_assert_int_eq(read_as("d/f", TRUST_CONFIG, &out, &st), -1);
	ck_assert_ptr_nonnull(strstr(st.text, "belongs to 4242:"));
	ck_assert_ptr_nonnull(strstr(st.text, "must belong to root"));
	ck_assert_ptr_nonnull(strstr(st.hint, "chown root /tmp/"));
	ck_assert_int_eq(chown("d/f", 0, 4243), 0);
	ck_assert_int_eq(read_as("d/f", TRUST_SECRET, &out, &st), -1);
	ck_assert_ptr_nonnull(strstr(st.hint, "chmod g-rwx"));
	ck_assert_int_eq(chown("d/f", 4242, 4243), 0);
	ck_assert_int_eq(safefile_read("d/f", TRUST_SECRET, &other, 9, &out,
	    &st), 0);
	buf_release(&out);
	ck_assert_int_eq(chown("d/f", 0, 9), 0);
	ck_assert_int_eq(safefile_read("d/f", TRUST_SECRET, &other, 9, &out,
	    &st), -1);
	ck_assert_ptr_nonnull(strstr(st.hint, "chgrp 4243 /tmp/"));
	/* A directory of somebody else's on the way. */
	ck_assert_int_eq(chown("d/f", 0, 0), 0);
	ck_assert_int_eq(chown("d", 4244, 0), 0);
	ck_assert_int_eq(read_as("d/f", TRUST_CONFIG, &out, &st), -1);
	ck_assert_ptr_nonnull(strstr(st.text, "/d belongs to 4244:"));
}
END_TEST

START_TEST(a_missing_file_is_enoent_and_nothing_else_is)
{
	static const char *const missing[] = { "d/x", "x/f", "dangling" };
	static const char *const other[] = { "", "d", "d/", "f/x", "f/../f/x",
	    "loop", "/", ".", "fifo", "socket" };
	struct sockaddr_un sun = { .sun_family = AF_UNIX, .sun_path = "socket" };
	struct status st = STATUS_INIT;
	struct stat sb;
	size_t i;
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	make_file("f", "x", 0644);
	ck_assert_int_eq(symlink("nowhere", "dangling"), 0);
	ck_assert_int_eq(symlink("loop", "loop"), 0);
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	ck_assert_int_eq(bind(s, (struct sockaddr *)&sun, sizeof sun), 0);
	close(s);
	for (i = 0; i < sizeof missing / sizeof *missing; i++) {
		ck_assert_int_eq(safefile_open(missing[i], TRUST_CONFIG, &us,
		    &sb, &st), -1);
		ck_assert_int_eq(errno, ENOENT);
		ck_assert_int_eq(st.sysexit, EX_CONFIG);
		ck_assert_ptr_nonnull(strstr(st.text, "does not exist"));
	}
	for (i = 0; i < sizeof other / sizeof *other; i++) {
		ck_assert_int_eq(safefile_open(other[i], TRUST_CONFIG, &us,
		    &sb, &st), -1);
		ck_assert_int_ne(errno, ENOENT);
		ck_assert_int_eq(st.sysexit, EX_CONFIG);
	}
}
END_TEST

START_TEST(links_are_followed_and_their_way_is_checked)
{
	struct status st = STATUS_INIT;
	struct buf out;
	char target[sizeof top + 10];

	/* The way of certbot: live/f -> ../archive/f1, live itself a link. */
	ck_assert_int_eq(mkdir("archive", 0755), 0);
	make_file("archive/f1", "key", 0600);
	ck_assert_int_eq(symlink("../archive/f1", "d/f"), 0);
	snprintf(target, sizeof target, "%s/d", top);
	ck_assert_int_eq(symlink(target, "live"), 0);
	ck_assert_int_eq(read_as("live/f", TRUST_SECRET, &out, &st), 0);
	ck_assert_str_eq(out.data, "key");
	buf_release(&out);
	ck_assert_int_eq(chmod("archive", 0777), 0);
	ck_assert_int_eq(read_as("live/f", TRUST_SECRET, &out, &st), -1);
	ck_assert_ptr_nonnull(strstr(st.text, "live/f: "));
	ck_assert_ptr_nonnull(strstr(st.text, "/archive belongs to"));
}
END_TEST

START_TEST(too_many_links_are_too_many)
{
	struct status st = STATUS_INIT;
	struct stat sb;
	char from[10], to[10];
	int i, fd;

	make_file("l0", "x", 0600);
	for (i = 1; i <= 17; i++) {
		snprintf(from, sizeof from, "l%d", i);
		snprintf(to, sizeof to, "l%d", i - 1);
		ck_assert_int_eq(symlink(to, from), 0);
	}
	fd = safefile_open("l16", TRUST_SECRET, &us, &sb, &st);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	ck_assert_int_eq(safefile_open("l17", TRUST_SECRET, &us, &sb, &st), -1);
	ck_assert_ptr_nonnull(strstr(st.text, "symbolic links"));
}
END_TEST

START_TEST(in_a_shared_directory_only_trusted_entries_count)
{
	struct status st = STATUS_INIT;
	struct buf out;

	if (geteuid() != 0)
		return;
	ck_assert_int_eq(chmod("d", 01777), 0);
	make_file("d/f", "x", 0600);
	ck_assert_int_eq(symlink("f", "d/l"), 0);
	ck_assert_int_eq(read_as("d/f", TRUST_SECRET, &out, &st), 0);
	buf_release(&out);
	ck_assert_int_eq(read_as("d/l", TRUST_SECRET, &out, &st), 0);
	buf_release(&out);
	ck_assert_int_eq(lchown("d/l", 4242, 0), 0);
	ck_assert_int_eq(read_as("d/l", TRUST_SECRET, &out, &st), -1);
	ck_assert_ptr_nonnull(strstr(st.hint, "chown -h root"));
	/* Sticky does not help where the directory is not root's. */
	ck_assert_int_eq(chown("d", 4242, 0), 0);
	us.owner = 4242;
	ck_assert_int_eq(read_as("d/f", TRUST_SECRET, &out, &st), -1);
	ck_assert_ptr_nonnull(strstr(st.hint, "chmod go-w"));
}
END_TEST

START_TEST(a_hint_can_be_pasted)
{
	struct status st = STATUS_INIT;
	struct buf out;

	make_file("d/`id`'; x", "x", 0666);
	ck_assert_int_eq(read_as("d/`id`'; x", TRUST_CONFIG, &out, &st), -1);
	ck_assert_ptr_nonnull(strstr(st.hint, "/d/`id`'\\''; x'"));
	ck_assert_ptr_nonnull(strstr(st.hint, "chmod go-w '/tmp/"));
}
END_TEST

START_TEST(who_is_refused_is_told_who_it_is)
{
	struct status st = STATUS_INIT;
	struct stat sb;

	if (geteuid() != 0)
		return;
	make_file("d/f", "x", 0600);
	ck_assert_int_eq(chmod(top, 0755), 0);
	ck_assert_int_eq(setegid(4243), 0);
	ck_assert_int_eq(seteuid(4242), 0);
	ck_assert_int_eq(safefile_open("d/f", TRUST_SECRET, &us, &sb, &st), -1);
	ck_assert_int_eq(errno, EACCES);
	ck_assert_int_eq(st.sysexit, EX_NOPERM);
	ck_assert_ptr_nonnull(strstr(st.text, "/d/f: permission denied to read"));
	ck_assert_ptr_nonnull(strstr(st.text, "running as 4242"));
	ck_assert_ptr_nonnull(strstr(st.hint, "chgrp 4243 /tmp/"));
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(chmod("d", 0700), 0);
	ck_assert_int_eq(seteuid(4242), 0);
	ck_assert_int_eq(safefile_open("d/f", TRUST_SECRET, &us, &sb, &st), -1);
	ck_assert_ptr_nonnull(strstr(st.text, "/d: permission denied to search"));
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(setegid(0), 0);
}
END_TEST

START_TEST(a_long_file_is_an_error_and_no_prefix)
{
	struct status st = STATUS_INIT;
	struct buf out;

	make_file("d/f", "12345", 0600);
	ck_assert_int_eq(safefile_read("d/f", TRUST_SECRET, &us, 5, &out, &st),
	    0);
	ck_assert_uint_eq(out.len, 5);
	buf_release(&out);
	ck_assert_int_eq(safefile_read("d/f", TRUST_SECRET, &us, 4, &out, &st),
	    -1);
	ck_assert_uint_eq(out.len, 0);
	ck_assert_ptr_nonnull(strstr(st.text, "longer than 4"));
	make_file("d/e", "", 0600);
	ck_assert_int_eq(safefile_read("d/e", TRUST_SECRET, &us, 4, &out, &st),
	    0);
	ck_assert_str_eq(out.data, "");
	buf_release(&out);
}
END_TEST

static int
entries(int directory)
{
	DIR *d = fdopendir(openat(directory, ".", O_RDONLY | O_DIRECTORY));
	int count = 0;

	while (readdir(d) != NULL)
		count++;
	closedir(d);
	return count - 2;
}

START_TEST(own_files_are_replaced_as_a_whole)
{
	struct status st = STATUS_INIT;
	struct rlimit limit = { 2, RLIM_INFINITY };
	struct stat sb;
	struct buf out;
	int d = safefile_open_directory("d", geteuid(), &st);

	ck_assert_int_ge(d, 0);
	ck_assert_int_eq(safefile_read_at(d, "f", 99, &out, &st), -1);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(safefile_replace_at(d, "f", "one", 3, &st), 0);
	ck_assert_int_eq(safefile_replace_at(d, "f", "two", 3, &st), 0);
	ck_assert_int_eq(fstatat(d, "f", &sb, 0), 0);
	ck_assert_int_eq(sb.st_mode & 07777, 0640);
	/* A write that fails leaves the old file and nothing else. */
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(safefile_replace_at(d, "f", "three", 5, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_CANTCREAT);
	limit.rlim_cur = RLIM_INFINITY;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(entries(d), 1);
	ck_assert_int_eq(safefile_read_at(d, "f", 99, &out, &st), 0);
	ck_assert_str_eq(out.data, "two");
	buf_release(&out);
	ck_assert_int_eq(safefile_read_at(d, "f", 2, &out, &st), -1);
	close(d);
}
END_TEST

/* Names as of a replacement that was killed, and names that only look so. */
START_TEST(abandoned_temporary_files_are_swept)
{
	static const struct {
		const char *name;
		bool goes;
	} files[] = {
		{ ".token-a.json.0123456789abcdef", true },
		{ ".unnamed.fedcba9876543210", true },
		{ "token-a.json", false },
		{ ".a.0123456789abcde", false },
		{ ".a.0123456789abcdeF", false },
		{ "..0123456789abcdef", false },
		{ "a.0123456789abcdef", false },
	};
	struct status st = STATUS_INIT;
	struct stat sb;
	int d = safefile_open_directory("d", geteuid(), &st);
	size_t i;
	int fd;

	ck_assert_int_ge(d, 0);
	for (i = 0; i < sizeof files / sizeof *files; i++) {
		fd = openat(d, files[i].name, O_CREAT | O_WRONLY, 0640);
		ck_assert_int_ge(fd, 0);
		close(fd);
	}
	ck_assert_int_eq(mkdirat(d, ".b.0123456789abcdef", 0750), 0);
	safefile_sweep_at(d, time(NULL) - 60);
	ck_assert_int_eq(fstatat(d, files[0].name, &sb, 0), 0);
	safefile_sweep_at(d, time(NULL) + 60);
	for (i = 0; i < sizeof files / sizeof *files; i++)
		ck_assert_msg((fstatat(d, files[i].name, &sb, 0) == -1) ==
		    files[i].goes, "%s", files[i].name);
	ck_assert_int_eq(fstatat(d, ".b.0123456789abcdef", &sb, 0), 0);
	close(d);
}
END_TEST

START_TEST(own_files_are_ours_alone)
{
	struct status st = STATUS_INIT;
	struct buf out;
	int d = safefile_open_directory("d", geteuid(), &st);

	ck_assert_int_eq(safefile_replace_at(d, "f", "one", 3, &st), 0);
	ck_assert_int_eq(symlink("f", "d/link"), 0);
	ck_assert_int_eq(safefile_read_at(d, "link", 9, &out, &st), -1);
	ck_assert_int_ne(errno, ENOENT);
	ck_assert_int_eq(link("d/f", "d/second"), 0);
	ck_assert_int_eq(safefile_read_at(d, "f", 9, &out, &st), -1);
	ck_assert_int_eq(unlink("d/second"), 0);
	ck_assert_int_eq(mkfifo("d/fifo", 0600), 0);
	ck_assert_int_eq(safefile_read_at(d, "fifo", 9, &out, &st), -1);
	ck_assert_int_eq(safefile_read_at(d, ".", 9, &out, &st), -1);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown("d/f", 4242, 0), 0);
		ck_assert_int_eq(safefile_read_at(d, "f", 9, &out, &st), -1);
	}
	/* A link in the way of a replacement is replaced, not followed. */
	make_file("victim", "intact", 0644);
	ck_assert_int_eq(symlink("../victim", "d/trap"), 0);
	ck_assert_int_eq(safefile_replace_at(d, "trap", "mine", 4, &st), 0);
	ck_assert_int_eq(read_as("victim", TRUST_CONFIG, &out, &st), 0);
	ck_assert_str_eq(out.data, "intact");
	buf_release(&out);
	close(d);
}
END_TEST

START_TEST(own_directories_are_ours_alone)
{
	struct status st = STATUS_INIT;

	ck_assert_int_eq(safefile_open_directory("none", geteuid(), &st), -1);
	ck_assert_int_eq(st.sysexit, EX_CANTCREAT);
	ck_assert_str_ne(st.hint, "");
	ck_assert_int_eq(safefile_open_directory("d", geteuid() + 1, &st), -1);
	ck_assert_int_eq(symlink("d", "link"), 0);
	ck_assert_int_eq(safefile_open_directory("link", geteuid(), &st), -1);
	ck_assert_int_eq(chmod("d", 0770), 0);
	ck_assert_int_eq(safefile_open_directory("d", geteuid(), &st), -1);
	ck_assert_ptr_nonnull(strstr(st.hint, "chmod 0750 d"));
}
END_TEST

START_TEST(an_unnamed_file_has_no_name)
{
	struct status st = STATUS_INIT;
	bool linkable;
	char text[4] = "";
	int d = safefile_open_directory("d", geteuid(), &st), fd;

	fd = safefile_unnamed_at(d, &linkable, &st);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(entries(d), 0);
	ck_assert_int_eq(safefile_write_all(fd, "abc", 3), 0);
	ck_assert_int_eq(pread(fd, text, 3, 0), 3);
	ck_assert_str_eq(text, "abc");
	close(fd);
	ck_assert_int_eq(safefile_unnamed_at(-1, NULL, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_CANTCREAT);
	close(d);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("safefile");
	TCase *t = tcase_create("safefile");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_trusted_file_is_read);
	tcase_add_loop_test(t, modes_decide, 0, sizeof modes / sizeof *modes);
	tcase_add_test(t, owners_decide);
	tcase_add_test(t, a_missing_file_is_enoent_and_nothing_else_is);
	tcase_add_test(t, links_are_followed_and_their_way_is_checked);
	tcase_add_test(t, too_many_links_are_too_many);
	tcase_add_test(t, in_a_shared_directory_only_trusted_entries_count);
	tcase_add_test(t, a_hint_can_be_pasted);
	tcase_add_test(t, who_is_refused_is_told_who_it_is);
	tcase_add_test(t, a_long_file_is_an_error_and_no_prefix);
	tcase_add_test(t, own_files_are_replaced_as_a_whole);
	tcase_add_test(t, abandoned_temporary_files_are_swept);
	tcase_add_test(t, own_files_are_ours_alone);
	tcase_add_test(t, own_directories_are_ours_alone);
	tcase_add_test(t, an_unnamed_file_has_no_name);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
