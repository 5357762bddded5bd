/* SPDX-License-Identifier: ISC */
#include "oauth/helper.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/safefile.h"
#include "base/starter.h"
#include "base/xalloc.h"
#include "oauth/child.h"

#define HELPER LIBEXECDIR "/mailbearer-token"
#define GENERATE_MS 60000	/* on a slow machine with little to choose from */

/* In full at once, because it is to hold a token. */
static void
init_output(struct buf *out)
{
	buf_init(out, RESULT_MAX);
	buf_reserve(out, RESULT_MAX);
}

/* Reads what there is: 1 for more to come, 0 when it has said all, -1.  The child
 * is gone after both, and 0 tells how. */
static int
hear(struct child *child, struct buf *out, int64_t deadline, int *end,
    struct status *st)
{
	int more = child_read(child, out, deadline, st);

	if (more == 1)
		return 1;
	/* Whoever prints too much is not waited for. */
	*end = child_end(child, more == -1 ? 0 : deadline);
	if (more == -1)
		return -1;
	return out->len != 0 ? 0 : child_said_nothing(child, *end, st);
}

/* Runs a program and collects what it prints. */
static int
run(char *const argv[], int64_t deadline, struct buf *out, struct status *st)
{
	struct child child = { .out = -1 };
	int rc, end;

	init_output(out);
	if (child_start(&child, argv, true, st) == -1)
		return -1;
	while ((rc = hear(&child, out, deadline, &end, st)) == 1)
		continue;
	return rc;
}

/* An absolute form of the config's path, owned by the caller. */
static char *
absolute(const char *path)
{
	char *directory, *whole;

	if (path[0] == '/' || (directory = getcwd(NULL, 0)) == NULL)
		return xstrdup(path);
	whole = xasprintf("%s/%s", directory, path);
	free(directory);
	return whole;
}

#define ARGUMENTS_MAX 8

/* The helper loads the config itself, and must believe the same files. */
static void
make_arguments(char *argv[ARGUMENTS_MAX], const struct config *c,
    const struct account *a, bool is_login)
{
	size_t n = 0;

	argv[n++] = xstrdup(HELPER);
	if (c->given) {
		argv[n++] = xstrdup("-C");
		argv[n++] = absolute(c->path);
	}
	if (c->trust.owner != 0)
		argv[n++] = xstrdup("-o");
	if (is_login)
		argv[n++] = xstrdup("--login");
	argv[n++] = xstrdup(a->app->name);
	if (a->app->credential == CREDENTIAL_DELEGATED)
		argv[n++] = xstrdup(a->mailbox);
	argv[n] = NULL;
}

static void
free_arguments(char *argv[ARGUMENTS_MAX])
{
	size_t i;

	for (i = 0; argv[i] != NULL; i++)
		free(argv[i]);
}

static int
spawn_helper(struct child *child, const struct config *c,
    const struct account *a, struct status *st)
{
	char *argv[ARGUMENTS_MAX];
	int rc;

	make_arguments(argv, c, a, false);
	rc = child_start(child, argv, true, st);
	child->path = HELPER;
	free_arguments(argv);
	return rc;
}

/* What a command line would be elsewhere. */
static void
hint_at_arguments(const char *path, struct status *st)
{
	size_t len = strcspn(path, " \t");

	if (path[len] != '\0')
		status_hint(st, "arguments stand by themselves: token-command = "
		    "{ \"%.*s\", \"...\" }", (int)len, path);
}

static int
spawn_command(struct child *child, const struct config *c,
    const struct account *a, struct status *st)
{
	char **argv = a->app->token_command;
	struct stat sb;
	int fd;

	if (argv[0][0] != '/')
		return status_set(st, EX_CONFIG,
		    "token-command: %s is no absolute path", argv[0]);
	/* Whoever may write to it may take our rights and tokens.  Nobody whom
	 * we do not trust can swap it after this: the directories are safe. */
	fd = safefile_open(argv[0], TRUST_CONFIG, &c->trust, &sb, st);
	if (fd == -1) {
		hint_at_arguments(argv[0], st);
		return status_context(st, "token-command");
	}
	close(fd);
	return child_start(child, argv, true, st);
}

int
helper_spawn(struct child *child, const struct config *c,
    const struct account *a, struct status *st)
{
	return a->app->credential == CREDENTIAL_COMMAND ?
	    spawn_command(child, c, a, st) : spawn_helper(child, c, a, st);
}

/* All mail of the account waits then. */
static int
fail(struct helper *h, struct status *st)
{
	buf_wipe(&h->out);
	st->scope = SCOPE_ACCOUNT;
	return -1;
}

