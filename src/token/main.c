/* SPDX-License-Identifier: ISC
 *
 * mailbearer-token [-C FILE] [-o] APP [MAILBOX]
 * mailbearer-token [-C FILE] [-o] --login APP MAILBOX
 * mailbearer-token --generate FILE NAME
 *
 * -C and -o say where the sender has its config from and whose files it
 * believes: -o, besides root's, those of the user that runs it.
 *
 * Reads one app's credential, makes one token request, prints one JSON object
 * (oauth/result.h) and nothing else.  Apart from the sender, because it holds
 * what the sender must not: the credential, and libcurl with its thirty
 * libraries.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/privilege.h"
#include "base/record.h"
#include "base/sandbox.h"
#include "config/config.h"
#include "token/assertion.h"
#include "token/credential.h"
#include "token/libraries.h"

/* All requests together; the sender waits a little longer. */
#define TOTAL_MS 32000
/* A person has to find a browser and a second factor. */
#define LOGIN_MS (15 * 60 * 1000)
/* Then a library did not keep its deadline, and who started us may be gone. */
#define GRACE_S 8
#define PRINTED_MAX (64 * 1024)

struct arguments {
	const char	*config, *app, *mailbox;
	bool		 own, login;
};

static credential_fn *const kinds[] = {
	[CREDENTIAL_SECRET] = secret_ask,
	[CREDENTIAL_CERTIFICATE] = certificate_ask,
	[CREDENTIAL_FEDERATED] = federated_ask,
	[CREDENTIAL_MANAGED_IDENTITY] = managed_identity_ask,
	[CREDENTIAL_DELEGATED] = delegated_ask,
};

static int
parse_arguments(struct arguments *args, char **argv, struct status *st)
{
	argv++;
	if (*argv != NULL && strcmp(*argv, "-C") == 0 && argv[1] != NULL) {
		args->config = argv[1];
		argv += 2;
	}
	if (*argv != NULL && strcmp(*argv, "-o") == 0) {
		args->own = true;
		argv++;
	}
	if (*argv != NULL && strcmp(*argv, "--login") == 0) {
		args->login = true;
		argv++;
	}
	if (*argv != NULL)
		args->app = *argv++;
	if (*argv != NULL)
		args->mailbox = *argv++;
	if (args->app == NULL || *argv != NULL ||
	    (args->login && args->mailbox == NULL))
		return status_set(st, EX_USAGE, "usage: mailbearer-token "
		    "[-C FILE] [-o] [--login] APP [MAILBOX]");
	return 0;
}

/* Whom the config and the credential may belong to: as the sender has it. */
static int
load(struct config *c, const struct arguments *args, struct status *st)
{
	struct config_source source = { .path = args->config,
	    .given = args->config != NULL };

	source.trust.owner = args->own ? getuid() : 0;
	source.trust.group = getgid();
	return config_load(c, &source, st);
}

static int
find_app(struct request *q, const struct arguments *args, struct status *st)
{
	q->mailbox = args->mailbox;
	q->app = config_app(q->config, args->app);
	if (q->app == NULL)
		return status_set(st, EX_CONFIG, "%s: there is no app %s",
		    q->config->path, args->app);
	if ((q->app->credential == CREDENTIAL_DELEGATED) !=
	    (q->mailbox != NULL))
		return status_set(st, EX_USAGE, "app %s %s a mailbox",
		    args->app, q->mailbox != NULL ? "takes no" : "needs");
	if ((size_t)q->app->credential >= sizeof kinds / sizeof *kinds)
		return status_set(st, EX_USAGE,
		    "app %s has a token-command of its own", args->app);
	return 0;
}

/* Before anything comes in from the network. */
static void
confine(const struct request *q)
{
	const char *key = q->app->private_key != NULL ? q->app->private_key :
	    q->app->certificate;
	struct sandbox_rules rules = {
		.writable = { q->config->state_directory },
		/* A key that is no file is in a module's care. */
		.with_modules = key != NULL && key[0] != '/',
	};

	sandbox_enter(&rules);
}

static void
tell(const char *line)
{
	printf("%s\n", line);
	fflush(stdout);
}

static int
ask(struct request *q, const struct arguments *args, struct answer *a,
    struct status *st)
{
	if (find_app(q, args, st) == -1)
		return -1;
	confine(q);
	q->deadline = clock_deadline(args->login ? LOGIN_MS : TOTAL_MS);
	alarm((unsigned)clock_left(q->deadline) / 1000 + GRACE_S);
	if (args->login)
		return delegated_login(q, a, tell, st);
	return kinds[q->app->credential](q, a, st);
}

