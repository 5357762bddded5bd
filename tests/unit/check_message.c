/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/safefile.h"
#include "base/xalloc.h"
#include "mail/lines.h"
#include "mail/message.h"
#include "check_main.h"

#define LENGTH(a) (sizeof (a) / sizeof *(a))

static char directory_name[] = "/tmp/check_message.XXXXXX";
static int directory;

static void
make_directory(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory_name));
	directory = open(directory_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ne(directory, -1);
}

static void
remove_directory(void)
{
	close(directory);
	ck_assert_int_eq(rmdir(directory_name), 0);
	memcpy(directory_name + sizeof directory_name - 7, "XXXXXX", 6);
}

#define RECORD_MAX 4096

/* A descriptor that gives these bytes, `chunk` at a read if that is not more
 * than RECORD_MAX. */
static int
source_of(const char *bytes, size_t len, size_t chunk, pid_t *writer)
{
	int ends[2];
	size_t n;

	ck_assert_int_eq(socketpair(AF_UNIX,
	    chunk <= RECORD_MAX ? SOCK_SEQPACKET : SOCK_STREAM, 0, ends), 0);
	*writer = fork();
	ck_assert_int_ne(*writer, -1);
	if (*writer == 0) {
		close(ends[0]);
		for (; len > 0; bytes += n, len -= n) {
			n = len < chunk ? len : chunk;
			if (send(ends[1], bytes, n, MSG_NOSIGNAL) == -1)
				_exit(1);	/* nobody read it */
		}
		_exit(0);
	}
	close(ends[1]);
	return ends[0];
}

/* Reads a message; whatever comes of it, the input must have been read. */
static int
read_chunks(struct message *m, const char *bytes, size_t len, size_t chunk,
    const struct message_options *o, struct status *st)
{
	int fd, result, how;
	pid_t writer;

	fd = source_of(bytes, len, chunk, &writer);
	result = message_read(m, fd, o, st);
	close(fd);
	ck_assert_int_eq(waitpid(writer, &how, 0), writer);
	ck_assert_msg(how == 0, "the caller died writing");
	return result;
}

static char *
stored(const struct message *m)
{
	char *bytes = xcalloc(1, (size_t)m->size + 1);
	struct status st = STATUS_INIT;

	ck_assert_int_eq(message_pread(m, bytes, (size_t)m->size, 0, &st),
	    m->size);
	return bytes;
}

enum { N = 1, C = 2, H = 4, B = 8 };	/* NUL, bare CR, 8-bit header, body */

#define IN(s) s, sizeof (s) - 1

