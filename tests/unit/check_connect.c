/* SPDX-License-Identifier: ISC
 *
 * The race for a connection, with addresses of our own choice: resolve_host() of
 * the library is not linked, the one below is.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "check_main.h"
#include "smtp/connect.h"
#include "smtp/resolve.h"

#define LIST_MAX	20

static int port;		/* where the listeners listen */
static const char *addresses[LIST_MAX + 1];
static int listeners[4], fillers[8];
static size_t listening, filling;

/* One list of single ones, as freeaddrinfo(3) takes it. */
int
resolve_host(const char *host, int number, int64_t deadline,
    struct addrinfo **list, struct status *st)
{
	struct addrinfo want = { .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	char service[8];
	size_t i;

	(void)host;
	(void)deadline;
	(void)st;
	snprintf(service, sizeof service, "%d", number);
	for (i = 0; addresses[i] != NULL; i++, list = &(*list)->ai_next)
		ck_assert_int_eq(getaddrinfo(addresses[i], service, &want,
		    list), 0);
	return 0;
}

static struct sockaddr_storage
socket_address(const char *text, socklen_t *len)
{
	struct addrinfo want = { .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct sockaddr_storage out = { 0 };
	struct addrinfo *a;
	char service[8];

	snprintf(service, sizeof service, "%d", port);
	ck_assert_int_eq(getaddrinfo(text, service, &want, &a), 0);
	memcpy(&out, a->ai_addr, a->ai_addrlen);
	*len = a->ai_addrlen;
	freeaddrinfo(a);
	return out;
}

/* On the port of the first one; -1 if this host has no such address. */
static int
listen_at(const char *text, int backlog)
{
	socklen_t len;
	struct sockaddr_storage a = socket_address(text, &len);
	int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || bind(fd, (struct sockaddr *)&a, len) == -1 ||
	    listen(fd, backlog) == -1) {
		if (fd != -1)
			close(fd);
		return -1;
	}
	if (port == 0) {
		ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &len),
		    0);
		port = ntohs(((struct sockaddr_in *)&a)->sin_port);
	}
	listeners[listening++] = fd;
	return fd;
}

/* One whose queue is full does not answer: Linux lets each SYN fall. */
static void
be_silent_at(const char *text)
{
	socklen_t len;
	struct sockaddr_storage a;
	int fd;

	ck_assert_int_ne(listen_at(text, 0), -1);
	a = socket_address(text, &len);
	while (filling < sizeof fillers / sizeof *fillers) {
		fd = socket(a.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(fd, (struct sockaddr *)&a, len);
		fillers[filling++] = fd;
	}
}

static void
setup(void)
{
	port = 0;
	listening = filling = 0;
	memset(addresses, 0, sizeof addresses);
}

static void
teardown(void)
{
	while (listening != 0)
		close(listeners[--listening]);
	while (filling != 0)
		close(fillers[--filling]);
}

static int
race(const char *source, int64_t ms, struct status *st)
{
	struct connect_params p = { .host = "mail.example", .port = port,
	    .source_address = source, .deadline = clock_deadline(ms) };

	status_clear(st);
	return connect_host(&p, st);
}

/* To which of the addresses. */
static void
check_peer(int fd, const char *wanted)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	char text[64];

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(getpeername(fd, (struct sockaddr *)&a, &len), 0);
	ck_assert_int_eq(getnameinfo((struct sockaddr *)&a, len, text,
	    sizeof text, NULL, 0, NI_NUMERICHOST), 0);
	ck_assert_str_eq(text, wanted);
	close(fd);
}

START_TEST(who_refuses_is_passed_over)
{
	struct status st = STATUS_INIT;

	ck_assert_int_ne(listen_at("127.0.0.3", 5), -1);
	addresses[0] = "127.0.0.1";
	addresses[1] = "127.0.0.2";
	addresses[2] = "127.0.0.3";
	check_peer(race(NULL, 30000, &st), "127.0.0.3");
	ck_assert_int_eq(st.sysexit, EX_OK);
}
END_TEST

