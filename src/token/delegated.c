/* SPDX-License-Identifier: ISC
 *
 * delegated: a user has signed in once by device code (RFC 8628), and the
 * refresh token (RFC 6749 6) does the rest.  Each use of it may bring a new one,
 * which must not get lost: it is stored before anything else happens.  Whoever
 * runs us holds the lock of app and mailbox, so that nobody stores beside us.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/record.h"
#include "base/safefile.h"
#include "base/xalloc.h"
#include "token/credential.h"

#define STORE_MAX	(64 * 1024)
#define GRANT_DEVICE	"urn:ietf:params:oauth:grant-type:device_code"

/* RFC 8628 3.5: what is added for "slow_down"; the default; and our limits for
 * what an endpoint may ask for. */
#define SLOW_DOWN	5
#define INTERVAL	5
#define INTERVAL_MAX	60

static int
open_state(const struct request *q, struct status *st)
{
	/* Nobody but us reads a refresh token. */
	umask(077);
	return safefile_open_directory(q->config->state_directory, geteuid(),
	    st);
}

/* As oauth/store.c names the cache: a mailbox may hold any byte. */
static void
name_file(const struct request *q, char name[128])
{
	uint64_t hash = hash_add(HASH_INIT, q->mailbox,
	    strlen(q->mailbox) + 1);

	snprintf(name, 128, "refresh-%s@%016" PRIx64 ".json", q->app->name,
	    hash);
}

static int
store_refresh_token(const struct request *q, int directory,
    const char *refresh, struct status *st)
{
	struct record *r = record_new();
	char name[128];
	struct buf text;
	int rc;

	name_file(q, name);
	record_put_text(r, "mailbox", q->mailbox);
	record_put_number(r, "stored", clock_wall());
	record_put_text(r, "refresh_token", refresh);
	buf_init(&text, STORE_MAX);
	record_format(r, &text);
	rc = safefile_replace_at(directory, name, text.data, text.len, st);
	buf_wipe(&text);
	record_free(r);
	return rc;
}

static int
load_refresh_token(const struct request *q, int directory, struct buf *refresh,
    struct status *st)
{
	struct record *r = NULL;
	const char *text = "";
	char name[128];
	struct buf file;

	name_file(q, name);
	buf_init(&file, STORE_MAX);
	if (safefile_read_at(directory, name, STORE_MAX, &file, st) == 0)
		r = record_parse(file.data, file.len);
	else if (errno != ENOENT) {
		buf_wipe(&file);
		return -1;
	}
	if (r != NULL)
		text = record_text(r, "refresh_token");
	buf_addstr(refresh, text);
	record_free(r);
	buf_wipe(&file);
	if (refresh->len != 0)
		return 0;
	status_set(st, EX_CONFIG, "nobody has signed in for %s with app %s",
	    q->mailbox, q->app->name);
	return status_hint(st, "run: mailbearer login ACCOUNT");
}

/* A refresh token that is not stored is lost at its next use, not at this one:
 * the access token is good, so the mail goes out. */
static void
keep_refresh_token(struct request *q, int directory, const struct answer *a)
{
	struct status st = STATUS_INIT;

	if (a->refresh.len != 0 && store_refresh_token(q, directory,
	    a->refresh.data, &st) == -1)
		snprintf(q->warning, sizeof q->warning, "the new refresh token "
		    "for %s is not kept: %.120s", q->mailbox, st.text);
}

int
delegated_ask(struct request *q, struct answer *a, struct status *st)
{
	struct field fields[] = {
		{ "grant_type", "refresh_token", false },
		{ "refresh_token", NULL, true },
		{ NULL, NULL, false }
	};
	struct buf refresh;
	int directory, rc = -1;

	if ((directory = open_state(q, st)) == -1)
		return -1;
	buf_init(&refresh, ANSWER_TOKEN_MAX);
	if (load_refresh_token(q, directory, &refresh, st) == 0) {
		fields[1].value = refresh.data;
		rc = endpoint_ask(q, q->app->scope, fields, a, st);
	}
	if (rc == 0)
		keep_refresh_token(q, directory, a);
	buf_wipe(&refresh);
	close(directory);
	return rc;
}

/* A sign-in that is under way. */
struct sign_in {
	char		*device_code;	/* secret: it is worth a token */
	int64_t		 interval;	/* seconds between two polls */
	int64_t		 deadline;	/* clock_ms */
	pid_t		 parent;	/* who wanted it */
};