static const struct row {
	const char *in;
	size_t	 len;
	bool	 dots;
	const char *head, *body;
	int	 facts;
	size_t	 longest;
} rows[] = {
	/* line ends, decided one by one */
	{ IN("To: a\n\nx\n"), false, "To: a\r\n", "x\r\n", 0, 1 },
	{ IN("To: a\r\n\r\nx\r\n"), false, "To: a\r\n", "x\r\n", 0, 1 },
	{ IN("To: a\r\r\n\r\r\nx\r\r\n"), false, "To: a\r\n", "x\r\n", 0, 1 },
	{ IN("To: a\r\nS: b\n\r\nx\ny\r\nz\r\r\r\n"), false,
	  "To: a\r\nS: b\r\n", "x\r\ny\r\nz\r\n", 0, 1 },
	{ IN("To: a\n\r\nx\n"), false, "To: a\r\n", "x\r\n", 0, 1 },
	{ IN("To: a\n\nx\n\n\n"), false, "To: a\r\n", "x\r\n\r\n\r\n", 0, 1 },
	/* no newline at the end */
	{ IN("To: a\n\nx"), false, "To: a\r\n", "x\r\n", 0, 1 },
	{ IN("To: a\n\nx\r"), false, "To: a\r\n", "x\r\n", 0, 1 },
	{ IN("To: a\n\n"), false, "To: a\r\n", "", 0, 0 },
	{ IN("To: a\n"), false, "To: a\r\n", "", 0, 0 },
	{ IN("To: a"), false, "To: a\r\n", "", 0, 0 },
	{ IN("To: a\r"), false, "To: a\r\n", "", 0, 0 },
	/* bare CR and NUL */
	{ IN("To: a\n\nx\ry\n"), false, "To: a\r\n", "x y\r\n", C, 3 },
	{ IN("To: a\n\n\rx\n"), false, "To: a\r\n", " x\r\n", C, 2 },
	{ IN("To: a\n\nx\r.\r\ny\n"), false, "To: a\r\n", "x .\r\ny\r\n", C, 3 },
	{ IN("To: a\n\nx\0y\n"), false, "To: a\r\n", "xy\r\n", N, 2 },
	{ IN("To: a\n\nx\0\r\0\n"), false, "To: a\r\n", "x \r\n", N | C, 2 },
	{ IN("T\0o: a\rb\n\nx\n"), false, "To: a b\r\n", "x\r\n", N | C, 1 },
	{ IN("To: a\n\0\nx: y\n"), false, "To: a\r\n", "x: y\r\n", N, 4 },
	{ IN("\0"), false, "", "", N, 0 },
	{ IN("\r\r\r"), false, "", "", 0, 0 },
	/* 8 bits */
	{ IN("S: \xc3\xbc\n\nx\n"), false, "S: \xc3\xbc\r\n", "x\r\n", H, 1 },
	{ IN("S: u\n\n\xfc\n"), false, "S: u\r\n", "\xfc\r\n", B, 1 },
	{ IN("\xc3\xbc\n"), false, "", "\xc3\xbc\r\n", B, 2 },
	/* where the header ends */
	{ IN(""), false, "", "", 0, 0 },
	{ IN("\n"), false, "", "", 0, 0 },
	{ IN("\nTo: a\n"), false, "", "To: a\r\n", 0, 5 },
	{ IN("just text\n"), false, "", "just text\r\n", 0, 9 },
	{ IN("just text\n\nTo: a\n"), false, "", "just text\r\n\r\nTo: a\r\n",
	  0, 9 },
	{ IN("To: a\njust text\nCc: b\n"), false, "To: a\r\n",
	  "just text\r\nCc: b\r\n", 0, 9 },
	{ IN(" To: a\n"), false, "", " To: a\r\n", 0, 6 },
	{ IN("To: a\n b,\n\tc\n\nx\n"), false, "To: a\r\n b,\r\n\tc\r\n",
	  "x\r\n", 0, 1 },
	{ IN("To: a,\r\n \r\nBcc: b\r\n\r\nx\r\n"), false,
	  "To: a,\r\n \r\nBcc: b\r\n", "x\r\n", 0, 1 },
	{ IN("To: a\n \nHello\n"), false, "To: a\r\n \r\n", "Hello\r\n", 0, 5 },
	{ IN("Bcc : a\nTo\t: b\n\nx\n"), false, "Bcc : a\r\nTo\t: b\r\n",
	  "x\r\n", 0, 1 },
	{ IN("Subject:x\n\ny\n"), false, "Subject:x\r\n", "y\r\n", 0, 1 },
	{ IN("http://x.org/ is down\n"), false, "http://x.org/ is down\r\n", "",
	  0, 0 },
	{ IN(": no name\n"), false, "", ": no name\r\n", 0, 9 },
	{ IN("No colon here: really\n"), false, "",
	  "No colon here: really\r\n", 0, 21 },
	/* mbox */
	{ IN("From a@x Sat Nov 21 20:49:06 2026\nTo: a\n\nx\n"), false,
	  "To: a\r\n", "x\r\n", 0, 1 },
	{ IN(">From a@x Sat Nov 21 20:49:06 2026\r\nTo: a\r\n\r\nx\r\n"), false,
	  "To: a\r\n", "x\r\n", 0, 1 },
	{ IN("From now on\nwe meet\n"), false, "",
	  "From now on\r\nwe meet\r\n", 0, 11 },
	{ IN("From now on\n\nTo: a\n"), false, "",
	  "From now on\r\n\r\nTo: a\r\n", 0, 11 },
	{ IN("From now on"), false, "", "From now on\r\n", 0, 11 },
	{ IN("From now on\n>From then on\n\nwe\n"), false, "",
	  "From now on\r\n>From then on\r\n\r\nwe\r\n", 0, 13 },
	{ IN("From now \xc3\xbc\n"), false, "", "From now \xc3\xbc\r\n", B, 11 },
	{ IN("To: a\nFrom b\n"), false, "To: a\r\n", "From b\r\n", 0, 6 },
	{ IN("From : a@x\n\nx\n"), false, "From : a@x\r\n", "x\r\n", 0, 1 },
	{ IN("To: a\n\nFrom b\n"), false, "To: a\r\n", "From b\r\n", 0, 6 },
	/* dots with -i */
	{ IN("To: a\n\nx\n.\ny\n"), false, "To: a\r\n", "x\r\n.\r\ny\r\n", 0, 1 },
	{ IN("To: a\n\n..\n.x\n.\n"), false, "To: a\r\n", "..\r\n.x\r\n.\r\n",
	  0, 2 },
	{ IN(".\nx\n"), false, "", ".\r\nx\r\n", 0, 1 },
	/* dots without -i */
	{ IN("To: a\n\nx\n.\ny\n"), true, "To: a\r\n", "x\r\n", 0, 1 },
	{ IN("To: a\n\nx\r\n.\r\ny\r\n"), true, "To: a\r\n", "x\r\n", 0, 1 },
	{ IN("To: a\n\nx\n.\r\r\ny\n"), true, "To: a\r\n", "x\r\n", 0, 1 },
	{ IN("To: a\n\nx\n."), true, "To: a\r\n", "x\r\n", 0, 1 },
	{ IN("To: a\n\nx\n.\r"), true, "To: a\r\n", "x\r\n", 0, 1 },
	{ IN("To: a\n\n..\n..x\n.y\n. \n"), true, "To: a\r\n",
	  ".\r\n.x\r\n.y\r\n. \r\n", 0, 2 },
	{ IN("To: a\n\nx.\n x\n"), true, "To: a\r\n", "x.\r\n x\r\n", 0, 2 },
	{ IN("To: a\n.\nCc: b\n\nx\n"), true, "To: a\r\n", "", 0, 0 },
	{ IN(".\n"), true, "", "", 0, 0 },
	{ IN("..\nx\n"), true, "", ".\r\nx\r\n", 0, 1 },
	{ IN(".To: a\n\nx\n"), true, ".To: a\r\n", "x\r\n", 0, 1 },
	{ IN("To: a\n\nx\r.\ny\n"), true, "To: a\r\n", "x .\r\ny\r\n", C, 3 },
};

