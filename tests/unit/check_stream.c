/* SPDX-License-Identifier: ISC */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "smtp/stream.h"
#include "check_main.h"

#define WAIT_MS	20000

/* What stands at this place of the stream: no two pieces look alike. */
static char
octet_at(size_t place)
{
	return (char)(place ^ place >> 8 ^ place >> 16);
}

static int
listen_on_loopback(int *port)
{
	struct sockaddr_in own = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof own;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&own, len), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&own, &len), 0);
	*port = ntohs(own.sin_port);
	return fd;
}

static struct stream *
stream_to(int port)
{
	struct connect_params p = { .host = "127.0.0.1", .port = port,
	    .deadline = clock_deadline(WAIT_MS) };
	struct status st = STATUS_INIT;
	struct stream *s = stream_open(&p, &st);

	ck_assert_msg(s != NULL, "%s", st.text);
	return s;
}

static void
put_octets(struct stream *s, size_t *place, size_t len)
{
	struct status st = STATUS_INIT;
	char *block = malloc(len);
	size_t i;

	for (i = 0; i < len; i++)
		block[i] = octet_at((*place)++);
	ck_assert_int_eq(stream_put(s, block, len, &st), 0);
	free(block);
}

/* Reads to the end; the exit code is 0 if the octets are as they should be. */
static void
read_all(int listening, size_t expected)
{
	int fd = accept(listening, NULL, NULL);
	static char piece[65536];
	size_t place = 0;
	ssize_t n, i;

	while ((n = read(fd, piece, sizeof piece)) > 0)
		for (i = 0; i < n; i++)
			if (piece[i] != octet_at(place++))
				_exit(1);
	_exit(place != expected);
}

/* Sizes around those of the queue and of a record, in any order. */
START_TEST(octets_arrive_once_and_in_order)
{
	static const size_t sizes[] = { 1, 65535, 65536, 1, 65537, 16384, 49152,
	    65536, 65536, 200000, 3, 131072, 65535, 2, 81920, 1000000, 7 };
	struct status st = STATUS_INIT;
	size_t i, total = 0, place = 0;
	int port, listening = listen_on_loopback(&port), status;
	struct stream *s;
	pid_t pid;

	for (i = 0; i < sizeof sizes / sizeof *sizes; i++)
		total += sizes[i];
	if ((pid = fork()) == 0)
		read_all(listening, total);
	s = stream_to(port);
	for (i = 0; i < sizeof sizes / sizeof *sizes; i++)
		put_octets(s, &place, sizes[i]);
	ck_assert_int_eq(stream_flush(s, &st), 0);
	stream_close(s);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	close(listening);
}
END_TEST

/* A message without its end is not delivered: whatever its size, closing before
 * the flush leaves the server short of it. */
START_TEST(the_last_octets_wait_for_the_flush)
{
	static const size_t sizes[] = { 1, 16384, 65535, 65536, 65537, 131072 };
	int port, listening = listen_on_loopback(&port), fd;
	struct stream *s = stream_to(port);
	static char piece[65536];
	size_t place = 0, arrived = 0;
	ssize_t n;

	put_octets(s, &place, sizes[_i]);
	stream_close(s);
	fd = accept(listening, NULL, NULL);
	while ((n = read(fd, piece, sizeof piece)) > 0)
		arrived += (size_t)n;
	ck_assert_uint_lt(arrived, place);
	ck_assert_uint_ge(arrived + 65536, place);
	close(fd);
	close(listening);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("stream");
	TCase *t = tcase_create("stream");

	tcase_add_test(t, octets_arrive_once_and_in_order);
	tcase_add_loop_test(t, the_last_octets_wait_for_the_flush, 0, 6);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
