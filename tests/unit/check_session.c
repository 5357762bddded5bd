/* SPDX-License-Identifier: ISC
 *
 * The dialogue, against servers that read from a script: good ones, old ones,
 * broken ones and hostile ones.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "smtp/session.h"
#include "check_main.h"
#include "scripted_server.h"

#define HEADER	"Subject: x\r\n\r\n"
#define TOKEN	"eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl"
/* base64 of user=app@x ^A auth=Bearer TOKEN ^A ^A */
#define BLOB	"dXNlcj1hcHBAeAFhdXRoPUJlYXJlciBleUowZVhBaU9pSktWMVFpTENKaGJHY2lPaU" \
		"pTVXpJMU5pSjkuZTMwLmMybG5ibUYwZFhKbAEB"

/* Openings of scripts. */
#define HELLO	"<220 mx ready", ">EHLO me.example", "<250-mx hello"
#define PLAIN	HELLO, "<250 8BITMIME"
#define PIPE	HELLO, "<250-PIPELINING", "<250-8BITMIME", "<250 SIZE 10000"
#define AUTH	HELLO, "<250 AUTH LOGIN PLAIN XOAUTH2 OAUTHBEARER"
#define ENVELOPE ">MAIL FROM:<app@x>", ">RCPT TO:<a@x>", ">RCPT TO:<b@x>"
#define BODY	".Subject: x\r\n\r\nhello\r\n.\r\n"

enum { NO_AUTH = -1, XOAUTH2 = SESSION_XOAUTH2, BEARER = SESSION_OAUTHBEARER,
	SASL_PLAIN = SESSION_AUTH_PLAIN, SASL_LOGIN = SESSION_AUTH_LOGIN };

/* What a dialogue ends in.  `states` has a letter for each recipient: D
 * delivered, W deferred (waits), R refused, P pending (not a word was said). */
enum end { OPEN_FAILS, AUTH_FAILS, SEND_FAILS, SENT };
struct dialogue {
	const char	*name;
	const char	*steps[40];
	enum end	 end;
	int		 sysexit;	/* of what failed */
	const char	*says;		/* in the status, text or remote */
	const char	*states;
	bool		 dead;		/* the session is not usable then */
	bool		 unknown;
	/* Unlike the usual: */
	int		 mechanism;	/* 0: none; else 1 + SESSION_... */
	const char	*body, *from, *first;	/* first recipient */
	bool		 chunking, utf8, starttls, two_step, fails, stops;
	bool		 wants_data;
	int		 max;
};
#define ENDS(how, code, words) .end = how, .sysexit = code, .says = words
#define ANY 0	/* whatever the catalogue says */
#define WITH(m) .mechanism = 1 + (m)

