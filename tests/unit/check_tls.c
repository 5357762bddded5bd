/* SPDX-License-Identifier: ISC
 *
 * Whom TLS believes, and what it says when it does not.
 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/clock.h"
#include "smtp/session.h"
#include "smtp/stream.h"
#include "smtp/tls.h"
#include "smtp/tls_error.h"
#include "check_main.h"
#include "tls_server.h"

#define GOOD	.from = -1, .until = 30

static const struct {
	struct tls_server_kind kind;
	const char	*host;
	int		 minimum;
	const char	*says;	/* NULL: all is well */
	const char	*hint;
	const char	*own;	/* our certificate */
} handshakes[] = {
	{ { GOOD, .names = "DNS:localhost" }, "localhost", 12, NULL, NULL,
	  NULL },
	{ { GOOD, .names = "DNS:a.example, DNS:LOCALHOST" }, "localhost", 12,
	  NULL, NULL, NULL },
	{ { GOOD, .names = "IP:127.0.0.1" }, "127.0.0.1", 12, NULL, NULL,
	  NULL },
	{ { GOOD, .names = "DNS:a.example, DNS:b.example" }, "localhost", 12,
	  "is for other names: a.example, b.example", "`host`", NULL },
	/* The common name is localhost in all of them, and never counts. */
	{ { GOOD, .names = "email:a@b.example" }, "localhost", 12,
	  "names no host at all", "`host`", NULL },
	{ { GOOD, .names = "DNS:127.0.0.1" }, "127.0.0.1", 12,
	  "is for other names", "`host`", NULL },
	{ { GOOD, .names = "DNS:local*" }, "localhost", 12,
	  "is for other names", "`host`", NULL },
	{ { GOOD, .names = "DNS:*" }, "localhost", 12,
	  "is for other names", "`host`", NULL },
	{ { GOOD, .names = "\1localhost\0.evil.example\2" }, "localhost", 12,
	  "localhost?.evil.example", "`host`", NULL },
	{ { GOOD, .names = "\1a\033[31m\2" }, "localhost", 12,
	  "a?[31m", "`host`", NULL },
	{ { .from = -30, .until = -1, .names = "DNS:localhost" }, "localhost",
	  12, "expired on", "clock", NULL },
	{ { .from = 1, .until = 30, .names = "DNS:localhost" }, "localhost",
	  12, "is not valid before", "clock", NULL },
	{ { GOOD, .names = "DNS:localhost", .self_signed = true }, "localhost",
	  12, "is self-signed (CN = localhost)", "ca-file", NULL },
	{ { GOOD, .names = "DNS:localhost", .other_authority = true },
	  "localhost", 12, "does not know (CN = Strange Authority)", "ca-file",
	  NULL },
	{ { GOOD, .names = "DNS:localhost", .max_version = TLS1_1_VERSION },
	  "localhost", 12, "TLS", "tls-minimum", NULL },
	{ { GOOD, .names = "DNS:localhost", .max_version = TLS1_2_VERSION },
	  "localhost", 12, NULL, NULL, NULL },
	{ { GOOD, .names = "DNS:localhost", .max_version = TLS1_2_VERSION },
	  "localhost", 13, "TLS", "tls-minimum", NULL },
	{ { GOOD, .names = "DNS:localhost", .max_version = TLS1_VERSION },
	  "localhost", 10, NULL, NULL, NULL },
	{ { GOOD, .names = "DNS:localhost", .wants_certificate = true },
	  "localhost", 12, NULL, NULL, CLIENT_FILE },
	{ { GOOD, .names = "DNS:localhost", .wants_certificate = true,
	  .max_version = TLS1_2_VERSION }, "localhost", 12,
	  "certificate", "tls-certificate", NULL },
	{ { GOOD, .names = "DNS:localhost", .wants_certificate = true },
	  "localhost", 12, "wants a client certificate", "tls-certificate",
	  NULL },
	{ { GOOD, .names = "DNS:localhost", .wants_certificate = true,
	  .max_version = TLS1_2_VERSION }, "localhost", 12,
	  "our certificate", "tls-certificate", STRANGER_FILE },
	{ { GOOD, .names = "DNS:localhost", .wants_certificate = true },
	  "localhost", 12, "our certificate", "tls-certificate",
	  STRANGER_FILE },
};