/* "https://.../oauth2/v2.0/token" becomes ".../devicecode". */
static char *
device_code_url(const char *token_endpoint)
{
	const char *slash = strrchr(token_endpoint, '/');

	return xasprintf("%.*s/devicecode", (int)(slash - token_endpoint),
	    token_endpoint);
}

/* RFC 8628 3.2, and what a person has to know of it. */
static int
read_device_code(struct sign_in *s, const struct request *q,
    const struct record *j, void (*tell)(const char *), struct status *st)
{
	struct record *news = record_new();
	int64_t life = record_number(j, "expires_in", 900);
	struct buf line;
	char text[256];

	s->device_code = xstrdup(record_text(j, "device_code"));
	s->interval = record_number(j, "interval", INTERVAL);
	if (s->interval < 1 || s->interval > INTERVAL_MAX)
		s->interval = INTERVAL;
	s->deadline = clock_deadline(life > 0 && life < 3600 ? life * 1000 :
	    900000);
	if (s->deadline > q->deadline)
		s->deadline = q->deadline;
	status_printable(text, sizeof text, record_text(j, "verification_uri"));
	record_put_text(news, "verification_uri", text);
	status_printable(text, sizeof text, record_text(j, "user_code"));
	record_put_text(news, "user_code", text);
	record_put_number(news, "seconds", clock_left(s->deadline) / 1000);
	buf_init(&line, 2048);
	record_format(news, &line);
	if (s->device_code[0] != '\0' && text[0] != '\0')
		tell(line.data);
	else
		status_set(st, EX_PROTOCOL, "the token endpoint gave no code "
		    "to sign in with");
	buf_release(&line);
	record_free(news);
	return s->device_code[0] != '\0' && text[0] != '\0' ? 0 : -1;
}

static int
begin(struct sign_in *s, struct request *q, struct answer *a,
    void (*tell)(const char *), struct status *st)
{
	static const struct field none[] = { { NULL, NULL, false } };
	static const char *const no_secrets[] = { NULL };
	char *url = device_code_url(q->app->token_endpoint);
	struct http_response r;
	struct record *j;
	int rc = -1;

	http_init(&r);
	if (endpoint_send(q, url, q->app->scope, none, &r, st) == 0) {
		j = r.status == 200 ? record_parse(r.body.data, r.body.len) :
		    NULL;
		if (j != NULL)
			rc = read_device_code(s, q, j, tell, st);
		else {
			answer_read(a, &r, no_secrets, clock_wall());
			answer_judge(a, q->app, q->mailbox, st);
		}
		record_free(j);
	}
	http_release(&r);
	free(url);
	return rc;
}

/* RFC 8628 3.4 and 3.5 */
static int
poll_for_token(struct sign_in *s, struct request *q, struct answer *a,
    struct status *st)
{
	const struct field fields[] = {
		{ "grant_type", GRANT_DEVICE, false },
		{ "device_code", s->device_code, true },
		{ NULL, NULL, false }
	};
	struct timespec pause = { .tv_sec = s->interval };

	while (clock_left(s->deadline) > pause.tv_sec * 1000) {
		nanosleep(&pause, NULL);
		if (getppid() != s->parent)
			return status_set(st, EX_TEMPFAIL, "whoever wanted the "
			    "sign-in, and held the lock, is gone");
		if (endpoint_ask(q, q->app->scope, fields, a, st) == 0)
			return 0;
		if (answer_is_error(a, "slow_down") &&
		    pause.tv_sec < INTERVAL_MAX)
			pause.tv_sec += SLOW_DOWN;
		else if (!answer_is_error(a, "authorization_pending") &&
		    a->http != 0 && a->http / 100 != 5)
			return -1;
	}
	status_set(st, EX_TEMPFAIL, "nobody has entered the code in time");
	return status_hint(st, "run: mailbearer login ACCOUNT again");
}

int
delegated_login(struct request *q, struct answer *a,
    void (*tell)(const char *line), struct status *st)
{
	struct sign_in s = { .parent = getppid() };
	int directory, rc = -1;

	/* Before the person does anything: would there be a place for it? */
	if ((directory = open_state(q, st)) == -1)
		return -1;
	if (begin(&s, q, a, tell, st) == 0 &&
	    poll_for_token(&s, q, a, st) == 0) {
		if (a->refresh.len != 0)
			rc = store_refresh_token(q, directory,
			    a->refresh.data, st);
		else {
			status_set(st, EX_CONFIG, "the token endpoint gave no "
			    "refresh token");
			status_hint(st, "add offline_access to scope");
		}
	}
	if (s.device_code != NULL)
		explicit_bzero(s.device_code, strlen(s.device_code));
	free(s.device_code);
	close(directory);
	return rc;
}