static const struct dialogue dialogues[] = {
	/* As it should be. */
	{ "one flight", { PIPE, ENVELOPE, ">DATA", "<250 ok", "<250 ok",
	  "<250 ok", "<354 go", BODY, "<250 2.0.0 OK id" },
	  .end = SENT, .states = "DD", .says = "OK id" },
	{ "one by one", { PLAIN, ">MAIL FROM:<app@x>", "<250 ok",
	  ">RCPT TO:<a@x>", "<250 ok", ">RCPT TO:<b@x>", "<251 ok", ">DATA",
	  "<354 go", BODY, "<250 OK" }, .end = SENT, .states = "DD" },
	{ "multi-line, LF only", { "(220-mx\n220 mx\n", ">EHLO",
	  "(250-mx\n250 8BITMIME\n", ">MAIL", "(250 ok\n", ">RCPT",
	  "(250-ok\n250 ok\n", ">RCPT", "(250 ok\n", ">DATA", "(354 go\n",
	  BODY, "(250-2.0.0 a\n250 2.0.0 b\n" }, .end = SENT, .states = "DD",
	  .says = "a b" },
	{ "drip by drip", { "(2", "=20", "(20 ", "=20", "(mx\r", "=20", "(\n",
	  ">EHLO", "(250-mx\r\n25", "=20", "(0 DSN\r\n", ">MAIL", "<250 ok",
	  ">RCPT", "<250 ok", ">RCPT", "<250 ok", ">DATA", "<354 go", BODY,
	  "<250 OK" }, .end = SENT, .states = "DD" },
	{ "size is said", { HELLO, "<250 SIZE 10000",
	  ">MAIL FROM:<app@x> SIZE=21", "<250 ok", ">RCPT", "<250 ok", ">RCPT",
	  "<250 ok", ">DATA", "<354 go", BODY, "<250 OK" },
	  .end = SENT, .states = "DD" },
	{ "8bit is said", { PLAIN, ">MAIL FROM:<app@x> BODY=8BITMIME",
	  "<250 ok", ">RCPT", "<250 ok", ">RCPT", "<250 ok", ">DATA", "<354 go",
	  ".", "<250 OK" }, .end = SENT, .states = "DD",
	  .body = "\303\274\r\n" },
	{ "8bit is not offered", { HELLO, "<250 DSN", ">MAIL FROM:<app@x>",
	  "<250 ok", ">RCPT", "<250 ok", ">RCPT", "<250 ok", ">DATA", "<354 go",
	  ".", "<250 OK" }, .end = SENT, .states = "DD",
	  .body = "\303\274\r\n" },
	{ "dots", { PLAIN, ">MAIL", "<250 ok", ">RCPT", "<250 ok", ">RCPT",
	  "<250 ok", ">DATA", "<354 go", ".Subject: x\r\n\r\n..\r\n...\r\na.b"
	  "\r\n..a\r\n.\r\n", "<250 OK" }, .end = SENT, .states = "DD",
	  .body = ".\r\n..\r\na.b\r\n.a\r\n" },
	{ "no line end at the end", { PLAIN, ">MAIL", "<250 ok", ">RCPT",
	  "<250 ok", ">RCPT", "<250 ok", ">DATA", "<354 go",
	  ".Subject: x\r\n\r\nend.\r\n.\r\n", "<250 OK" },
	  .end = SENT, .states = "DD", .body = "end." },
	{ "empty body", { PLAIN, ">MAIL", "<250 ok", ">RCPT", "<250 ok",
	  ">RCPT", "<250 ok", ">DATA", "<354 go", ".Subject: x\r\n\r\n.\r\n",
	  "<250 OK" }, .end = SENT, .states = "DD", .body = "" },

	/* Greeting and EHLO. */
	{ "greeting 554", { "<554 5.3.2 go away" },
	  ENDS(OPEN_FAILS, ANY, "go away") },
	{ "greeting 421", { "<421 4.3.2 Service not available", "!" },
	  ENDS(OPEN_FAILS, EX_TEMPFAIL, "Service not available") },
	{ "greeting closes", { "^" }, ENDS(OPEN_FAILS, EX_TEMPFAIL,
	  "closed the connection after connecting") },
	{ "greeting hangs", { "~" }, ENDS(OPEN_FAILS, EX_TEMPFAIL,
	  "no answer from 127.0.0.1 after connecting") },
	{ "greeting is not SMTP", { "<SSH-2.0-OpenSSH_9.2" },
	  ENDS(OPEN_FAILS, EX_PROTOCOL, "does not start with a reply code") },
	{ "greeting is TLS", { "(\025\003\001\002\002\n" },
	  ENDS(OPEN_FAILS, EX_PROTOCOL, "reply code") },
	{ "greeting 354", { "<354 go ahead" }, ENDS(OPEN_FAILS, EX_PROTOCOL,
	  "answered connecting with 354") },
	{ "endless line", { "*220-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" },
	  ENDS(OPEN_FAILS, EX_PROTOCOL, "too many lines") },
	{ "half a line, then nothing", { "(220 mx", "~" },
	  ENDS(OPEN_FAILS, EX_TEMPFAIL, "no answer") },
	{ "half a line, then the end", { "(220 mx", "^" },
	  ENDS(OPEN_FAILS, EX_TEMPFAIL, "closed the connection") },
	{ "EHLO refused, HELO taken", { "<220 old", ">EHLO", "<502 what?",
	  ">HELO me.example", "<250 old", ">MAIL FROM:<app@x>", "<250 ok",
	  ">RCPT", "<250 ok", ">RCPT", "<250 ok", ">DATA", "<354 go", BODY,
	  "<250 OK" }, .end = SENT, .states = "DD" },
	{ "EHLO refused for good", { "<220 mx", ">EHLO", "<550 5.7.1 not you" },
	  ENDS(OPEN_FAILS, ANY, "not you") },
	{ "EHLO 421", { "<220 mx", ">EHLO", "<421 4.4.2 bye", "!" },
	  ENDS(OPEN_FAILS, EX_TEMPFAIL, "bye") },
	{ "EHLO closes", { "<220 mx", ">EHLO", "^" },
	  ENDS(OPEN_FAILS, EX_TEMPFAIL, "closed the connection after EHLO") },
	{ "EHLO hangs", { "<220 mx", ">EHLO", "~" },
	  ENDS(OPEN_FAILS, EX_TEMPFAIL,
	  "no answer from 127.0.0.1 after EHLO") },
	{ "EHLO changes its code", { "<220 mx", ">EHLO", "<250-mx",
	  "<550 PIPELINING" }, ENDS(OPEN_FAILS, EX_PROTOCOL,
	  "changes its code") },
	{ "EHLO answered twice", { "<220 mx", ">EHLO",
	  "(250 mx\r\n250 mx again\r\n" },
	  ENDS(SEND_FAILS, EX_PROTOCOL, "spoke out of turn before MAIL FROM"),
	  .states = "PP", .dead = true },
	{ "reply before EHLO", { "(220 mx\r\n250 mx\r\n" },
	  ENDS(OPEN_FAILS, EX_PROTOCOL, "spoke out of turn before EHLO") },
	{ "escape sequences", { "<554 5.3.2 \033[2J\033]0;owned\007 no" },
	  ENDS(OPEN_FAILS, ANY, "?[2J?]0;owned? no") },

	/* STARTTLS. */
	{ "no STARTTLS", { HELLO, "<250 AUTH XOAUTH2" },
	  ENDS(OPEN_FAILS, EX_PROTOCOL, "does not offer STARTTLS"),
	  .starttls = true },
	{ "STARTTLS, but HELO only", { "<220 old", ">EHLO", "<502 what?" },
	  ENDS(OPEN_FAILS, ANY, "what?"), .starttls = true },
	{ "STARTTLS 454", { HELLO, "<250 STARTTLS", ">STARTTLS",
	  "<454 4.7.0 TLS not available" },
	  ENDS(OPEN_FAILS, ANY, "TLS not available"), .starttls = true },
	{ "STARTTLS closes", { HELLO, "<250 STARTTLS", ">STARTTLS", "!" },
	  ENDS(OPEN_FAILS, EX_TEMPFAIL, "closed the connection after STARTTLS"),
	  .starttls = true },
	{ "STARTTLS, words put into its mouth", { HELLO, "<250 STARTTLS",
	  ">STARTTLS", "(220 go\r\n250-mx\r\n250 AUTH PLAIN\r\n", "~" },
	  ENDS(OPEN_FAILS, EX_PROTOCOL, "more than a reply to STARTTLS"),
	  .starttls = true },
	{ "STARTTLS, half a line too much", { HELLO, "<250 STARTTLS",
	  ">STARTTLS", "(220 go\r\n2", "~" },
	  ENDS(OPEN_FAILS, EX_PROTOCOL, "more than a reply to STARTTLS"),
	  .starttls = true },
	{ "STARTTLS, no TLS comes", { HELLO, "<250 STARTTLS", ">STARTTLS",
	  "<220 go", "=20", "<250 this is no TLS", "~" },
	  ENDS(OPEN_FAILS, EX_PROTOCOL, "not TLS"), .starttls = true },
	{ "STARTTLS, closed in the handshake", { HELLO, "<250 STARTTLS",
	  ">STARTTLS", "<220 go", "^" }, ENDS(OPEN_FAILS, EX_TEMPFAIL, "TLS"),
	  .starttls = true },
	{ "STARTTLS, silence in the handshake", { HELLO, "<250 STARTTLS",
	  ">STARTTLS", "<220 go", "~" }, ENDS(OPEN_FAILS, EX_TEMPFAIL,
	  "no answer"),
	  .starttls = true },

	/* AUTH. */
	{ "XOAUTH2", { AUTH, ">AUTH XOAUTH2 " BLOB, "<235 2.7.0 ok", ">MAIL",
	  "<250 ok", ">RCPT", "<250 ok", ">RCPT", "<250 ok", ">DATA", "<354 go",
	  BODY, "<250 OK" }, .end = SENT, .states = "DD", WITH(XOAUTH2) },
	{ "XOAUTH2 refused at once", { AUTH, ">AUTH XOAUTH2 " BLOB,
	  "<535 5.7.3 Authentication unsuccessful [host]" },
	  ENDS(AUTH_FAILS, EX_NOPERM, "Authentication unsuccessful [host]"),
	  WITH(XOAUTH2) },
	{ "XOAUTH2 refused after a challenge", { AUTH, ">AUTH XOAUTH2 " BLOB,
	  "<334 eyJzdGF0dXMiOiI0MDEifQ==", ">", "<535 5.7.8 no" },
	  ENDS(AUTH_FAILS, ANY, "no {\"status\":\"401\"}"), WITH(XOAUTH2) },
	{ "OAUTHBEARER refused after a challenge", { AUTH,
	  ">AUTH OAUTHBEARER bixhPWFwcEB4LAF", "<334 eyJzdGF0dXMiOiI0MDEifQ==",
	  ">AQ==", "<535 5.7.8 no" },
	  ENDS(AUTH_FAILS, ANY, "no {\"status\":\"401\"}"), WITH(BEARER) },
	{ "challenge of escape sequences", { AUTH, ">AUTH XOAUTH2 " BLOB,
	  "<334 G1syShtdMDtvd25lZAc=", ">", "<535 5.7.8 no" },
	  ENDS(AUTH_FAILS, ANY, "no ?[2J?]0;owned?"), WITH(XOAUTH2) },
	{ "the long line refused", { AUTH, ">AUTH XOAUTH2 " BLOB,
	  "<500 5.5.2 Line too long", ">AUTH XOAUTH2", "<334 ", ">" BLOB,
	  "<235 ok", ">MAIL", "<250 ok", ">RCPT", "<250 ok", ">RCPT", "<250 ok",
	  ">DATA", "<354 go", BODY, "<250 OK" },
	  .end = SENT, .states = "DD", WITH(XOAUTH2) },
	{ "the long line refused with 501", { AUTH, ">AUTH XOAUTH2 " BLOB,
	  "<501 Syntax error", ">AUTH XOAUTH2", "<334", ">" BLOB,
	  "<535 5.7.8 no" }, ENDS(AUTH_FAILS, ANY, "no"), WITH(XOAUTH2) },
	{ "the long line ends the session", { AUTH, ">AUTH XOAUTH2 " BLOB,
	  "<421 4.5.2 Line too long", "!" },
	  ENDS(AUTH_FAILS, EX_TEMPFAIL, "Line too long"), .dead = true,
	  WITH(XOAUTH2) },
	{ "the long line refused twice", { AUTH, ">AUTH XOAUTH2 " BLOB,
	  "<500 5.5.2 Line too long", ">AUTH XOAUTH2", "<500 what?" },
	  ENDS(AUTH_FAILS, ANY, "what?"), WITH(XOAUTH2) },
	{ "known to want two steps", { AUTH, ">AUTH XOAUTH2", "<334 ",
	  ">" BLOB, "<235 ok", ">MAIL", "<250 ok", ">RCPT", "<250 ok", ">RCPT",
	  "<250 ok", ">DATA", "<354 go", BODY, "<250 OK" },
	  .end = SENT, .states = "DD", WITH(XOAUTH2), .two_step = true },
	{ "initial response ignored", { AUTH, ">AUTH XOAUTH2 " BLOB, "<334 ",
	  ">" BLOB, "<235 ok", ">MAIL", "<250 ok", ">RCPT", "<250 ok", ">RCPT",
	  "<250 ok", ">DATA", "<354 go", BODY, "<250 OK" },
	  .end = SENT, .states = "DD", WITH(XOAUTH2) },
	{ "challenges without end", { AUTH, ">AUTH XOAUTH2 " BLOB,
	  "<334 e30=", ">", "<334 e30=" },
	  ENDS(AUTH_FAILS, EX_PROTOCOL, "answered AUTH with 334"), .dead = true,
	  WITH(XOAUTH2) },
	{ "PLAIN", { AUTH, ">AUTH PLAIN AGFwcEB4AGV5SjBlWEFp", "<235 ok",
	  ">MAIL", "<250 ok", ">RCPT", "<250 ok", ">RCPT", "<250 ok", ">DATA",
	  "<354 go", BODY, "<250 OK" }, .end = SENT, .states = "DD",
	  WITH(SASL_PLAIN) },
	{ "PLAIN asks back", { AUTH, ">AUTH PLAIN ", "<334 more", ">*",
	  "<501 5.0.0 cancelled" }, ENDS(AUTH_FAILS, ANY, "cancelled"),
	  WITH(SASL_PLAIN) },
	{ "LOGIN", { AUTH, ">AUTH LOGIN", "<334 VXNlcm5hbWU6", ">YXBwQHg=",
	  "<334 UGFzc3dvcmQ6", ">ZXlKMGVYQWlPaUpL", "<235 ok", ">MAIL",
	  "<250 ok", ">RCPT", "<250 ok", ">RCPT", "<250 ok", ">DATA", "<354 go",
	  BODY, "<250 OK" }, .end = SENT, .states = "DD", WITH(SASL_LOGIN) },
	{ "LOGIN asks a third time", { AUTH, ">AUTH LOGIN", "<334 a", ">",
	  "<334 b", ">", "<334 c", ">*", "<501 5.0.0 cancelled" },
	  ENDS(AUTH_FAILS, ANY, "cancelled"), WITH(SASL_LOGIN) },
	{ "LOGIN refused at the name", { AUTH, ">AUTH LOGIN",
	  "<334 VXNlcm5hbWU6", ">YXBwQHg=", "<550 5.7.30 Basic "
	  "authentication is not supported for Client Submission." },
	  ENDS(AUTH_FAILS, ANY, "Basic authentication"), WITH(SASL_LOGIN) },
	{ "mechanism not offered", { HELLO, "<250 AUTH LOGIN" },
	  ENDS(AUTH_FAILS, EX_CONFIG, "does not offer AUTH XOAUTH2"),
	  WITH(XOAUTH2) },
	{ "no AUTH at all", { PLAIN },
	  ENDS(AUTH_FAILS, EX_CONFIG, "does not offer AUTH PLAIN"),
	  WITH(SASL_PLAIN) },
	{ "AUTH hangs", { AUTH, ">AUTH XOAUTH2", "~" },
	  ENDS(AUTH_FAILS, EX_TEMPFAIL, "no answer from 127.0.0.1 after AUTH"),
	  .dead = true, WITH(XOAUTH2) },
	{ "AUTH closes", { AUTH, ">AUTH XOAUTH2", "^" },
	  ENDS(AUTH_FAILS, EX_TEMPFAIL, "closed the connection after AUTH"),
	  .dead = true, WITH(XOAUTH2) },
	{ "AUTH quotes the blob", { AUTH, ">AUTH XOAUTH2 " BLOB,
	  "<535 5.7.8 what is " BLOB "?" },
	  ENDS(AUTH_FAILS, ANY, "what is"), WITH(XOAUTH2) },
	{ "AUTH quotes the token", { AUTH, ">AUTH XOAUTH2 " BLOB,
	  "<535 5.7.8 bad token " TOKEN },
	  ENDS(AUTH_FAILS, ANY, "bad token <hidden>"), WITH(XOAUTH2) },
	{ "AUTH quotes the token in pieces", { AUTH, ">AUTH XOAUTH2 " BLOB,
	  "<535-5.7.8 what is eyJ0e", "<535-5.7.8 XAiOiJ", "<535 5.7.8 KV1QiL" },
	  ENDS(AUTH_FAILS, ANY, "what is <hidden>"), WITH(XOAUTH2) },
	{ "AUTH quotes the token in a challenge", { AUTH, ">AUTH XOAUTH2 " BLOB,
	  /* token=TOKEN */
	  "<334 dG9rZW49ZXlKMGVYQWlPaUpLVjFRaUxDSmhiR2NpT2lKU1V6STFOaUo5LmUzMC5j"
	  "MmxuYm1GMGRYSmw=", ">", "<535 5.7.3 no" },
	  ENDS(AUTH_FAILS, ANY, "no <hidden>"), WITH(XOAUTH2) },
	{ "AUTH quotes the token in no reply", { AUTH, ">AUTH XOAUTH2 " BLOB,
	  "<535-5.7.8 no", "<you said " TOKEN }, ENDS(AUTH_FAILS, EX_PROTOCOL,
	  "AUTH does not start with a reply code"), .dead = true, WITH(XOAUTH2) },
	{ "RCPT quotes the token", { HELLO, "<250-AUTH XOAUTH2",
	  "<250 PIPELINING", ">AUTH XOAUTH2 " BLOB, "<235 ok", ENVELOPE, ">DATA",
	  "<250 ok", "<550 5.7.1 " TOKEN " may not", "<550 5.7.1 " BLOB " nor",
	  "<554 no", },
	  .end = SENT, .states = "RR", .says = "<hidden> may not",
	  WITH(XOAUTH2) },

	/* MAIL. */
	{ "MAIL refused in a flight", { PIPE, ENVELOPE, ">DATA",
	  "<550 5.7.60 Client does not have permissions to send as this sender",
	  "<503 5.5.1 no MAIL", "<503 5.5.1 no MAIL", "<503 5.5.1 no MAIL" },
	  ENDS(SEND_FAILS, EX_NOPERM, "permissions to send as"),
	  .states = "WW" },
	{ "MAIL refused, one by one", { PLAIN, ">MAIL",
	  "<451 4.7.0 Temporary server error. PRX4" },
	  ENDS(SEND_FAILS, EX_TEMPFAIL, "PRX4"), .states = "WW" },
	{ "MAIL refused, and 354 all the same", { PIPE, ENVELOPE, ">DATA",
	  "<451 4.3.0 later", "<503 no", "<503 no", "<354 go", "..\r\n",
	  "<503 no" }, ENDS(SEND_FAILS, EX_TEMPFAIL, "later"), .states = "WW" },
	{ "421 to MAIL, then the end", { PIPE, ENVELOPE, ">DATA",
	  "<421 4.3.2 shutting down", "!" },
	  ENDS(SEND_FAILS, EX_TEMPFAIL, "shutting down"), .states = "WW",
	  .dead = true },
	{ "421 before MAIL", { AUTH, ">AUTH XOAUTH2",
	  "(235 ok\r\n421 4.4.2 too slow\r\n", "!" },
	  ENDS(SEND_FAILS, EX_TEMPFAIL, "too slow"), .states = "PP",
	  .dead = true,
	  WITH(XOAUTH2) },
	{ "MAIL closes", { PLAIN, ">MAIL", "!" }, ENDS(SEND_FAILS, EX_TEMPFAIL,
	  "closed the connection after MAIL FROM"), .states = "WW",
	  .dead = true },
	{ "MAIL hangs", { PLAIN, ">MAIL", "~" }, ENDS(SEND_FAILS, EX_TEMPFAIL,
	  "no answer from 127.0.0.1 after MAIL FROM"), .states = "WW",
	  .dead = true },
	{ "MAIL talks garbage", { PLAIN, ">MAIL", "<%&/()" },
	  ENDS(SEND_FAILS, EX_PROTOCOL, "its reply to MAIL FROM"),
	  .states = "WW",
	  .dead = true },
	{ "too large", { HELLO, "<250 SIZE 20" }, ENDS(SEND_FAILS, EX_DATAERR,
	  "the message has 21 octets, 127.0.0.1 takes 20"), .states = "RR" },
	{ "control characters in the sender", { PIPE },
	  ENDS(SEND_FAILS, EX_USAGE, "control characters"), .states = "RR",
	  .from = "app@x>\r\nRSET" },

	/* RCPT. */
	{ "one refused", { PIPE, ENVELOPE, ">DATA", "<250 ok",
	  "<550 5.1.1 User unknown", "<250 ok", "<354 go", BODY, "<250 OK" },
	  ENDS(SENT, EX_NOUSER, "User unknown"), .states = "RD" },
	{ "one deferred", { PLAIN, ">MAIL", "<250 ok", ">RCPT", "<250 ok",
	  ">RCPT", "<450 4.2.1 later", ">DATA", "<354 go", BODY, "<250 OK" },
	  .end = SENT, .states = "DW" },
	{ "all refused in a flight", { PIPE, ENVELOPE, ">DATA", "<250 ok",
	  "<550 5.1.1 User unknown", "<550 5.1.1 no", "<554 5.5.1 none" },
	  ENDS(SENT, EX_NOUSER, "User unknown"), .states = "RR" },
	{ "all refused, and 354 all the same", { PIPE, ENVELOPE, ">DATA",
	  "<250 ok", "<550 5.1.1 User unknown", "<550 5.1.1 no", "<354 go",
	  "..\r\n", "<554 5.5.1 none" }, ENDS(SENT, EX_NOUSER, "User"),
	  .states = "RR" },
	{ "all refused, one by one", { PLAIN, ">MAIL", "<250 ok", ">RCPT",
	  "<550 5.1.1 User unknown", ">RCPT", "<550 5.1.1 no" },
	  ENDS(SENT, EX_NOUSER, "User"), .states = "RR" },
	{ "too many recipients", { PIPE, ENVELOPE, ">DATA", "<250 ok",
	  "<250 ok", "<452 4.5.3 Too many recipients", "<354 go", BODY,
	  "<250 OK" }, .end = SENT, .states = "DP" },
	{ "too many recipients, old code", { PIPE, ENVELOPE, ">DATA",
	  "<250 ok", "<250 ok", "<552 Too many recipients", "<354 go", BODY,
	  "<250 OK" }, .end = SENT, .states = "DP" },
	{ "too many recipients, another code", { PIPE, ENVELOPE, ">DATA",
	  "<250 ok", "<250 ok", "<550 5.5.3 Enough", "<354 go", BODY,
	  "<250 OK" }, .end = SENT, .states = "DP" },
	{ "too many recipients for now", { PIPE, ENVELOPE, ">DATA", "<250 ok",
	  "<250 ok", "<451 4.5.3 Enough", "<354 go", BODY, "<250 OK" },
	  .end = SENT, .states = "DP" },
	{ "too many recipients, in words", { PIPE, ENVELOPE, ">DATA",
	  "<250 ok", "<250 ok", "<550 Too many recipients", "<354 go", BODY,
	  "<250 OK" }, .end = SENT, .states = "DP" },
	{ "even one is too many, with 550", { PIPE, ENVELOPE, ">DATA",
	  "<250 ok", "<550 5.5.3 Too many recipients",
	  "<550 5.5.3 Too many recipients", "<503 no" },
	  .end = SENT, .states = "WW" },
	{ "even one is too many", { PIPE, ENVELOPE, ">DATA", "<250 ok",
	  "<452 4.5.3 Too many recipients", "<452 4.5.3 Too many recipients",
	  "<503 no" }, .end = SENT, .states = "WW" },
	{ "more than we want at once", { PIPE, ">MAIL", ">RCPT TO:<a@x>",
	  ">DATA", "<250 ok", "<250 ok", "<354 go", BODY, "<250 OK" },
	  .end = SENT, .states = "DP", .max = 1 },
	{ "421 to the second RCPT", { PIPE, ENVELOPE, ">DATA", "<250 ok",
	  "<250 ok", "<421 4.7.0 enough", "!" },
	  ENDS(SEND_FAILS, EX_TEMPFAIL, "enough"), .states = "WW",
	  .dead = true },
	{ "closes between RCPTs", { PLAIN, ">MAIL", "<250 ok", ">RCPT",
	  "<550 5.1.1 User unknown", ">RCPT", "!" }, ENDS(SEND_FAILS,
	  EX_TEMPFAIL,
	  "closed the connection after RCPT TO"), .states = "RW",
	  .dead = true },
	{ "RCPT hangs", { PLAIN, ">MAIL", "<250 ok", ">RCPT", "~" },
	  ENDS(SEND_FAILS, EX_TEMPFAIL,
	  "no answer from 127.0.0.1 after RCPT TO"), .states = "WW",
	  .dead = true },
	{ "control characters in a recipient", { PIPE, ">MAIL",
	  ">RCPT TO:<b@x>", ">DATA", "<250 ok", "<250 ok", "<354 go", BODY,
	  "<250 OK" }, ENDS(SENT, EX_USAGE, "control characters"),
	  .states = "RD",
	  .first = "a@x>\r\nRCPT TO:<c@x" },

	/* DATA. */
	{ "DATA refused", { PIPE, ENVELOPE, ">DATA", "<250 ok", "<250 ok",
	  "<250 ok", "<451 4.3.0 no room" },
	  ENDS(SEND_FAILS, EX_TEMPFAIL, "no room"), .states = "WW" },
	{ "DATA answered with 250", { PLAIN, ">MAIL", "<250 ok", ">RCPT",
	  "<250 ok", ">RCPT", "<250 ok", ">DATA", "<250 ok" },
	  ENDS(SEND_FAILS, EX_PROTOCOL, "answered DATA with 250"),
	  .states = "WW",
	  .dead = true },
	{ "an answer before the data is out", { PLAIN, ">MAIL", "<250 ok",
	  ">RCPT", "<250 ok", ">RCPT", "<250 ok", ">DATA",
	  "(354 go\r\n250 delivered, honestly\r\n" },
	  ENDS(SEND_FAILS, EX_PROTOCOL, "out of turn before the message"),
	  .states = "WW",
	  .dead = true },
	{ "refused before the data is out", { PLAIN, ">MAIL", "<250 ok",
	  ">RCPT", "<250 ok", ">RCPT", "<250 ok", ">DATA",
	  "(354 go\r\n552 5.3.4 too big\r\n" },
	  ENDS(SEND_FAILS, EX_DATAERR, "too big"), .states = "RR",
	  .dead = true },
	{ "the answer never comes", { PLAIN, ">MAIL", "<250 ok", ">RCPT",
	  "<250 ok", ">RCPT", "<250 ok", ">DATA", "<354 go", BODY, "~" },
	  ENDS(SEND_FAILS, EX_TEMPFAIL, "may have been delivered"),
	  .states = "WW",
	  .dead = true, .unknown = true },
	{ "closes instead of an answer", { PLAIN, ">MAIL", "<250 ok", ">RCPT",
	  "<250 ok", ">RCPT", "<250 ok", ">DATA", "<354 go", BODY, "!" },
	  ENDS(SEND_FAILS, EX_TEMPFAIL, "may have been delivered"),
	  .states = "WW",
	  .dead = true, .unknown = true },
	{ "garbage instead of an answer", { PLAIN, ">MAIL", "<250 ok",
	  ">RCPT", "<250 ok", ">RCPT", "<250 ok", ">DATA", "<354 go", BODY,
	  "<OK!" }, ENDS(SEND_FAILS, EX_TEMPFAIL, "may have been delivered"),
	  .states = "WW",
	  .dead = true, .unknown = true },
	{ "354 instead of an answer", { PLAIN, ">MAIL", "<250 ok",
	  ">RCPT", "<250 ok", ">RCPT", "<250 ok", ">DATA", "<354 go", BODY,
	  "<354 and?" }, ENDS(SEND_FAILS, EX_TEMPFAIL,
	  "may have been delivered"), .states = "WW", .dead = true,
	  .unknown = true },
	{ "refused after the data", { PIPE, ENVELOPE, ">DATA", "<250 ok",
	  "<250 ok", "<250 ok", "<354 go", BODY,
	  "<554 5.2.252 SendAsDenied; a@x not allowed to send as b@y" },
	  ENDS(SENT, EX_NOPERM, "SendAsDenied"), .states = "WW" },
	{ "refused as malformed", { PIPE, ENVELOPE, ">DATA", "<250 ok",
	  "<250 ok", "<250 ok", "<354 go", BODY,
	  "<550 5.7.512 Access denied, message must be RFC 5322 section 3.6.2 "
	  "compliant" }, ENDS(SENT, EX_DATAERR, "3.6.2"), .states = "RR" },
	{ "limit after the data", { PIPE, ENVELOPE, ">DATA", "<250 ok",
	  "<550 5.1.1 no", "<250 ok", "<354 go", BODY,
	  "<432 4.3.2 Concurrent connections limit exceeded." },
	  .end = SENT, .states = "RW" },
	{ "421 after the data", { PIPE, ENVELOPE, ">DATA", "<250 ok",
	  "<250 ok", "<250 ok", "<354 go", BODY, "<421 4.3.0 later", "!" },
	  .end = SENT, .states = "WW", .dead = true },
	{ "the body cannot be read", { PLAIN, ">MAIL", "<250 ok", ">RCPT",
	  "<250 ok", ">RCPT", "<250 ok", ">DATA", "<354 go", "~" },
	  ENDS(SEND_FAILS, EX_IOERR, "disk on fire"), .states = "WW",
	  .dead = true,
	  .fails = true },
	{ "the spool says no", { PLAIN, ">MAIL", "<250 ok", ">RCPT",
	  "<250 ok", ">RCPT", "<250 ok", ">DATA", "<354 go", "~" },
	  ENDS(SEND_FAILS, EX_CANTCREAT, "disk full"), .states = "WW",
	  .dead = true,
	  .stops = true },

	/* SMTPUTF8. */
	{ "SMTPUTF8", { HELLO, "<250 SMTPUTF8", ">MAIL FROM:<app@x> SMTPUTF8",
	  "<250 ok", ">RCPT TO:<\303\274@x>", "<250 ok", ">RCPT", "<250 ok",
	  ">DATA", "<354 go", BODY, "<250 OK" },
	  .end = SENT, .states = "DD", .first = "\303\274@x" },
	{ "SMTPUTF8 not offered", { PLAIN, ">MAIL FROM:<app@x>", "<250 ok",
	  ">RCPT TO:<b@x>", "<250 ok", ">DATA", "<354 go", BODY, "<250 OK" },
	  ENDS(SENT, EX_NOUSER, "SMTPUTF8"), .states = "RD",
	  .first = "\303\274@x" },
	{ "SMTPUTF8 offered and refused", { HELLO, "<250-PIPELINING",
	  "<250 SMTPUTF8", ">MAIL FROM:<app@x> SMTPUTF8", ">RCPT", ">RCPT",
	  ">DATA", "<502 5.3.3 Command not implemented", "<503 no", "<503 no",
	  "<503 no" },
	  ENDS(SENT, EX_NOUSER, "SMTPUTF8"), .states = "RP",
	  .first = "\303\274@x" },
	{ "SMTPUTF8 for who is not in it, refused", { HELLO, "<250 SMTPUTF8",
	  ">MAIL FROM:<app@x> SMTPUTF8",
	  "<502 5.3.3 Command not implemented" },
	  ENDS(SENT, EX_NOUSER, "SMTPUTF8"), .states = "RP", .utf8 = true,
	  .max = 1, .first = "\303\274@x" },
	{ "a sender that is not ASCII", { PLAIN }, ENDS(SEND_FAILS, EX_CONFIG,
	  "SMTPUTF8"), .states = "WW", .from = "\303\274@x" },

	/* BDAT. */
	{ "BDAT in the flight", { HELLO, "<250-PIPELINING", "<250 CHUNKING",
	  ENVELOPE, ">BDAT 21 LAST", "[21", "<250 ok", "<250 ok", "<250 ok",
	  "<250 2.0.0 OK id" }, .end = SENT, .says = "OK id", .states = "DD",
	  .chunking = true },
	{ "BDAT, dots and no line end", { HELLO, "<250-PIPELINING",
	  "<250 CHUNKING", ENVELOPE, ">BDAT 18 LAST", "[18", "<250 ok",
	  "<250 ok", "<250 ok", "<250 OK" }, .end = SENT, .states = "DD",
	  .chunking = true, .body = ".\r\n." },
	{ "BDAT without PIPELINING", { HELLO, "<250 CHUNKING", ">MAIL",
	  "<250 ok", ">RCPT", "<250 ok", ">RCPT", "<550 5.1.1 no",
	  ">BDAT 21 LAST", "[21", "<250 OK" },
	  .end = SENT, .states = "DR", .chunking = true },
	{ "BDAT, all refused", { HELLO, "<250-PIPELINING", "<250 CHUNKING",
	  ENVELOPE, ">BDAT 21 LAST", "[21", "<250 ok", "<550 5.1.1 no",
	  "<550 5.1.1 no", "<503 5.5.1 none" },
	  .end = SENT, .states = "RR", .chunking = true },
	{ "BDAT, MAIL refused", { HELLO, "<250-PIPELINING", "<250 CHUNKING",
	  ENVELOPE, ">BDAT 21 LAST", "[21", "<451 4.3.0 later", "<503 no",
	  "<503 no", "<503 no" },
	  ENDS(SEND_FAILS, EX_TEMPFAIL, "later"), .states = "WW",
	  .chunking = true },
	{ "BDAT refused", { HELLO, "<250-PIPELINING", "<250 CHUNKING",
	  ENVELOPE, ">BDAT 21 LAST", "[21", "<250 ok", "<250 ok", "<250 ok",
	  "<432 4.3.2 Concurrent connections limit exceeded" },
	  .end = SENT, .states = "WW", .chunking = true },
	{ "BDAT is not known after all", { HELLO, "<250-PIPELINING",
	  "<250 CHUNKING", ENVELOPE, ">BDAT 21 LAST", "[21", "<250 ok",
	  "<550 5.1.1 no", "<250 ok", "<500 5.5.1 what" }, ENDS(SEND_FAILS, ANY,
	  "what"), .states = "RP", .dead = true, .wants_data = true,
	  .chunking = true },
	{ "DATA is not known", { PIPE, ENVELOPE, ">DATA", "<250 ok", "<250 ok",
	  "<250 ok", "<500 5.5.1 what" }, ENDS(SEND_FAILS, ANY, "what"),
	  .states = "..", .chunking = true },
	{ "BDAT and no answer", { HELLO, "<250-PIPELINING", "<250 CHUNKING",
	  ENVELOPE, ">BDAT 21 LAST", "[21", "<250 ok", "<250 ok", "<250 ok",
	  "!" }, ENDS(SEND_FAILS, EX_TEMPFAIL, "may have been delivered"),
	  .states = "WW",
	  .dead = true, .unknown = true, .chunking = true },
	{ "BDAT and no answer to MAIL", { HELLO, "<250-PIPELINING",
	  "<250 CHUNKING", ENVELOPE, ">BDAT 21 LAST", "[21", "!" },
	  ENDS(SEND_FAILS, EX_TEMPFAIL, "may have been delivered"),
	  .states = "WW",
	  .dead = true, .unknown = true, .chunking = true },
	{ "BDAT, refused before no answer", { HELLO, "<250-PIPELINING",
	  "<250 CHUNKING", ENVELOPE, ">BDAT 21 LAST", "[21",
	  "<550 5.7.60 no permissions", "!" }, ENDS(SEND_FAILS, ANY,
	  "no permissions"), .states = "..", .dead = true, .chunking = true },
};