static struct session_params
params(const struct tls_server *server)
{
	return (struct session_params){
		.host = "localhost",
		.port = server->port,
		.ehlo_name = "me.example",
		.tls = SESSION_IMPLICIT_TLS,
		.tls_minimum = 12,
		.ca_file = AUTHORITY_FILE,
		.deadline = clock_deadline(5000),
		.answer_ms = 5000,
	};
}

START_TEST(a_server_proves_its_name)
{
	struct tls_server server;
	struct session_params p;
	struct status st = STATUS_INIT;
	struct tls_peer peer;
	struct session *s;

	tls_server_start(&server, &handshakes[_i].kind, 1);
	p = params(&server);
	p.host = handshakes[_i].host;
	p.tls_minimum = handshakes[_i].minimum;
	p.tls_certificate = handshakes[_i].own;
	s = session_open(&p, &st);
	ck_assert_msg((s != NULL) == (handshakes[_i].says == NULL), "row %d: "
	    "%s (%s)", _i, st.text, st.hint);
	if (s == NULL) {
		ck_assert_int_eq(st.sysexit, EX_PROTOCOL);
		ck_assert_int_eq(st.class, CLASS_CONFIG);
		ck_assert_msg(strstr(st.text, handshakes[_i].says) != NULL,
		    "row %d: %s", _i, st.text);
		ck_assert_msg(strstr(st.hint, handshakes[_i].hint) != NULL,
		    "row %d: %s", _i, st.hint);
	} else {
		ck_assert(session_peer(s, &peer));
		ck_assert_int_eq(strncmp(peer.version, "TLSv1", 5), 0);
		ck_assert_str_ne(peer.name, "");
		ck_assert_str_ne(peer.issuer, "");
		ck_assert_int_gt(peer.not_after, clock_wall());
	}
	session_close(s);
	tls_server_end(&server);
}
END_TEST

/* While more is written than the server takes, its alert is read on the side, and
 * then writing fails. */
START_TEST(the_word_on_our_certificate_stands)
{
	const struct tls_server_kind kind = { GOOD, .names = "DNS:localhost",
	    .wants_certificate = true };
	struct sockaddr_in address = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct tls_server server;
	struct tls_params p = { .host = "localhost", .minimum = 13,
	    .ca_file = AUTHORITY_FILE };
	struct wire wire = { .fd = socket(AF_INET, SOCK_STREAM, 0),
	    .handshake = true };
	struct status st = STATUS_INIT;
	struct tls *t;
	char octet = 0;

	tls_server_start(&server, &kind, 1);
	address.sin_port = htons((uint16_t)server.port);
	/* It blocks: no answer is TLS_WANT_. */
	ck_assert_int_eq(connect(wire.fd, (void *)&address, sizeof address), 0);
	t = tls_new(&p, &wire, &st);
	ck_assert_int_eq(tls_handshake(t, &st), 0);
	ck_assert_ptr_null(tls_advice(t));
	ck_assert_int_eq(tls_read(t, &octet, 1), -1);
	ck_assert_str_eq(tls_advice(t), "see tls-certificate");
	ck_assert_int_eq(tls_write(t, &octet, 1), -1);
	ck_assert_str_eq(tls_advice(t), "see tls-certificate");
	ck_assert_ptr_nonnull(strstr(tls_reason(t), "certificate"));
	tls_free(t);
	close(wire.fd);
	tls_server_end(&server);
}
END_TEST