static void
assert_row(const struct row *row, const struct message *m)
{
	char *got = stored(m), *expected;

	expected = xasprintf("%s\r\n%s", row->head, row->body);
	ck_assert_str_eq(got, expected);
	ck_assert_int_eq(m->size, (int64_t)strlen(expected));
	ck_assert_int_eq(m->body_offset, (int64_t)strlen(row->head) + 2);
	ck_assert_int_eq((m->had_nul ? N : 0) | (m->had_bare_cr ? C : 0) |
	    (m->header_8bit ? H : 0) | (m->body_8bit ? B : 0), row->facts);
	ck_assert_uint_eq(m->longest_body_line, row->longest);
	free(got);
	free(expected);
}

START_TEST(messages_are_read_alike_in_any_chunks)
{
	static const size_t chunks[] = { 1, 2, 3, 7, 4096 };
	struct message_options o = { .dot_ends = rows[_i].dots,
	    .directory = -1 };
	struct status st = STATUS_INIT;
	size_t i;

	for (i = 0; i < LENGTH(chunks); i++) {
		struct message m = MESSAGE_INIT;

		ck_assert_int_eq(read_chunks(&m, rows[_i].in, rows[_i].len,
		    chunks[i], &o, &st), 0);
		assert_row(&rows[_i], &m);
		message_release(&m);
	}
}
END_TEST