/* A body, and how often its reader was asked. */
struct source {
	const char	*text;
	size_t		 len, pos;
	bool		 has_header;	/* read already */
	const struct dialogue *dialogue;
	int		 sent_all;
};

static long
read_source(void *context, char *to, size_t size, struct status *st)
{
	struct source *s = context;
	size_t n = s->len - s->pos;

	if (!s->has_header) {
		s->has_header = true;
		memcpy(to, HEADER, strlen(HEADER));
		return (long)strlen(HEADER);
	}
	if (s->dialogue != NULL && s->dialogue->fails && s->pos != 0)
		return status_set(st, EX_IOERR, "disk on fire");
	if (n > size)
		n = size;
	memcpy(to, s->text + s->pos, n);
	s->pos += n;
	return (long)n;
}

static int
note_sent_all(void *context, struct status *st)
{
	struct source *s = context;

	s->sent_all++;
	ck_assert_uint_eq(s->pos, s->len);
	if (s->dialogue != NULL && s->dialogue->stops)
		return status_set(st, EX_CANTCREAT, "disk full");
	return 0;
}

static char traced[100000];

static void
trace(void *context, char direction, const char *line)
{
	size_t used = strlen(traced);

	(void)context;
	snprintf(traced + used, sizeof traced - used, "%c %s\n", direction,
	    line);
}