/* Where nobody waited for a line, too. */
START_TEST(the_word_on_our_certificate_is_heard)
{
	const struct tls_server_kind kind = { GOOD, .names = "DNS:localhost",
	    .wants_certificate = true };
	struct tls_server server;
	struct connect_params c = { .host = "localhost",
	    .deadline = clock_deadline(5000) };
	const struct tls_params p = { .host = "localhost", .minimum = 13,
	    .ca_file = AUTHORITY_FILE };
	struct status st = STATUS_INIT;
	struct stream *s;
	const char *line;
	size_t len;

	tls_server_start(&server, &kind, 1);
	c.port = server.port;
	s = stream_open(&c, &st);
	ck_assert_int_eq(stream_prepare_tls(s, &p, &st), 0);
	ck_assert_int_eq(stream_start_tls(s, &st), 0);
	ck_assert(!stream_was_told_off(s, &st));
	while (!stream_is_closed(s))
		ck_assert(!stream_has_input(s));
	ck_assert(stream_was_told_off(s, &st));
	ck_assert_int_eq(st.sysexit, EX_PROTOCOL);
	ck_assert_str_eq(st.hint, "see tls-certificate");
	status_clear(&st);
	ck_assert_int_eq(stream_read_line(s, &line, &len, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_PROTOCOL);
	ck_assert_ptr_nonnull(strstr(st.text, "wants a client certificate"));
	stream_close(s);
	tls_server_end(&server);
}
END_TEST

/* The deadline is far, and the server faster than we are. */
START_TEST(tls_without_a_word_is_not_heard_forever)
{
	const struct tls_server_kind kind = { GOOD, .names = "DNS:localhost",
	    .floods = true };
	struct tls_server server;
	struct session_params p;
	struct status st = STATUS_INIT;

	tls_server_start(&server, &kind, 1);
	p = params(&server);
	p.deadline = clock_deadline(60000);
	ck_assert_ptr_null(session_open(&p, &st));
	ck_assert_int_eq(st.sysexit, EX_TEMPFAIL);
	ck_assert_ptr_nonnull(strstr(st.text, "broke after connecting"));
	tls_server_end(&server);
}
END_TEST

#define IN_PEM	"in PEM, without a passphrase"

static const struct {
	const char *ca_file, *ca_directory, *certificate, *key, *says, *hint;
} files[] = {
	{ "/nowhere/ca.pem", .says = "ca-file /nowhere/ca.pem" },
	{ "/dev/null", .says = "ca-file /dev/null" },
	{ NULL, "/nowhere", .says = "ca-directory /nowhere" },
	{ NULL, "/dev", .says = "ca-directory /dev: no hashed certificates" },
	{ AUTHORITY_FILE, NULL, "/nowhere/own.pem", NULL,
	  "tls-certificate /nowhere/own.pem: No such file or directory",
	  IN_PEM },
	{ AUTHORITY_FILE, NULL, "/dev/null", NULL,
	  "tls-certificate /dev/null: no start line", IN_PEM },
	{ AUTHORITY_FILE, NULL, AUTHORITY_FILE, NULL,
	  "tls-private-key " AUTHORITY_FILE ": ", IN_PEM },
	{ AUTHORITY_FILE, NULL, CLIENT_FILE, STRANGE_KEY_FILE,
	  "tls-private-key " STRANGE_KEY_FILE ": it is not the key of "
	  "tls-certificate", "belong to tls-certificate" },
	{ AUTHORITY_FILE, NULL, CLIENT_FILE, OTHER_KEY_FILE,
	  "tls-private-key " OTHER_KEY_FILE ": it is not the key of "
	  "tls-certificate", "belong to tls-certificate" },
};

START_TEST(bad_files_are_the_administrators)
{
	const struct tls_server_kind kind = { GOOD, .names = "DNS:localhost" };
	struct tls_server server;
	struct session_params p;
	struct status st = STATUS_INIT;

	tls_server_start(&server, &kind, 1);
	p = params(&server);
	p.ca_file = files[_i].ca_file;
	p.ca_directory = files[_i].ca_directory;
	p.tls_certificate = files[_i].certificate;
	p.tls_private_key = files[_i].key;
	ck_assert_ptr_null(session_open(&p, &st));
	ck_assert_int_eq(st.sysexit, EX_CONFIG);
	ck_assert_msg(strstr(st.text, files[_i].says) != NULL, "%s", st.text);
	ck_assert_msg(files[_i].hint == NULL ||
	    strstr(st.hint, files[_i].hint) != NULL, "%s", st.hint);
	tls_server_end(&server);
}
END_TEST

static const struct {
	int		 library, reason;
	const char	*words, *hint;
	bool		 own;
} errors[] = {
	{ ERR_LIB_SSL, SSL_R_WRONG_VERSION_NUMBER,
	  "what the server sent is not TLS", "see whether `port`", false },
	{ ERR_LIB_SSL, SSL_R_TLSV1_ALERT_UNKNOWN_CA,
	  "the server does not know who issued our certificate",
	  "see tls-certificate", true },
	/* Words of OpenSSL's own, which are not loaded before. */
	{ ERR_LIB_SSL, SSL_R_BAD_SIGNATURE, "bad signature", NULL, false },
	{ ERR_LIB_SSL, SSL_R_TLSV1_ALERT_INTERNAL_ERROR,
	  "tlsv1 alert internal error", NULL, false },
	{ ERR_LIB_SSL, ERR_R_MALLOC_FAILURE, "malloc failure", NULL, false },
	{ ERR_LIB_X509, X509_R_UNKNOWN_KEY_TYPE, "unknown key type", NULL,
	  false },
	{ ERR_LIB_SYS, EACCES, "Permission denied", NULL, false },
	/* And one that nobody has words for. */
	{ ERR_LIB_USER, 77, "OpenSSL's error 4000004D (what it means: "
	  "openssl errstr 4000004D)", NULL, false },
	{ ERR_LIB_SSL, SSL_AD_REASON_OFFSET + 200,
	  "the server sent the TLS alert 200", NULL, false },
	{ ERR_LIB_X509, X509_R_KEY_VALUES_MISMATCH,
	  "it is not the key of tls-certificate", "tls-private-key has to", false },
	{ 0, 0, "OpenSSL gives no reason", NULL, false },
};

static void
put_error(int library, int reason)
{
#ifdef ERR_raise
	ERR_raise(library, reason);
#else
	ERR_put_error(library, 0, reason, __FILE__, __LINE__);
#endif
}

START_TEST(an_error_has_words)
{
	struct tls_error e;

	OPENSSL_init_ssl(tls_error_options(), NULL);
	ERR_clear_error();
	if (errors[_i].library != 0)
		put_error(errors[_i].library, errors[_i].reason);
	tls_error_read(&e);
	ck_assert_str_eq(e.words, errors[_i].words);
	if (errors[_i].hint == NULL)
		ck_assert_ptr_null(e.hint);
	else
		ck_assert_int_eq(strncmp(e.hint, errors[_i].hint,
		    strlen(errors[_i].hint)), 0);
	ck_assert_int_eq(e.own, errors[_i].own);
}
END_TEST

/* As providers do it, which have no texts that could be loaded. */
START_TEST(the_newest_error_stands_in)
{
	struct tls_error e;

	OPENSSL_init_ssl(tls_error_options(), NULL);
	ERR_clear_error();
	put_error(ERR_LIB_USER, 77);
	put_error(ERR_LIB_SSL, SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC);
	tls_error_read(&e);
	ck_assert_str_eq(e.words, "decryption failed or bad record mac");
	ck_assert_ptr_null(e.hint);
}
END_TEST

static unsigned char ticket[16 * 1024];
static size_t ticket_len;

static void
keep_ticket(void *context, const void *bytes, size_t len)
{
	(void)context;
	ck_assert_uint_le(len, sizeof ticket);
	memcpy(ticket, bytes, len);
	ticket_len = len;
}

/* It would cost each process that resumes the session an eighth of its work. */
static bool
ticket_has_certificate(void)
{
	const unsigned char *p = ticket;
	SSL_SESSION *session = d2i_SSL_SESSION(NULL, &p, (long)ticket_len);
	bool has = SSL_SESSION_get0_peer(session) != NULL;

	SSL_SESSION_free(session);
	return has;
}

START_TEST(a_session_is_resumed)
{
	const struct tls_server_kind kind = { GOOD, .names = "DNS:localhost",
	    .max_version = _i == 0 ? TLS1_3_VERSION : TLS1_2_VERSION };
	struct tls_server server;
	struct session_params p;
	struct session_cost cost;
	struct status st = STATUS_INIT;
	struct session *s;
	int i;

	ticket_len = 0;
	tls_server_start(&server, &kind, 3);
	p = params(&server);
	p.tls_new_session = keep_ticket;
	for (i = 0; i < 3; i++) {
		/* First nothing, then the ticket, then rubbish. */
		if (i == 2)
			memset(ticket, 'x', sizeof ticket);
		p.tls_resume = i == 0 ? NULL : ticket;
		p.tls_resume_len = ticket_len;
		s = session_open(&p, &st);
		ck_assert_msg(s != NULL, "%s", st.text);
		session_cost(s, &cost);
		ck_assert_int_eq(cost.tls_resumed, i == 1);
		ck_assert_uint_ne(ticket_len, 0);
		if (i == 0)
			ck_assert(!ticket_has_certificate());
		session_close(s);
	}
	tls_server_end(&server);
}
END_TEST

/* A server that ends the handshake when it is to resume a session, in any version
 * of TLS, gets another connection, where nothing is offered. */
START_TEST(who_cannot_resume_is_asked_without)
{
	const struct tls_server_kind kind = { GOOD, .names = "DNS:localhost",
	    .max_version = _i == 0 ? TLS1_3_VERSION : TLS1_2_VERSION,
	    .cannot_resume = true };
	struct tls_server server;
	struct session_params p;
	struct session_cost cost;
	struct status st = STATUS_INIT;
	struct session *s;
	int i;

	ticket_len = 0;
	tls_server_start(&server, &kind, 3);
	p = params(&server);
	p.tls_new_session = keep_ticket;
	for (i = 0; i < 2; i++) {
		s = session_open(&p, &st);
		ck_assert_msg(s != NULL, "%s", st.text);
		ck_assert_int_eq(st.sysexit, EX_OK);
		session_cost(s, &cost);
		ck_assert_int_eq(cost.resume_failed, i == 1);
		session_close(s);
		ck_assert_uint_ne(ticket_len, 0);
		p.tls_resume = ticket;
		p.tls_resume_len = ticket_len;
	}
	tls_server_end(&server);
}
END_TEST

/* To resume takes no trust anchors, and none are looked for; when the server has
 * forgotten the session they are, in the middle of the handshake. */
START_TEST(anchors_are_for_certificates)
{
	const struct tls_server_kind kind = { GOOD, .names = "DNS:localhost" };
	struct tls_server server;
	struct session_params p;
	struct status st = STATUS_INIT;
	struct session *s;
	int i;

	ticket_len = 0;
	tls_server_start(&server, &kind, 2);
	p = params(&server);
	p.tls_new_session = keep_ticket;
	for (i = 0; i < 2; i++) {
		s = session_open(&p, &st);
		ck_assert_msg(s != NULL, "%s", st.text);
		session_close(s);
		p.tls_resume = ticket;
		p.tls_resume_len = ticket_len;
		p.ca_file = "/nowhere/ca.pem";
	}
	tls_server_end(&server);
	tls_server_start(&server, &kind, 1);
	p.port = server.port;
	ck_assert_ptr_null(session_open(&p, &st));
	ck_assert_int_eq(st.sysexit, EX_CONFIG);
	ck_assert_ptr_nonnull(strstr(st.text, "ca-file /nowhere/ca.pem"));
	p.ca_file = AUTHORITY_FILE;
	tls_server_end(&server);
	tls_server_start(&server, &kind, 1);
	p.port = server.port;
	s = session_open(&p, &st);
	ck_assert_msg(s != NULL, "%s", st.text);
	session_close(s);
	tls_server_end(&server);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("tls");
	TCase *t = tcase_create("tls");

	/* As a sender starts: texts that are loaded here are in every test. */
	OPENSSL_init_ssl(tls_error_options(), NULL);
	tls_server_files();
	tcase_set_timeout(t, 30);
	tcase_add_loop_test(t, a_server_proves_its_name, 0,
	    sizeof handshakes / sizeof *handshakes);
	tcase_add_test(t, the_word_on_our_certificate_stands);
	tcase_add_test(t, the_word_on_our_certificate_is_heard);
	tcase_add_test(t, tls_without_a_word_is_not_heard_forever);
	tcase_add_loop_test(t, bad_files_are_the_administrators, 0,
	    sizeof files / sizeof *files);
	tcase_add_loop_test(t, an_error_has_words, 0,
	    sizeof errors / sizeof *errors);
	tcase_add_test(t, the_newest_error_stands_in);
	tcase_add_loop_test(t, a_session_is_resumed, 0, 2);
	tcase_add_loop_test(t, who_cannot_resume_is_asked_without, 0, 2);
	tcase_add_test(t, anchors_are_for_certificates);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