/* The header is what header_parse() makes of it. */
START_TEST(the_header_is_parsed)
{
	static const char text[] = "To: a,\n b\nBcc : c\n \n\nx";
	struct message_options o = { .directory = -1 };
	struct status st = STATUS_INIT;
	struct message m = MESSAGE_INIT;

	ck_assert_int_eq(read_chunks(&m, text, sizeof text - 1, 5, &o, &st), 0);
	ck_assert_uint_eq(m.header.count, 2);
	ck_assert_str_eq(m.header.fields[0].body, " a,\r\n b");
	ck_assert_str_eq(m.header.fields[1].name, "Bcc");
	ck_assert_str_eq(m.header.fields[1].body, " c");
	message_release(&m);
}
END_TEST

/* A text of `len` bytes: header, then lines of this filler. */
static char *
filled(size_t len, const char *filler)
{
	size_t n = strlen(filler), at = 9, i;
	char *text = xmalloc(len + 1);

	memcpy(text, "To: ann\n\n", 9);
	for (i = 0; at < len; i++)
		text[at++] = filler[i % n];
	text[len] = '\0';
	return text;
}

/* What a message must become, by the simplest code there is. */
static char *
reference(const char *text, size_t len, size_t *out_len)
{
	char *out = xmalloc(2 * len + 3);
	size_t i, at = 0, crs = 0;

	for (i = 0; i < len; i++) {
		if (text[i] == '\r') {
			crs++;
			continue;
		}
		for (; crs > 0 && text[i] != '\n'; crs--)
			out[at++] = ' ';
		crs = 0;
		if (text[i] == '\n')
			out[at++] = '\r';
		out[at++] = text[i];
	}
	if (crs > 0 || at == 0 || out[at - 1] != '\n') {
		out[at++] = '\r';
		out[at++] = '\n';
	}
	out[at] = '\0';
	*out_len = at;
	return out;
}

static const char *const fillers[] = {
	"x", "line of text\n", "line of text\r\n", "a\n", "\n", "ab\r\r\n",
	"a\rb\n", "\r\n", "a\r", "\xc3\xbc word\n.\n",
	"a line that is a good deal longer than the others of this lot\r\n\n",
};

START_TEST(long_messages_go_to_a_file)
{
	static const size_t sizes[] = { LINES_BUFFER - 1, LINES_BUFFER,
	    LINES_BUFFER + 1, 2 * LINES_BUFFER + 9, MESSAGE_MEMORY_MAX / 2,
	    MESSAGE_MEMORY_MAX + 1, 3 * MESSAGE_MEMORY_MAX };
	struct message_options o = { .directory = directory };
	struct status st = STATUS_INIT;
	size_t i, len;

	for (i = 0; i < LENGTH(sizes); i++) {
		char *text = filled(sizes[i], fillers[_i]);
		char *expected = reference(text, sizes[i], &len), *got;
		struct message m = MESSAGE_INIT;

		ck_assert_int_eq(read_chunks(&m, text, sizes[i], 30011, &o,
		    &st), 0);
		ck_assert_uint_eq((size_t)m.size, len);
		ck_assert((m.fd != -1) == (len > MESSAGE_MEMORY_MAX));
		got = stored(&m);
		ck_assert_int_eq(memcmp(got, expected, len), 0);
		message_release(&m);
		free(got);
		free(expected);
		free(text);
	}
}
END_TEST

START_TEST(a_long_header_line_is_one_field)
{
	struct message_options o = { .directory = directory };
	struct status st = STATUS_INIT;
	struct message m = MESSAGE_INIT;
	size_t len = 300000;
	char *text = xmalloc(len);

	memset(text, 'r', len);
	memcpy(text, "To: ", 4);
	memcpy(text + len - 3, "\n\nb", 3);
	ck_assert_int_eq(read_chunks(&m, text, len, 10007, &o, &st), 0);
	ck_assert_uint_eq(m.header.count, 1);
	ck_assert_uint_eq(strlen(m.header.fields[0].body), len - 6);
	ck_assert_uint_eq(m.longest_body_line, 1);
	message_release(&m);
	free(text);
}
END_TEST