/* A server that falls silent is not waited for long; one that is only slow,
 * because this host is busy, is. */
static int64_t
patience(const struct dialogue *d)
{
	const char *const *step;

	for (step = d->steps; *step != NULL; step++)
		if (**step == '~')
			return 700;
	return 10000;
}

static struct session_params
params(const struct forked_server *server, const struct dialogue *d)
{
	traced[0] = '\0';
	return (struct session_params){
		.host = "127.0.0.1",
		.port = server->port,
		.ehlo_name = "me.example",
		.tls = d->starttls ? SESSION_STARTTLS : SESSION_PLAIN,
		.tls_minimum = 12,
		.deadline = clock_deadline(patience(d)),
		.answer_ms = patience(d),
		.auth_two_step = d->two_step,
		.use_chunking = d->chunking,
		.trace = trace,
	};
}

static struct session_data
data(struct source *source, const struct dialogue *d)
{
	source->dialogue = d;
	source->text = d->body != NULL ? d->body : "hello\r\n";
	source->len = strlen(source->text);
	return (struct session_data){
		.mail_from = d->from != NULL ? d->from : "app@x",
		.size = (int64_t)(strlen(HEADER) + source->len),
		.read = read_source,
		.context = source,
		.is_8bit = d->body != NULL && strchr(d->body, '\303') != NULL,
		.needs_smtputf8 = d->utf8,
		.max_recipients = d->max != 0 ? d->max : 100,
		.sent_all = note_sent_all,
	};
}

