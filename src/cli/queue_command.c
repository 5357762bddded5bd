/* SPDX-License-Identifier: ISC */
#include "cli/queue_command.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/admin_config.h"
#include "cli/confine.h"
#include "cli/listing.h"
#include "cli/out.h"
#include "cli/queue_adopt.h"
#include "cli/queue_check.h"
#include "cli/queue_open.h"
#include "cli/queue_report.h"
#include "cli/trace.h"
#include "oauth/token.h"
#include "queue/limits.h"
#include "queue/runner.h"
#include "queue/spool_id.h"

/* The command as it was given. */
struct request {
	struct caller		 caller;
	struct arguments	 arguments;	/* operands only */
	const char		*file;		/* -C */
	bool			 json, is_check;
	struct queue_check	 check;
	struct queue		 queue;
};

/* A message that was asked for. */
struct found {
	char	id[SPOOL_ID_SIZE];
	bool	is_failed;
	size_t	count;		/* of messages that may be meant */
	bool	is_exact;
};

enum { WAITING = 1, FAILED = 2 };

/* One line that says what was done to a message. */
static void
report(const struct request *q, const char *id, const char *what)
{
	struct record *r;

	if (!q->json) {
		printf("%s %s\n", id, what);
		return;
	}
	r = record_new();
	record_put_text(r, "id", id);
	record_put_text(r, "result", what);
	queue_report_record(r);
}

static void
match(struct found *f, const struct listing *l, const char *prefix,
    bool is_failed)
{
	size_t i, len = strlen(prefix);
	struct spool_id id;

	for (i = 0; i < l->count && !f->is_exact; i++) {
		if (strncmp(l->ids[i], prefix, len) != 0 ||
		    !spool_id_parse(&id, l->ids[i]))
			continue;
		f->is_exact = l->ids[i][len] == '\0';
		f->count = f->is_exact ? 1 : f->count + 1;
		f->is_failed = is_failed;
		snprintf(f->id, sizeof f->id, "%s", l->ids[i]);
	}
}

static int
match_part(struct request *q, struct found *f, const char *prefix,
    bool is_failed, struct status *st)
{
	struct listing l;

	if (listing_read(&l, &q->queue.spool, is_failed, st) == -1)
		return -1;
	match(f, &l, prefix, is_failed);
	listing_release(&l);
	return 0;
}

/* The one message whose id begins so, in new/, failed/ or either. */
static int
find(struct request *q, const char *prefix, int where, struct found *f,
    struct status *st)
{
	*f = (struct found){ .count = 0 };
	if (((where & WAITING) != 0 &&
	    match_part(q, f, prefix, false, st) == -1) ||
	    ((where & FAILED) != 0 && match_part(q, f, prefix, true, st) == -1))
		return -1;
	if (f->count == 1 && prefix[0] != '\0')
		return 0;
	if (f->count == 0) {
		status_set(st, EX_NOINPUT, "no %smessage has the id %s",
		    where == WAITING ? "waiting " : where == FAILED ?
		    "failed " : "", prefix);
		return status_hint(st, "mailbearer queue and mailbearer queue "
		    "failed list them");
	}
	status_set(st, EX_USAGE, "%zu messages have an id that begins with "
	    "\"%s\"", f->count, prefix);
	return status_hint(st, "give more of the id");
}

static int
list_part(struct request *q, bool is_failed, struct status *st)
{
	struct listing l;

	if (listing_read(&l, &q->queue.spool, is_failed, st) == -1)
		return -1;
	if (q->json)
		listing_print_json(&l, &q->queue.spool, is_failed);
	else
		listing_print(&l, &q->queue.spool, is_failed, NULL);
	listing_release(&l);
	return 0;
}

static int
list_waiting(struct request *q, const char *none, struct status *st)
{
	(void)none;
	return list_part(q, false, st);
}

static int
list_failed(struct request *q, const char *none, struct status *st)
{
	(void)none;
	return list_part(q, true, st);
}

static int
show(struct request *q, const char *prefix, struct status *st)
{
	struct spool_entry e;
	struct found f;

	if (find(q, prefix, WAITING | FAILED, &f, st) == -1 ||
	    spool_peek(&q->queue.spool, f.id, f.is_failed, &e, st) != 0)
		return -1;
	if (q->json)
		queue_report_record(listing_record(&e));
	else
		listing_print_entry(&e, q->queue.config.spool_directory);
	spool_entry_release(&e);
	return 0;
}