/* The first answer counts, not the first address. */
START_TEST(who_is_silent_is_not_waited_for)
{
	struct status st = STATUS_INIT;

	be_silent_at("127.0.0.1");
	ck_assert_int_ne(listen_at("127.0.0.2", 5), -1);
	addresses[0] = "127.0.0.1";
	addresses[1] = "127.0.0.2";
	check_peer(race(NULL, 60000, &st), "127.0.0.2");
}
END_TEST

START_TEST(the_deadline_ends_the_wait)
{
	struct status st = STATUS_INIT;

	be_silent_at("127.0.0.1");
	addresses[0] = "127.0.0.1";
	ck_assert_int_eq(race(NULL, 300, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_TEMPFAIL);
	ck_assert_ptr_nonnull(strstr(st.text, "(1 address tried)"));
	ck_assert_ptr_nonnull(strstr(st.text, "timed out"));
}
END_TEST

/* RFC 8305 4: the second address is the other family's, wherever it stands. */
START_TEST(families_take_turns)
{
	struct status st = STATUS_INIT;

	ck_assert_int_ne(listen_at("127.0.0.3", 5), -1);
	addresses[0] = "127.0.0.1";
	addresses[1] = "127.0.0.3";
	addresses[2] = "::1";
	if (listen_at("::1", 5) != -1)
		check_peer(race(NULL, 30000, &st), "::1");
	else	/* a host without IPv6 */
		check_peer(race(NULL, 30000, &st), "127.0.0.3");
}
END_TEST

START_TEST(not_all_of_many_are_tried)
{
	struct status st = STATUS_INIT;
	size_t i;

	ck_assert_int_ne(listen_at("127.0.0.2", 5), -1);
	for (i = 0; i < LIST_MAX - 1; i++)
		addresses[i] = "127.0.0.1";
	addresses[i] = "127.0.0.2";
	ck_assert_int_eq(race(NULL, 30000, &st), -1);
	ck_assert_ptr_nonnull(strstr(st.text, "(16 addresses tried)"));
	ck_assert_ptr_nonnull(strstr(st.text, "Connection refused"));
}
END_TEST

START_TEST(the_source_address_is_taken)
{
	struct sockaddr_in from;
	socklen_t len = sizeof from;
	struct status st = STATUS_INIT;
	int fd, accepted, server = listen_at("127.0.0.1", 5);

	ck_assert_int_ne(server, -1);
	addresses[0] = "127.0.0.1";
	fd = race("127.0.0.5", 30000, &st);
	ck_assert_int_ne(fd, -1);
	accepted = accept(server, (struct sockaddr *)&from, &len);
	ck_assert_int_ne(accepted, -1);
	ck_assert_uint_eq(ntohl(from.sin_addr.s_addr), 0x7f000005);
	close(accepted);
	close(fd);
}
END_TEST

/* One of the other family, and one that is not this host's (RFC 5737). */
START_TEST(a_source_address_that_does_not_fit)
{
	static const char *const sources[] = { "::1", "192.0.2.1" };
	struct status st = STATUS_INIT;

	ck_assert_int_ne(listen_at("127.0.0.1", 5), -1);
	addresses[0] = "127.0.0.1";
	ck_assert_int_eq(race(sources[_i], 30000, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_TEMPFAIL);
	ck_assert_ptr_nonnull(strstr(st.text, "requested address"));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("connect");
	TCase *t = tcase_create("connect");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, who_refuses_is_passed_over);
	tcase_add_test(t, who_is_silent_is_not_waited_for);
	tcase_add_test(t, the_deadline_ends_the_wait);
	tcase_add_test(t, families_take_turns);
	tcase_add_test(t, not_all_of_many_are_tried);
	tcase_add_test(t, the_source_address_is_taken);
	tcase_add_loop_test(t, a_source_address_that_does_not_fit, 0, 2);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