static int
authenticate(struct session *s, const struct dialogue *d, struct status *st)
{
	struct session_credential c = { .user = "app@x", .secret = TOKEN };

	if (d->mechanism == 0)
		return 0;
	switch (d->mechanism - 1) {
	case XOAUTH2: c.mechanism = SESSION_XOAUTH2; break;
	case BEARER: c.mechanism = SESSION_OAUTHBEARER; break;
	case SASL_PLAIN: c.mechanism = SESSION_AUTH_PLAIN; break;
	default: c.mechanism = SESSION_AUTH_LOGIN; break;
	}
	if (d->mechanism - 1 >= SASL_PLAIN)
		c.secret = "eyJ0eXAiOiJK";	/* a password */
	return session_authenticate(s, &c, st);
}

static void
expect_states(const struct envelope *e, const char *states)
{
	static const char letters[] = {
		[RECIPIENT_PENDING] = 'P', [RECIPIENT_ACCEPTED] = 'A',
		[RECIPIENT_DELIVERED] = 'D', [RECIPIENT_DEFERRED] = 'W',
		[RECIPIENT_REFUSED] = 'R' };
	size_t i;

	for (i = 0; i < e->count; i++) {
		if (states[i] != '.')
			ck_assert_int_eq(letters[e->recipients[i].state],
			    states[i]);
		if (strchr("WR", states[i]) != NULL)
			ck_assert_int_ne(
			    recipient_fate(&e->recipients[i])->sysexit, EX_OK);
	}
}