static const struct {
	const char *filler;
	size_t	 len;
	int64_t	 max;
	bool	 no_directory;
	int	 sysexit;
} refused[] = {
	{ "line\n", 5000, 4999, false, EX_DATAERR },
	{ "line\n", 2000000, 1000000, false, EX_DATAERR },
	{ "x", 2000000, 100, false, EX_DATAERR },
	{ "line\n", MESSAGE_MEMORY_MAX, 0, true, EX_CANTCREAT },
};

START_TEST(refused_messages_are_read_to_the_end)
{
	struct message_options o = { .max_size = refused[_i].max,
	    .directory = refused[_i].no_directory ? -1 : directory };
	char *text = filled(refused[_i].len, refused[_i].filler);
	struct message m = MESSAGE_INIT;
	struct status st = STATUS_INIT;

	ck_assert_int_eq(read_chunks(&m, text, refused[_i].len, 20000, &o,
	    &st), -1);
	ck_assert_int_eq(st.sysexit, refused[_i].sysexit);
	ck_assert_int_eq(m.fd, -1);
	free(text);
}
END_TEST

/* Design 8: what there is no room for is 73, what cannot be read 74. */
START_TEST(no_room_for_a_large_message_is_73)
{
	struct message_options o = { .directory = directory };
	struct rlimit limit = { 1 << 20, RLIM_INFINITY };
	char *text = filled(4 << 20, "line\n");
	struct message m = MESSAGE_INIT;
	struct status st = STATUS_INIT;

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(read_chunks(&m, text, 4 << 20, 60000, &o, &st), -1);
	limit.rlim_cur = RLIM_INFINITY;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(st.sysexit, EX_CANTCREAT);
	ck_assert_ptr_nonnull(strstr(st.text, strerror(EFBIG)));
	message_release(&m);
	free(text);
}
END_TEST

static const struct {
	const char *line;
	size_t	 len;
	bool	 fits;
} long_headers[] = {
	{ "X: y\n", 5 * HEADER_FIELDS_MAX, true },
	{ "X: y\n", 5 * HEADER_FIELDS_MAX + 5, false },
	{ "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"
	  "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"
	  "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n",
	  HEADER_MAX, false },
	{ "X:x", HEADER_MAX + 1000, false },
};

START_TEST(header_limits_hold)
{
	struct message_options o = { .directory = directory };
	struct message m = MESSAGE_INIT;
	struct status st = STATUS_INIT;
	struct buf b;
	int result;

	buf_init(&b, 4 << 20);
	while (b.len < long_headers[_i].len)
		buf_addstr(&b, long_headers[_i].line);
	result = read_chunks(&m, b.data, b.len, 60000, &o, &st);
	ck_assert_int_eq(result, long_headers[_i].fits ? 0 : -1);
	if (result == -1)
		ck_assert_int_eq(st.sysexit, EX_DATAERR);
	message_release(&m);
	buf_release(&b);
}
END_TEST

