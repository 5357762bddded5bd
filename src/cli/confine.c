/* SPDX-License-Identifier: ISC */
#include "cli/confine.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sandbox.h"
#include "base/starter.h"
#include "cli/queue_adopt.h"
#include "cli/queue_run.h"
#include "oauth/child.h"
#include "oauth/helper.h"
#include "oauth/token.h"

#define RENEWAL_MS	60000

/* What the starter works on: as it was before anything else was read. */
static struct outside {
	const struct caller	*caller;
	const struct config	*config;
	struct child		 program;	/* which makes a token just now */
} outside = { .program.out = -1 };

static const struct account *
account_of(const struct outside *o, int64_t number, struct status *st)
{
	if (number >= 0 && (size_t)number < o->config->account_count &&
	    o->config->accounts[number].app != NULL)
		return &o->config->accounts[number];
	status_set(st, EX_SOFTWARE, "no such account");
	return NULL;
}

static int
start_token(void *context, int64_t number, int *fd, struct status *st)
{
	struct outside *o = context;
	const struct account *a = account_of(o, number, st);

	if (a == NULL || o->program.pid != 0)
		return a == NULL ? -1 :
		    status_set(st, EX_SOFTWARE, "one token at a time");
	if (helper_spawn(&o->program, o->config, a, st) == -1) {
		o->program = (struct child){ .out = -1 };
		return -1;
	}
	*fd = o->program.out;
	o->program.out = -1;	/* transferred */
	return 0;
}

static int
end_token(void *context, int64_t deadline, int *fd, struct status *st)
{
	struct outside *o = context;
	int status;

	(void)fd;
	if (o->program.pid == 0)
		return status_set(st, EX_SOFTWARE, "no token is asked for");
	status = child_end(&o->program, deadline);
	o->program.pid = 0;
	return status;
}

/* Twice forked, it is nobody's child who could wait for it, and it is confined in
 * its turn: it reads what the token endpoint says. */
static int
renew(void *context, int64_t number, int *fd, struct status *st)
{
	const struct outside *o = context;
	const struct account *a = account_of(o, number, st);
	pid_t pid;

	(void)fd;
	if (a == NULL)
		return -1;
	if ((pid = fork()) == -1)
		return status_set_errno(st, EX_OSERR, "renewing a token");
	if (pid == 0) {
		/* No terminal's signal ends it in the middle. */
		setsid();
		if (fork() != 0)
			_exit(0);
		confine_sender(o->caller, o->config);
		token_renew(o->config, a, clock_deadline(RENEWAL_MS));
		confine_end();
		_exit(0);
	}
	while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
		continue;
	return 0;
}

static int
run_queue(void *context, int64_t number, int *fd, struct status *st)
{
	const struct outside *o = context;

	(void)number;
	(void)fd;
	return queue_run_start(o->caller, o->config, st);
}

static errand_fn *const errands[ERRANDS] = {
	[ERRAND_TOKEN] = start_token,
	[ERRAND_TOKEN_END] = end_token,
	[ERRAND_RENEWAL] = renew,
	[ERRAND_QUEUE_RUN] = run_queue,
};

/* `other`: one more directory that is written, or NULL. */
static void
enter(const struct config *config, const char *other)
{
	struct sandbox_rules rules = { .with_modules = false };

	if (config != NULL) {
		/* There must be one for a rule to stand for it; whoever uses it
		 * says what is wrong with it. */
		(void)mkdir(config->state_directory, 0750);
		rules.writable[0] = config->spool_directory;
		rules.writable[1] = config->state_directory;
		rules.writable[2] = other;
	}
	sandbox_enter(&rules);
}

static void
confine(const struct caller *caller, const struct config *config,
    const char *other)
{
	if (starter_is_used())
		return;		/* check, before it sends */
	outside = (struct outside){ .caller = caller, .config = config,
	    .program.out = -1 };
	/* First: what a confined process forks or executes is confined as it is
	 * (seccomp(2), landlock(7)), and a helper or a runner could do nothing. */
	starter_begin(errands, &outside);
	enter(config, other);
}

void
confine_sender(const struct caller *caller, const struct config *config)
{
	confine(caller, config, NULL);
}

void
confine_queue(const struct caller *caller, const struct config *config)
{
	confine(caller, config, queue_adopts(caller, config) ?
	    CONFIG_SPOOL_DIRECTORY : NULL);
}

void
confine_reader(const struct config *config)
{
	enter(config, NULL);
}

void
confine_end(void)
{
	starter_end();
}
