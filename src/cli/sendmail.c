/* SPDX-License-Identifier: ISC */
#include "cli/sendmail.h"

#include <unistd.h>

#include "base/log.h"
#include "cli/caller.h"
#include "cli/mailq.h"
#include "cli/newaliases.h"
#include "cli/out.h"
#include "cli/queue_run.h"
#include "cli/smtpd.h"
#include "cli/submit.h"
#include "cli/verify.h"

static int
run_mode(const struct caller *c)
{
	switch (c->options->mode) {
	case MODE_MESSAGE:
		return submit_stdin(c);
	case MODE_SMTP:
		return smtpd_main(c);
	case MODE_ALIASES:
		return newaliases_main(c);
	case MODE_VERIFY:
		return out_end(c->name, verify_main(c));
	case MODE_NOTHING:
		return EX_OK;
	case MODE_LIST:
		return out_end(c->name, mailq_main(c));
	case MODE_QUEUE_RUN:
		return queue_run_main(c);
	}
	return EX_USAGE;
}

/* Before any mode is reached.  A client of -bs waits for us, and would wait for
 * ever if we waited for it.  A caller's open file is put back to where it was:
 * he may want to save the message from it. */
static void
drain(const struct caller *c, const struct status *st)
{
	off_t start = lseek(STDIN_FILENO, 0, SEEK_CUR);

	if (c->options->mode == MODE_SMTP)
		smtpd_decline(st);
	else
		caller_drain_stdin();
	if (start != -1)
		lseek(STDIN_FILENO, start, SEEK_SET);
}

static int
fail(const struct caller *c, const struct status *st)
{
	drain(c, st);
	caller_say(c, st);
	return status_exit(st);
}

/* Mail that comes with flags that are none: cron and PHP show nobody what is on
 * stderr, so the log has it.  Other modes have a person before them. */
static int
refuse(const struct caller *c, const struct status *st)
{
	struct status ignored = STATUS_INIT;
	struct config config;

	if (c->options->mode != MODE_MESSAGE && c->options->mode != MODE_SMTP)
		return fail(c, st);
	if (config_load(&config, &c->source, &ignored) == 0) {
		(void)log_open("mailbearer", config.log, &ignored);
		config_release(&config);
	}
	drain(c, st);
	caller_refuse(c, st);
	return status_exit(st);
}

int
sendmail_main(struct identity *id, const char *name, int argc, char **argv)
{
	struct options options = { .mode = MODE_MESSAGE };
	struct caller c = { .name = name, .identity = id, .options = &options };
	struct status st = STATUS_INIT, ignored;

	if (privilege_keep(id, &st) == -1) {
		/* How its caller is told depends on the mode. */
		(void)options_parse(&options, name, false, argc, argv,
		    &ignored);
		return fail(&c, &st);
	}
	c.source = caller_source(id, NULL);
	if (options_parse(&options, name, false, argc, argv, &st) == -1)
		return refuse(&c, &st);
	return run_mode(&c);
}

int
sendmail_as_caller(struct identity *id, int argc, char **argv)
{
	struct options options = { .mode = MODE_MESSAGE };
	struct caller c = { .name = "sendmail", .identity = id,
	    .options = &options };
	struct status st = STATUS_INIT;
	int parsed = options_parse(&options, "sendmail", true, argc, argv, &st);

	/* Root's own config is read as root: with -C nothing of the
	 * installation is used, neither its files nor its user. */
	if (privilege_drop(id, options.config_file == NULL, &st) == -1)
		return fail(&c, &st);
	c.source = caller_source(id, options.config_file);
	if (parsed == -1)
		return refuse(&c, &st);
	return run_mode(&c);
}