/* Where the recipients are not the envelope's own. */
static void
release_fates(struct envelope *e)
{
	size_t i;

	for (i = 0; i < e->count; i++)
		recipient_share(&e->recipients[i], RECIPIENT_PENDING, NULL);
}

static void
expect_status(const struct dialogue *d, const struct status *st)
{
	if (d->sysexit > 0)
		ck_assert_int_eq(st->sysexit, d->sysexit);
	if (d->says != NULL)
		ck_assert_msg(strstr(st->text, d->says) != NULL ||
		    strstr(st->remote, d->says) != NULL,
		    "%s: said \"%s: %s\"", d->name, st->text, st->remote);
}

/* Not anywhere that a person or a log may see. */
static void
expect_no_piece_of(const char *secret, const char *shown)
{
	char piece[9];

	for (; strlen(secret) >= 8; secret++) {
		snprintf(piece, sizeof piece, "%.8s", secret);
		ck_assert_msg(strstr(shown, piece) == NULL, "%s in %s", piece,
		    shown);
	}
}

static struct session_outcome outcome;	/* of the last message */

static int
send_message(struct session *s, const struct session_data *d,
    struct envelope *e, struct status *st)
{
	return session_finish(session_start(s, d, e), &outcome, st);
}

static enum end
hold(struct session *s, const struct dialogue *d, struct envelope *e,
    struct status *st)
{
	struct source source = { 0 };
	struct session_data message = data(&source, d);
	int rc;

	if (authenticate(s, d, st) == -1)
		return AUTH_FAILS;
	rc = send_message(s, &message, e, st);
	if (rc == -1) {
		ck_assert_int_ne(st->sysexit, EX_OK);
		return SEND_FAILS;
	}
	ck_assert_int_eq(st->sysexit, EX_OK);
	recipient_status(&e->recipients[0], st);
	return SENT;
}