static void
log_action(const struct request *q, const struct spool_entry *e,
    const char *action)
{
	struct log_event log;

	log_event_begin(&log, action);
	log_event_add(&log, "id", "%s", e->id);
	log_event_add(&log, "uid", "%lu", (unsigned long)e->submission.uid);
	log_event_add(&log, "by", "%lu",
	    (unsigned long)q->caller.identity->caller);
	log_event_end(&log, LOG_NOTICE);
}

/* Does something to a message while nobody else can. */
static int
with_message(struct request *q, const char *prefix, int where,
    const char *action, const char *result,
    int (*act)(struct spool *s, struct spool_entry *e, struct status *st),
    struct status *st)
{
	struct spool *s = &q->queue.spool;
	struct spool_entry e;
	struct found f;
	int rc;

	if (find(q, prefix, where, &f, st) == -1 ||
	    spool_load(s, f.id, f.is_failed, &e, st) != 0)
		return -1;
	if ((rc = act(s, &e, st)) == 0) {
		log_action(q, &e, action);
		report(q, f.id, result);
	}
	spool_entry_release(&e);
	return rc;
}

static int
remove_message(struct request *q, const char *prefix, struct status *st)
{
	return with_message(q, prefix, WAITING | FAILED, "removed", "removed",
	    spool_remove, st);
}

/* It must have somebody whom the next queue run can try. */
static int
let_wait(struct spool *s, struct spool_entry *e, struct status *st)
{
	const struct envelope *v = &e->submission.envelope;

	if (envelope_first(v, RECIPIENT_REFUSED) != NULL ||
	    envelope_first(v, RECIPIENT_DEFERRED) != NULL ||
	    envelope_first(v, RECIPIENT_PENDING) != NULL)
		return spool_requeue(s, e, st);
	status_set(st, EX_DATAERR, "message %s has nobody left who could be "
	    "tried", e->id);
	return status_hint(st, "what is no address never gets mail; show it, send "
	    "it again to the right address, and remove this one");
}

static int
requeue(struct request *q, const char *prefix, struct status *st)
{
	return with_message(q, prefix, FAILED, "requeued", "waits again",
	    let_wait, st);
}

/* Who asks for it has mended something: what we held against an account counts
 * no more. */
static void
forgive_accounts(const struct config *c)
{
	struct status st = STATUS_INIT;
	size_t i;

	for (i = 0; i < c->account_count; i++) {
		limits_clear(c, &c->accounts[i]);
		if (c->accounts[i].app != NULL &&
		    token_forgive(c, &c->accounts[i], &st) == -1)
			log_line(LOG_WARNING, "%s", st.text);
	}
}

/* Neither does the time until the next attempt. */
static int
retry(struct request *q, const char *prefix, struct status *st)
{
	const struct config *c = &q->queue.config;
	struct runner_options options = { .ignore_times = true,
	    .progress = trace_messages };
	struct runner_counts counts = { 0 };
	struct found f;

	if (q->queue.config_status.sysexit != EX_OK) {
		*st = q->queue.config_status;
		return -1;
	}
	if (prefix != NULL) {
		if (find(q, prefix, WAITING, &f, st) == -1)
			return -1;
		options.id = f.id;
	}
	forgive_accounts(c);
	if (runner_run(c, &options, &counts, st) == -1)
		return -1;
	trace_end();
	queue_report_run(&counts, q->json);
	if (q->json)
		return 0;
	if (prefix != NULL)
		queue_report_reason(&q->queue, f.id);
	else
		queue_report_rest(&q->queue);
	return 0;
}

/* `run` is called for each operand, or once with NULL. */
static const struct action {
	const char	*name;
	int		 least, most;	/* operands */
	int		(*run)(struct request *q, const char *operand,
			    struct status *st);
} actions[] = {
	{ "list", 0, 0, list_waiting },
	{ "show", 1, 1, show },
	{ "retry", 0, 1, retry },
	{ "remove", 1, 1000, remove_message },
	{ "failed", 0, 0, list_failed },
	{ "requeue", 1, 1000, requeue },
};