int
helper_start(struct helper *h, const struct config *c, const struct account *a,
    int64_t deadline, struct status *st)
{
	int rc;

	*h = (struct helper){ .deadline = deadline, .child.out = -1,
	    .is_command = a->app->credential == CREDENTIAL_COMMAND };
	init_output(&h->out);
	rc = starter_is_used() ? child_ask(&h->child, h->is_command ?
	    a->app->token_command[0] : HELPER, a - c->accounts, st) :
	    helper_spawn(&h->child, c, a, st);
	return rc == 0 ? 0 : fail(h, st);
}

int
helper_fd(const struct helper *h)
{
	return h->child.out;
}

int
helper_step(struct helper *h, struct result *r, struct status *st)
{
	int end, rc = hear(&h->child, &h->out, h->deadline, &end, st);

	if (rc == 1)
		return 1;
	if (rc == 0 && !h->is_command)
		rc = result_parse_helper(r, h->out.data, h->out.len,
		    clock_wall(), st);
	else if (rc == 0 && result_parse_command(r, h->out.data, h->out.len,
	    clock_wall(), st) == -1)
		rc = child_said_no_token(&h->child, end, st);
	if (rc == -1)
		return fail(h, st);
	buf_wipe(&h->out);
	return 0;
}

int
helper_run(struct result *r, const struct config *c, const struct account *a,
    int64_t deadline, struct status *st)
{
	struct helper h;
	int rc;

	if (helper_start(&h, c, a, deadline, st) == -1)
		return -1;
	while ((rc = helper_step(&h, r, st)) == 1)
		continue;
	return rc;
}

/* One line of the helper: 1 for news, 0 when somebody has signed in, -1. */
static int
read_login_line(const char *line, size_t len, const struct login *login,
    struct status *st)
{
	struct record *r = record_parse(line, len);
	struct result failure;
	int rc = -1;

	if (r != NULL && record_flag(r, "signed_in"))
		rc = 0;
	else if (r != NULL && record_text(r, "user_code")[0] != '\0') {
		login->tell(login->context, record_text(r, "verification_uri"),
		    record_text(r, "user_code"),
		    record_number(r, "seconds", 0));
		rc = 1;
	} else {
		result_init(&failure);
		if (result_parse_helper(&failure, line, len, clock_wall(),
		    st) == 0)
			status_set(st, EX_SOFTWARE, "%s gave a token where a "
			    "sign-in was wanted", HELPER);
		result_release(&failure);
	}
	record_free(r);
	return rc;
}

/* Whole lines out of `text`, as long as they are news. */
static int
read_login_lines(struct buf *text, const struct login *login,
    struct status *st)
{
	const char *end;
	int rc = 1;

	while (rc == 1 && (end = memchr(text->data, '\n', text->len)) != NULL) {
		rc = read_login_line(text->data, (size_t)(end - text->data),
		    login, st);
		buf_consume(text, (size_t)(end - text->data) + 1);
	}
	return rc;
}

int
helper_login(const struct config *c, const struct account *a,
    const struct login *login, int64_t deadline, struct status *st)
{
	struct child child = { .out = -1 };
	char *argv[ARGUMENTS_MAX];
	struct buf text;
	int rc = 1, more = 1, status;

	make_arguments(argv, c, a, true);
	buf_init(&text, RESULT_MAX);
	/* ^C is for the helper too: it would go on asking for minutes. */
	if (child_start(&child, argv, false, st) == -1)
		rc = -1;
	else {
		while (rc == 1 && more == 1) {
			more = child_read(&child, &text, deadline, st);
			if (more != -1)
				rc = read_login_lines(&text, login, st);
		}
		status = child_end(&child, rc == 1 ? 0 : deadline);
		if (rc == 1 && more == 0)
			child_said_nothing(&child, status, st);
	}
	buf_wipe(&text);
	free_arguments(argv);
	return rc == 0 ? 0 : -1;
}

struct record *
helper_generate(const char *path, const char *name, struct status *st)
{
	char *argv[] = { (char []){ HELPER }, (char []){ "--generate" },
	    xstrdup(path), xstrdup(name), NULL };
	int64_t deadline = clock_deadline(GENERATE_MS);
	struct record *r = NULL;
	struct result failure;
	struct buf text;

	result_init(&failure);
	if (run(argv, deadline, &text, st) == 0 &&
	    ((r = record_parse(text.data, text.len)) == NULL ||
	    record_text(r, "certificate")[0] == '\0')) {
		result_parse_helper(&failure, text.data, text.len,
		    clock_wall(), st);
		record_free(r);
		r = NULL;
	}
	result_release(&failure);
	buf_wipe(&text);
	free(argv[2]);
	free(argv[3]);
	return r;
}