START_TEST(a_dialogue_ends_as_it_should)
{
	const struct dialogue *d = &dialogues[_i];
	char first[40];
	struct recipient recipients[2] = { { .address = first },
	    { .address = (char[]){ "b@x" } } };
	struct envelope e = { .recipients = recipients, .count = 2 };
	struct forked_server server;
	struct session_params p;
	struct status st = STATUS_INIT;
	struct session *s;
	enum end end = OPEN_FAILS;

	snprintf(first, sizeof first, "%s", d->first != NULL ? d->first :
	    "a@x");
	recipients[0].utf8 = strchr(first, '\303') != NULL;
	outcome = (struct session_outcome){ .unsent = false };
	scripted_server_start(&server, d->steps);
	p = params(&server, d);
	s = session_open(&p, &st);
	if (s != NULL)
		end = hold(s, d, &e, &st);
	ck_assert_msg(end == d->end, "%s: end %d, %s: %s\n%s", d->name, end,
	    st.text, st.remote, traced);
	expect_status(d, &st);
	if (d->states != NULL)
		expect_states(&e, d->states);
	if (s != NULL) {
		ck_assert_msg(session_is_usable(s) == !d->dead, "%s: usable",
		    d->name);
		ck_assert_int_eq(outcome.answer_unknown, d->unknown);
		ck_assert_int_eq(outcome.wants_data, d->wants_data);
	}
	session_close(s);
	ck_assert_msg(forked_server_end(&server) == 0, "%s\n%s", d->name,
	    traced);
	ck_assert_ptr_null(strstr(traced, "hello\r"));
	expect_no_piece_of(TOKEN, traced);
	expect_no_piece_of(BLOB, traced);
	expect_no_piece_of("ZXlKMGVYQWlPaUpLVjFRaUxD", traced);
	expect_no_piece_of(TOKEN, st.remote);
	expect_no_piece_of(BLOB, st.remote);
	release_fates(&e);
}
END_TEST

#define TRANSACTION ">MAIL", ">RCPT", ">DATA", "<250 ok", "<250 ok", \
	"<354 go", ".", "<250 OK"

START_TEST(the_rest_goes_in_further_transactions)
{
	static const char *const steps[] = { PIPE, TRANSACTION, TRANSACTION,
	    NULL };
	static const struct dialogue usual = { .max = 1 };
	char a[] = "a@x", b[] = "b@x";
	struct recipient recipients[] = { { .address = a }, { .address = b } };
	struct envelope e = { .recipients = recipients, .count = 2 };
	struct forked_server server;
	struct session_params p;
	struct session_data message;
	struct source source = { 0 };
	struct session_cost cost;
	struct status st = STATUS_INIT;
	struct session *s;
	int i;

	scripted_server_start(&server, steps);
	p = params(&server, &usual);
	s = session_open(&p, &st);
	ck_assert_ptr_nonnull(s);
	for (i = 0; i < 2; i++) {
		source = (struct source){ 0 };
		message = data(&source, &usual);
		ck_assert_int_eq(send_message(s, &message, &e, &st), 0);
		ck_assert_int_eq(source.sent_all, 1);
	}
	expect_states(&e, "DD");
	/* EHLO, and twice envelope and data. */
	session_cost(s, &cost);
	ck_assert_int_eq(cost.flights, 1 + 2 * 2);
	release_fates(&e);
	session_close(s);
	ck_assert_int_eq(forked_server_end(&server), 0);
}
END_TEST

/* A transaction that stopped half-way is taken back by RSET, in the next one's
 * flight. */
START_TEST(a_stopped_transaction_is_reset)
{
	static const char *const steps[] = { PIPE, ENVELOPE, ">DATA",
	    "<250 ok", "<250 ok", "<250 ok", "<451 4.3.0 later", ">RSET",
	    ENVELOPE, ">DATA", "<250 ok", "<250 ok", "<250 ok", "<250 ok",
	    "<354 go", BODY, "<250 OK", NULL };
	static const struct dialogue usual = { .max = 2 };
	char a[] = "a@x", b[] = "b@x";
	struct recipient recipients[] = { { .address = a }, { .address = b } };
	struct envelope e = { .recipients = recipients, .count = 2 };
	struct forked_server server;
	struct session_params p;
	struct source source = { 0 };
	struct session_data message = data(&source, &usual);
	struct status st = STATUS_INIT;
	struct session *s;

	scripted_server_start(&server, steps);
	p = params(&server, &usual);
	s = session_open(&p, &st);
	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(send_message(s, &message, &e, &st), -1);
	expect_states(&e, "WW");
	recipients[0].state = recipients[1].state = RECIPIENT_PENDING;
	ck_assert_int_eq(send_message(s, &message, &e, &st), 0);
	expect_states(&e, "DD");
	release_fates(&e);
	session_close(s);
	ck_assert_int_eq(forked_server_end(&server), 0);
}
END_TEST

/* RFC 3461: parameters go where DSN is offered, and nowhere else. */
START_TEST(dsn_parameters_are_passed_on)
{
	static const char *const with[] = { HELLO, "<250 DSN",
	    ">MAIL FROM:<app@x> RET=HDRS ENVID=id+2B1", "<250 ok",
	    ">RCPT TO:<a@x> NOTIFY=NEVER ORCPT=rfc822;A@x", "<250 ok", ">DATA",
	    "<354 go", BODY, "<250 OK", NULL };
	static const char *const without[] = { PLAIN, ">MAIL FROM:<app@x>",
	    "<250 ok", ">RCPT TO:<a@x>", "<250 ok", ">DATA", "<354 go", BODY,
	    "<250 OK", NULL };
	static const struct dialogue usual = { .max = 2 };
	char a[] = "a@x", original[] = "rfc822;A@x", envid[] = "id+2B1";
	struct recipient recipient = { .address = a, .original = original };
	struct envelope e = { .recipients = &recipient, .count = 1,
	    .ret = "HDRS", .notify = "NEVER", .envid = envid };
	struct forked_server server;
	struct session_params p;
	struct source source = { 0 };
	struct session_data message = data(&source, &usual);
	struct status st = STATUS_INIT;
	struct session *s;

	scripted_server_start(&server, _i == 0 ? with : without);
	p = params(&server, &usual);
	s = session_open(&p, &st);
	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(send_message(s, &message, &e, &st), 0);
	expect_states(&e, "D");
	ck_assert((strstr(traced, "NOTIFY") != NULL) == (_i == 0));
	release_fates(&e);
	session_close(s);
	ck_assert_int_eq(forked_server_end(&server), 0);
}
END_TEST

/* What no script can hold: thousands of recipients, of which each reply is long,
 * to a server that hears nothing before it has said everything. */
#define MANY 5000
START_TEST(a_flight_larger_than_the_path_gets_through)
{
	const char **steps = xcalloc(2 * MANY + 20, sizeof *steps);
	static const char *const start[] = { PIPE, ">MAIL", "<250 ok" };
	static const char *const end[] = { ">DATA", "<354 go", ".", "<250 OK" };
	static char ok[] = "<250 2.1.5 ok, and so on, and so on, and so on, and "
	    "so on, and so on, and so on, and so on";
	static const struct dialogue usual = { .max = MANY };
	struct recipient *recipients = xcalloc(MANY, sizeof *recipients);
	char address[] = "a.recipient.with.a.rather.long.address@x.example.net";
	struct envelope e = { .recipients = recipients, .count = MANY };
	struct forked_server server;
	struct session_params p;
	struct source source = { 0 };
	struct session_data message = data(&source, &usual);
	struct status st = STATUS_INIT;
	struct session *s;
	size_t n = 0, i;

	for (i = 0; i < sizeof start / sizeof *start; i++)
		steps[n++] = start[i];
	for (i = 0; i < MANY; i++) {
		recipients[i].address = address;
		steps[n++] = ">RCPT";
		steps[n++] = ok;
	}
	for (i = 0; i < sizeof end / sizeof *end; i++)
		steps[n++] = end[i];
	scripted_server_start(&server, steps);
	p = params(&server, &usual);
	p.trace = NULL;
	s = session_open(&p, &st);
	ck_assert_ptr_nonnull(s);
	ck_assert_msg(send_message(s, &message, &e, &st) == 0, "%s", st.text);
	ck_assert_uint_eq(recipients[MANY - 1].state, RECIPIENT_DELIVERED);
	release_fates(&e);
	session_close(s);
	ck_assert_int_eq(forked_server_end(&server), 0);
	free(recipients);
	free(steps);
}
END_TEST