static const struct action *
find_action(const struct arguments *a, struct status *st)
{
	const char *name = a->count > 1 ? a->items[1] : "list";
	int operands = a->count > 2 ? a->count - 2 : 0;
	size_t i;

	for (i = 0; i < sizeof actions / sizeof *actions; i++)
		if (strcmp(actions[i].name, name) == 0)
			break;
	if (i < sizeof actions / sizeof *actions &&
	    operands >= actions[i].least && operands <= actions[i].most)
		return &actions[i];
	status_set(st, EX_USAGE, i < sizeof actions / sizeof *actions ?
	    "%s: wrong number of ids" : "unknown action %s", name);
	status_hint(st, "list, show ID, retry [ID], remove ID ..., failed, "
	    "requeue ID ...; see mailbearer(8)");
	return NULL;
}

static int
parse(struct request *q, struct status *st)
{
	struct arguments *a = &q->arguments;
	int count;

	q->json = admin_flag(a, "--json");
	q->is_check = admin_flag(a, "--check");
	if (admin_value(a, "-C", &q->file, st) == -1)
		return -1;
	count = a->count;
	if (queue_check_options(&q->check, a, st) == -1)
		return -1;
	if (a->count != count && !q->is_check)
		return status_set(st, EX_USAGE, "limits are given with --check "
		    "only");
	if (admin_operands(a, st) == -1)
		return -1;
	if (q->is_check && a->count > 1)
		return status_set(st, EX_USAGE, "--check takes no action");
	return find_action(a, st) != NULL ? 0 : -1;
}

/* The installation's spool is not everybody's to look at. */
static int
explain(const struct request *q, struct status *st)
{
	const char *directory = CONFIG_SPOOL_DIRECTORY;
	struct stat sb;

	if (q->file != NULL || privilege_is_installation(q->caller.identity) ||
	    (stat(directory, &sb) == 0 && sb.st_uid == geteuid()))
		return -1;
	status_set(st, EX_NOPERM, "the spool belongs to another user");
	return status_hint(st, "run this as root; mailq lists your own messages");
}

static int
act(struct request *q, struct status *st)
{
	const struct arguments *a = &q->arguments;
	const struct action *action = find_action(a, st);
	int i, rc;

	if (action == NULL)
		return -1;
	queue_adopt(&q->caller, &q->queue.config);
	rc = action->run(q, a->count > 2 ? a->items[2] : NULL, st);
	for (i = 3; i < a->count && rc == 0; i++)
		rc = action->run(q, a->items[i], st);
	return rc;
}

/* Returns the exit code of --check. */
static int
check(struct request *q, bool has_spool)
{
	struct status st = STATUS_INIT;

	if (has_spool &&
	    queue_check_measure(&q->check, &q->queue, &st) == -1)
		return queue_check_unknown(&st, q->json);
	return queue_check_report(&q->check, q->json);
}

static int
run(struct request *q)
{
	struct status st = STATUS_INIT;
	int code = EX_OK, rc = queue_open(&q->queue, &q->caller.source, &st);

	if (rc == -1) {
		(void)explain(q, &st);
		return q->is_check ? queue_check_unknown(&st, q->json) :
		    admin_fail(&q->caller, &st);
	}
	if (q->is_check)
		code = check(q, rc == 0);
	else if (rc == 1)
		puts(q->json ? "[]" : "No mail waits: the spool is switched off, or "
		    "there is no configuration");
	else {
		admin_log(&q->queue.config);
		confine_queue(&q->caller, &q->queue.config);
		if (act(q, &st) == -1)
			code = admin_fail(&q->caller, &st);
		confine_end();
	}
	if (rc == 0)
		queue_close(&q->queue);
	return code;
}

int
queue_command(struct identity *id, int argc, char **argv)
{
	struct request q = { .arguments = { argc, argv } };
	struct status st = STATUS_INIT;
	bool is_parsed = parse(&q, &st) == 0;

	if (admin_start(&q.caller, id, q.file, &st) == -1 ||
	    !is_parsed)
		return q.is_check ? queue_check_unknown(&st, q.json) :
		    admin_fail(&q.caller, &st);
	return run(&q);
}