static struct record *
success_record(const struct request *q, const struct answer *a)
{
	struct record *r = record_new();

	record_put_text(r, "access_token", a->access.data);
	record_put_number(r, "expires_in", a->expires_in);
	if (a->refresh_in > 0)
		record_put_number(r, "refresh_in", a->refresh_in);
	record_put_number(r, "obtained", clock_wall());
	if (q->credential_expires != 0)
		record_put_number(r, "credential_expires",
		    q->credential_expires);
	if (q->warning[0] != '\0')
		record_put_text(r, "warning", q->warning);
	record_put_text(r, "request_id", q->id);
	return r;
}

/* No token: a person may look at this. */
static struct record *
login_record(const struct request *q)
{
	struct record *r = record_new();

	record_put_flag(r, "signed_in", true);
	record_put_text(r, "mailbox", q->mailbox);
	record_put_text(r, "request_id", q->id);
	return r;
}

static struct record *
failure_record(const struct request *q, const struct answer *a,
    const struct status *st)
{
	struct record *r = record_new(), *e = record_new();

	record_put_number(e, "exit", st->sysexit);
	record_put_number(e, "class", st->class);
	record_put_number(e, "reply", st->reply);
	record_put_text(e, "text", st->text);
	record_put_text(e, "remote", st->remote);
	record_put_text(e, "hint", st->hint);
	record_put_flag(e, "answered", a->http != 0);
	record_put_text(e, "oauth_error", a->error);
	record_put_number(e, "aadsts", a->aadsts);
	record_put_text(e, "correlation_id", a->correlation_id);
	record_put_text(e, "trace_id", a->trace_id);
	record_put_text(e, "timestamp", a->timestamp);
	if (a->retry_after >= 0)
		record_put_number(e, "retry_after", a->retry_after);
	record_put_object(r, "error", e);
	record_put_text(r, "request_id", q->id);
	return r;
}

/* To stdout in one piece, or not at all: true if it got there. */
static bool
print(struct record *r)
{
	struct buf line;
	bool done;

	buf_init(&line, PRINTED_MAX);
	/* It may hold a token: it must not grow by copying. */
	buf_reserve(&line, PRINTED_MAX);
	record_format(r, &line);
	buf_addch(&line, '\n');
	fflush(stdout);
	done = !line.overflow &&
	    safefile_write_all(STDOUT_FILENO, line.data, line.len) == 0;
	buf_wipe(&line);
	record_free(r);
	return done;
}

/* For `mailbearer setup --new`: needs no config, which is yet to be written. */
static int
generate(char **argv, struct status *st)
{
	struct generated g = { .expires = 0 };
	struct record *r;
	int rc = -1;

	if (argv[2] == NULL || argv[3] == NULL || argv[4] != NULL)
		return status_set(st, EX_USAGE,
		    "usage: mailbearer-token --generate FILE NAME");
	buf_init(&g.certificate, KEY_FILE_MAX);
	if (signer_generate(&g, argv[2], argv[3], st) == 0) {
		r = record_new();
		record_put_text(r, "certificate", g.certificate.data);
		record_put_text(r, "thumbprint", g.thumbprint);
		record_put_number(r, "expires", g.expires);
		rc = print(r) ? 0 : status_set(st, EX_IOERR, "writing");
	}
	buf_release(&g.certificate);
	return rc;
}

int
main(int argc, char **argv)
{
	struct status st = STATUS_INIT;
	struct config config = { 0 };
	struct request q = { .config = &config };
	struct arguments args = { 0 };
	struct identity id;
	struct answer a;
	bool done;
	int rc = -1;

	privilege_start(&id);
	answer_init(&a);
	if (argc > 1 && strcmp(argv[1], "--generate") == 0) {
		if (privilege_drop(&id, false, &st) == -1 ||
		    libraries_start(&st) == -1 ||
		    generate(argv, &st) == -1)
			(void)print(failure_record(&q, &a, &st));
		_exit(EX_OK);
	}
	if (privilege_drop(&id, false, &st) == 0 &&
	    parse_arguments(&args, argv, &st) == 0 &&
	    libraries_start(&st) == 0 &&
	    load(&config, &args, &st) == 0)
		rc = ask(&q, &args, &a, &st);
	done = print(rc == -1 ? failure_record(&q, &a, &st) : args.login ?
	    login_record(&q) : success_record(&q, &a));
	answer_release(&a);
	config_release(&config);
	/* Not exit(): libraries would wait there for resolvers that hang. */
	_exit(done ? EX_OK : EX_IOERR);
}