/* What `mailbearer check` asks: an envelope without a message. */
START_TEST(an_envelope_is_probed)
{
	static const char *const steps[] = { PIPE, ">MAIL FROM:<app@x>",
	    "<250 2.1.0 fine", ">RCPT TO:<a@x>", "<250 ok", ">RCPT TO:<b@x>",
	    "<550 5.1.1 nobody", ">RSET", "<250 ok", ">MAIL FROM:<c@x>",
	    "<550 5.7.60 not you", ">RSET", "<250 ok", ">QUIT", "<221 bye",
	    NULL };
	static const struct dialogue usual = { .max = 1 };
	struct forked_server server;
	struct session_params p;
	struct status st = STATUS_INIT;
	struct session *s;
	char reply[64];

	scripted_server_start(&server, steps);
	p = params(&server, &usual);
	s = session_open(&p, &st);
	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(session_probe_sender(s, "app@x", &st), 0);
	session_last_reply(s, reply, sizeof reply);
	ck_assert_str_eq(reply, "250 2.1.0 fine");
	ck_assert_int_eq(session_probe_recipient(s, "a@x", &st), 0);
	ck_assert_int_eq(session_probe_recipient(s, "b@x", &st), -1);
	ck_assert_int_eq(st.sysexit, EX_NOUSER);
	ck_assert_int_eq(session_reset(s, &st), 0);
	ck_assert_int_eq(session_probe_sender(s, "c@x", &st), -1);
	ck_assert_str_eq(st.enhanced, "5.7.60");
	ck_assert_int_eq(session_reset(s, &st), 0);
	/* Not a word of these reaches the server. */
	ck_assert_int_eq(session_probe_sender(s, "a@x>\r\nDATA", &st), -1);
	ck_assert_int_eq(session_probe_recipient(s, "a@x>\nDATA", &st), -1);
	traced[0] = '\0';
	session_close(s);
	ck_assert_str_eq(traced, "> QUIT\n");	/* and no 221: not awaited */
	ck_assert_int_eq(forked_server_end(&server), 0);
}
END_TEST

/* Whatever let it through: no value makes two commands of one. */
START_TEST(a_command_is_one_line)
{
	static const char *const steps[] = { "<220 mx ready", NULL };
	static const struct dialogue usual = { .max = 1 };
	char name[8000] = "me.example\r\nRSET";
	struct forked_server server;
	struct session_params p;
	struct status st = STATUS_INIT;

	if (_i == 1)
		memset(name, 'm', sizeof name - 1);
	scripted_server_start(&server, steps);
	p = params(&server, &usual);
	p.ehlo_name = name;
	ck_assert_ptr_null(session_open(&p, &st));
	ck_assert_int_eq(st.sysexit, EX_USAGE);
	ck_assert_ptr_nonnull(strstr(st.text, "too long, or a control"));
	ck_assert_int_eq(forked_server_end(&server), 0);
}
END_TEST

START_TEST(a_host_without_a_domain_gives_its_address)
{
	static const char *const steps[] = { "<220 mx ready",
	    ">EHLO [127.0.0.1]", "<250 mx hello", ">QUIT", NULL };
	static const char *const names[] = { NULL, "web_1.example", "_" };
	static const struct dialogue usual = { .max = 1 };
	struct forked_server server;
	struct session_params p;
	struct status st = STATUS_INIT;
	struct session *s;

	scripted_server_start(&server, steps);
	p = params(&server, &usual);
	p.ehlo_name = names[_i];
	s = session_open(&p, &st);
	ck_assert_msg(s != NULL, "%s", st.text);
	session_close(s);
	ck_assert_int_eq(forked_server_end(&server), 0);
}
END_TEST

/* Not a piece of it is said, and the administrator is told. */
START_TEST(a_secret_is_too_long)
{
	static const char *const together[] = { AUTH, NULL };
	static const char *const prompted[] = { AUTH, ">AUTH LOGIN",
	    "<334 VXNlcm5hbWU6", ">YXBwQHg=", "<334 UGFzc3dvcmQ6", NULL };
	static const struct dialogue usual = { .max = 1 };
	char secret[12289];
	struct session_credential c = { .user = "app@x", .secret = secret };
	struct forked_server server;
	struct session_params p;
	struct status st = STATUS_INIT;
	struct session *s;

	c.mechanism = _i;
	memset(secret, 's', sizeof secret - 1);
	secret[sizeof secret - 1] = '\0';
	scripted_server_start(&server,
	    _i == SASL_LOGIN ? prompted : together);
	p = params(&server, &usual);
	s = session_open(&p, &st);
	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(session_authenticate(s, &c, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_CONFIG);
	ck_assert_ptr_nonnull(strstr(st.text, "longer than SMTP can carry"));
	session_close(s);
	ck_assert_int_eq(forked_server_end(&server), 0);
}
END_TEST

START_TEST(nobody_listens)
{
	static const struct dialogue usual = { .max = 1 };
	struct forked_server server = { .port = 1 };
	struct session_params p = params(&server, &usual);
	struct status st = STATUS_INIT;

	ck_assert_ptr_null(session_open(&p, &st));
	ck_assert_int_eq(st.sysexit, EX_TEMPFAIL);
	ck_assert_ptr_nonnull(strstr(st.text, "Connection refused"));
	ck_assert_str_ne(st.hint, "");
	p.host = "no-such-host.invalid";
	ck_assert_ptr_null(session_open(&p, &st));
	ck_assert_int_eq(st.sysexit, EX_TEMPFAIL);
	p.host = "127.0.0.1";
	p.source_address = "not an address";
	ck_assert_ptr_null(session_open(&p, &st));
	ck_assert_int_eq(st.sysexit, EX_CONFIG);
}
END_TEST

static void
give_up(struct aside *a)
{
	char c;

	ck_assert_int_eq(read(a->fd, &c, 1), 1);
	a->fd = -1;
	a->until = clock_deadline(50);
}

/* With a server that never speaks, and an hour of time. */
START_TEST(what_is_aside_ends_the_wait)
{
	static const char *const steps[] = { "~", NULL };
	static const struct dialogue usual = { .max = 1 };
	struct aside aside = { .news = give_up, .until = CLOCK_NEVER };
	struct forked_server server;
	struct session_params p;
	struct status st = STATUS_INIT;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	aside.fd = ends[0];
	scripted_server_start(&server, steps);
	p = params(&server, &usual);
	p.deadline = clock_deadline(3600 * 1000);
	p.aside = &aside;
	ck_assert_ptr_null(session_open(&p, &st));
	ck_assert_int_eq(aside.fd, -1);
	ck_assert_int_eq(forked_server_end(&server), 0);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("session");
	TCase *t = tcase_create("session");

	signal(SIGPIPE, SIG_DFL);	/* it must not even be raised */
	tcase_set_timeout(t, 30);
	tcase_add_loop_test(t, a_dialogue_ends_as_it_should, 0,
	    sizeof dialogues / sizeof *dialogues);
	tcase_add_test(t, the_rest_goes_in_further_transactions);
	tcase_add_test(t, a_stopped_transaction_is_reset);
	tcase_add_loop_test(t, dsn_parameters_are_passed_on, 0, 2);
	tcase_add_test(t, a_flight_larger_than_the_path_gets_through);
	tcase_add_test(t, an_envelope_is_probed);
	tcase_add_loop_test(t, a_command_is_one_line, 0, 2);
	tcase_add_loop_test(t, a_host_without_a_domain_gives_its_address, 0, 3);
	tcase_add_loop_test(t, a_secret_is_too_long, XOAUTH2, SASL_LOGIN + 1);
	tcase_add_test(t, nobody_listens);
	tcase_add_test(t, what_is_aside_ends_the_wait);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