START_TEST(a_failing_read_is_an_error)
{
	int fd = open("/", O_RDONLY | O_DIRECTORY);
	struct message_options o = { .directory = -1 };
	struct message m = MESSAGE_INIT;
	struct status st = STATUS_INIT;

	ck_assert_int_eq(message_read(&m, fd, &o, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_IOERR);
	close(fd);
	ck_assert_int_eq(message_read(&m, -1, &o, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_IOERR);
}
END_TEST

/* -bs: the message, and what is left for the command loop. */
static const struct {
	const char *in, *stored, *next;	/* stored NULL: EX_IOERR */
	int64_t	 max;
} dialogues[] = {
	{ "To: a\r\n\r\nx\r\n.\r\nQUIT\r\n", "To: a\r\n\r\nx\r\n", "QUIT", 0 },
	{ "To: a\n\nx\n.\nQUIT\n", "To: a\r\n\r\nx\r\n", "QUIT", 0 },
	{ "To: a\r\n\r\n..\r\n.x\r\n.\r\nRSET\r\n",
	  "To: a\r\n\r\n.\r\nx\r\n", "RSET", 0 },
	{ "To: a\r\n.\r\nQUIT\r\n", "To: a\r\n\r\n", "QUIT", 0 },
	{ ".\r\nQUIT\r\n", "\r\n", "QUIT", 0 },
	{ "x\r\n.\r\nQUIT\r\n", "\r\nx\r\n", "QUIT", 0 },
	{ "To: a\r\n\r\nx\r.\r\ny\n.\n", "To: a\r\n\r\nx .\r\ny\r\n", NULL, 0 },
	{ "To: a\r\n\r\nx\r\n", NULL, NULL, 0 },
	{ "To: a\r\n\r\nx\r\n.", NULL, NULL, 0 },
	{ "To: a\r\n\r\nx\r\n.\r", NULL, NULL, 0 },
	{ "", NULL, NULL, 0 },
	{ "To: a\r\n", NULL, NULL, 0 },
	/* refused, but in step */
	{ "To: a\r\n\r\n1234567890\r\n..\r\n.\r\nQUIT\r\n", NULL, "QUIT", 12 },
	{ "To: aaaaaaaaa\r\n\r\n1234567890\r\n.\r\nQUIT\r\n", NULL, "QUIT", 4 },
};

/* The same from a client whose commands end in CRLF. */
static const struct {
	const char *in, *stored;	/* up to "QUIT" */
} strict_dialogues[] = {
	{ "To: a\r\n\r\nx\r\n.\r\n", "To: a\r\n\r\nx\r\n" },
	{ "To: a\n\nx\n.\nRSET\n.\r\n\r\n.\r\n",
	  "To: a\r\n\r\nx\r\n.\r\nRSET\r\n.\r\n\r\n" },
	{ "To: a\r\n\r\nx\r\n.\nRSET\r\n.\r\n",
	  "To: a\r\n\r\nx\r\n\r\nRSET\r\n" },
	{ "To: a\r\n\r\nx\n.\r\nRSET\r\n.\r\n",
	  "To: a\r\n\r\nx\r\n.\r\nRSET\r\n" },
	{ "To: a\r\n\r\nx\r\n.\r\r\nRSET\r\n.\r\n",
	  "To: a\r\n\r\nx\r\n\r\nRSET\r\n" },
	{ "To: a\n.\nRSET\r\n.\r\n",
	  "To: a\r\n\r\n.\r\nRSET\r\n" },
	{ "To: a\r\n\r\n..\r\n.x\n.y\r\n.\r\n",
	  "To: a\r\n\r\n.\r\nx\r\n.y\r\n" },
};

START_TEST(a_bare_lf_ends_nothing)
{
	struct message_options o = { .smtp = true, .directory = -1 };
	struct message m = MESSAGE_INIT;
	struct status st = STATUS_INIT;
	char in[200], line[16], *got;
	struct line_source source;
	bool too_long;
	size_t len;
	pid_t writer;
	int fd, how;

	snprintf(in, sizeof in, "DATA\r\n%sQUIT\r\n",
	    strict_dialogues[_i].in);
	fd = source_of(in, strlen(in), 5, &writer);
	line_source_init(&source, fd);
	ck_assert_int_eq(line_source_next(&source, line, sizeof line, &len,
	    &too_long, &st), 1);
	ck_assert_int_eq(message_read_from(&m, &source, &o, &st), 0);
	got = stored(&m);
	ck_assert_str_eq(got, strict_dialogues[_i].stored);
	free(got);
	ck_assert_int_eq(line_source_next(&source, line, sizeof line, &len,
	    &too_long, &st), 1);
	ck_assert_str_eq(line, "QUIT");
	message_release(&m);
	line_source_release(&source);
	close(fd);
	ck_assert_int_eq(waitpid(writer, &how, 0), writer);
}
END_TEST

START_TEST(smtp_stays_in_step)
{
	struct message_options o = { .smtp = true, .directory = -1,
	    .max_size = dialogues[_i].max };
	const char *in = dialogues[_i].in;
	static const size_t chunks[] = { 1, 2, 3, 7, 4096 };
	struct status st = STATUS_INIT;
	struct line_source source;
	char line[16], *got;
	bool too_long;
	size_t i, len;
	pid_t writer;
	int fd, how;

	for (i = 0; i < LENGTH(chunks); i++) {
		struct message m = MESSAGE_INIT;

		fd = source_of(in, strlen(in), chunks[i], &writer);
		line_source_init(&source, fd);
		how = message_read_from(&m, &source, &o, &st);
		ck_assert_int_eq(how, dialogues[_i].stored != NULL ? 0 : -1);
		if (how == 0) {
			got = stored(&m);
			ck_assert_str_eq(got, dialogues[_i].stored);
			free(got);
		} else
			ck_assert_int_eq(st.sysexit, dialogues[_i].max > 0 ?
			    EX_DATAERR : EX_IOERR);
		how = line_source_next(&source, line, sizeof line, &len,
		    &too_long, &st);
		ck_assert_int_eq(how, dialogues[_i].next != NULL);
		if (how == 1)
			ck_assert_str_eq(line, dialogues[_i].next);
		message_release(&m);
		line_source_release(&source);
		close(fd);
		waitpid(writer, &how, 0);
	}
}
END_TEST

/* A file with these bytes, as the spool has. */
static int
file_of(const char *bytes, size_t len)
{
	struct status st = STATUS_INIT;
	int fd = safefile_unnamed_at(directory, NULL, &st);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(safefile_write_all(fd, bytes, len), 0);
	return fd;
}

START_TEST(what_was_read_can_be_opened_again)
{
	struct message_options o = { .dot_ends = rows[_i].dots,
	    .directory = -1 };
	struct message m = MESSAGE_INIT, again;
	struct status st = STATUS_INIT;
	int fd;

	ck_assert_int_eq(read_chunks(&m, rows[_i].in, rows[_i].len, 4096, &o,
	    &st), 0);
	fd = memfd_create("stored", MFD_CLOEXEC);
	ck_assert_int_eq(safefile_write_all(fd, m.memory.data,
	    m.memory.len), 0);
	ck_assert_int_eq(message_open(&again, fd, m.size, m.body_offset, &st),
	    0);
	again.had_nul = m.had_nul;
	again.had_bare_cr = m.had_bare_cr;
	assert_row(&rows[_i], &again);
	ck_assert_uint_eq(again.header.count, m.header.count);
	message_release(&again);
	message_release(&m);
}
END_TEST

static const struct {
	const char *bytes;
	int64_t	 size, body_offset;
	int	 sysexit;	/* EX_OK: sound */
} files[] = {
	{ "To: a\r\n\r\nx\r\n", 12, 9, EX_OK },
	{ "\r\n", 2, 2, EX_OK },
	{ "\r\nx\r\njournal", 5, 2, EX_OK },
	{ "To: a\r\n\r\nx\r\n", 13, 9, EX_IOERR },
	{ "To: a\r\n\r\nx\r\n", 12, 13, EX_DATAERR },
	{ "To: a\r\n\r\nx\r\n", 12, 1, EX_DATAERR },
	{ "To: a\r\n\r\nx\r\n", 12, -9, EX_DATAERR },
	{ "To: a\r\n\r\nx\r\n", 12, 8, EX_DATAERR },
	{ "To: a\r\n\r\nx\r\n", 12, 7, EX_DATAERR },
	{ "To: a\r\n\r\nx\r\n", 11, 9, EX_DATAERR },
	{ "To: a\r\n\r\nx\r\n", 10, 9, EX_DATAERR },
	{ "To: a\r\n\r\nx\ny\r\n", 14, 9, EX_DATAERR },
	{ "To: a\r\n\r\nx\ry\r\n", 14, 9, EX_DATAERR },
	{ "To: a\r\n\r\nx\r\r\n", 13, 9, EX_DATAERR },
	{ "no field\r\n\r\n", 12, 12, EX_DATAERR },
	{ "", 2, 2, EX_IOERR },
};

START_TEST(stored_files_are_not_believed)
{
	int fd = file_of(files[_i].bytes, strlen(files[_i].bytes));
	struct status st = STATUS_INIT;
	struct message m;
	int result;

	result = message_open(&m, fd, files[_i].size, files[_i].body_offset,
	    &st);
	ck_assert_int_eq(result, files[_i].sysexit == EX_OK ? 0 : -1);
	ck_assert_int_eq(st.sysexit, files[_i].sysexit);
	if (result == 0)
		message_release(&m);
	else
		ck_assert_int_eq(close(fd), 0);	/* it stayed ours */
}
END_TEST

/* CR and LF on either side of a block boundary. */
START_TEST(stored_line_ends_may_lie_across_blocks)
{
	size_t len = 3 * 65536 + 5, i;
	char *bytes = xmalloc(len);
	struct status st = STATUS_INIT;
	struct message m;

	for (i = 0; i + 1 < len; i += 2)
		memcpy(bytes + i, "\r\n", 2);
	memcpy(bytes + len - 3, "x\r\n", 3);
	ck_assert_int_eq(message_open(&m, file_of(bytes, len), (int64_t)len, 2,
	    &st), 0);
	ck_assert_uint_eq(m.longest_body_line, 1);
	message_release(&m);
	bytes[65537] = 'x';
	ck_assert_int_eq(message_open(&m, file_of(bytes, len), (int64_t)len, 2,
	    &st), -1);
	free(bytes);
}
END_TEST

START_TEST(a_file_cut_later_is_an_error)
{
	static const char bytes[] = "To: a\r\n\r\nline\r\n";
	struct status st = STATUS_INIT;
	struct message m;
	char to[64];

	ck_assert_int_eq(message_open(&m, file_of(bytes, sizeof bytes - 1),
	    sizeof bytes - 1, 9, &st), 0);
	ck_assert_int_eq(message_pread(&m, to, sizeof to, 9, &st), 6);
	ck_assert_int_eq(memcmp(to, "line\r\n", 6), 0);
	ck_assert_int_eq(message_pread(&m, to, 2, 10, &st), 2);
	ck_assert_int_eq(message_pread(&m, to, sizeof to, 15, &st), 0);
	ck_assert_int_eq(message_pread(&m, to, sizeof to, 99, &st), 0);
	ck_assert_int_eq(ftruncate(m.fd, 11), 0);
	ck_assert_int_eq(message_pread(&m, to, sizeof to, 9, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_IOERR);
	message_release(&m);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("message");
	TCase *t = tcase_create("message");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, make_directory, remove_directory);
	tcase_add_loop_test(t, messages_are_read_alike_in_any_chunks, 0,
	    LENGTH(rows));
	tcase_add_test(t, the_header_is_parsed);
	tcase_add_loop_test(t, long_messages_go_to_a_file, 0, LENGTH(fillers));
	tcase_add_test(t, a_long_header_line_is_one_field);
	tcase_add_loop_test(t, refused_messages_are_read_to_the_end, 0,
	    LENGTH(refused));
	tcase_add_loop_test(t, header_limits_hold, 0, LENGTH(long_headers));
	tcase_add_test(t, a_failing_read_is_an_error);
	tcase_add_loop_test(t, smtp_stays_in_step, 0, LENGTH(dialogues));
	tcase_add_loop_test(t, a_bare_lf_ends_nothing, 0,
	    LENGTH(strict_dialogues));
	tcase_add_loop_test(t, what_was_read_can_be_opened_again, 0,
	    LENGTH(rows));
	tcase_add_loop_test(t, stored_files_are_not_believed, 0,
	    LENGTH(files));
	tcase_add_test(t, stored_line_ends_may_lie_across_blocks);
	tcase_add_test(t, a_file_cut_later_is_an_error);
	tcase_add_test(t, no_room_for_a_large_message_is_73);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
