/* SPDX-License-Identifier: ISC
 *
 * The spool on the command line, for test_spool_faults.py:
 *
 *	spool_probe DIRECTORY commit < MESSAGE		prints the id
 *	spool_probe DIRECTORY attempt|remove|fail|requeue ID
 *	spool_probe DIRECTORY list|sweep
 *
 * `list` prints a line for each message: where, id, size, digest of its bytes,
 * attempts, whether its answer is unknown, first recipient, its state.  Exits
 * with the code of the failure, its text on stderr.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/xalloc.h"
#include "queue/spool.h"

static int
fill(struct spool *s, struct submission *submission, struct status *st)
{
	struct message_options o = {
		.max_size = 1 << 30, .directory = spool_message_directory(s)
	};
	struct address a = { 0 };
	int rc = -1;

	*submission = (struct submission){ .uid = getuid() };
	submission->message.fd = -1;
	buf_init(&submission->message.memory, MESSAGE_MEMORY_MAX);
	submission->received = clock_wall();
	if (message_read(&submission->message, STDIN_FILENO, &o, st) == -1)
		return -1;
	submission->envelope.sender = xstrdup("a@b.example");
	if (address_parse_path(&a, "c@d.example", st) == 0) {
		envelope_add(&submission->envelope, &a);
		rc = 0;
	}
	address_release(&a);
	return rc;
}

static int
commit(struct spool *s, struct status *st)
{
	struct submission submission;
	char id[SPOOL_ID_SIZE];
	int rc = -1;

	if (fill(s, &submission, st) == 0)
		rc = spool_commit(s, &submission, "alerts", NULL, 0, id, st);
	if (rc == 0) {
		printf("%s\n", id);
		fflush(stdout);
	}
	submission_release(&submission);
	return rc;
}

static int
attempt(struct spool_entry *e, struct status *st)
{
	struct status why = STATUS_INIT;

	if (spool_record_sent(e, st) == -1)
		return -1;
	status_set(&why, EX_TEMPFAIL, "later");
	recipient_settle(&e->submission.envelope.recipients[0],
	    RECIPIENT_DEFERRED, &why);
	return spool_record_attempt(e, "alerts", &why, clock_wall() + 60, st);
}

static int
handle(struct spool *s, const char *verb, const char *id, struct status *st)
{
	bool is_failed = strcmp(verb, "requeue") == 0;
	struct spool_entry e;
	int rc = -1;

	if (spool_load(s, id, is_failed, &e, st) != 0)
		return -1;
	if (strcmp(verb, "attempt") == 0)
		rc = attempt(&e, st);
	else if (strcmp(verb, "remove") == 0)
		rc = spool_remove(s, &e, st);
	else if (strcmp(verb, "fail") == 0)
		rc = spool_fail(s, &e, st);
	else if (is_failed)
		rc = spool_requeue(s, &e, st);
	spool_entry_release(&e);
	return rc;
}

static uint64_t
digest(const struct message *m)
{
	struct status st = STATUS_INIT;
	uint64_t hash = HASH_INIT;
	char block[8192];
	int64_t at = 0;
	ssize_t n;

	while ((n = message_pread(m, block, sizeof block, at, &st)) > 0) {
		hash = hash_add(hash, block, (size_t)n);
		at += n;
	}
	return n == 0 ? hash : 0;
}

static int
list(struct spool *s, bool failed, struct status *st)
{
	struct spool_entry e;
	size_t count, i;
	char **ids;
	int rc = 0;

	if (spool_list(s, failed, &ids, &count, st) == -1)
		return -1;
	for (i = 0; i < count && rc == 0; i++) {
		if ((rc = spool_peek(s, ids[i], failed, &e, st)) != 0)
			break;
		printf("%s %s %" PRId64 " %016" PRIx64 " %d %d %s %d\n",
		    failed ? "failed" : "new", e.id, e.size,
		    digest(&e.submission.message), e.attempts,
		    e.answer_unknown,
		    e.submission.envelope.recipients[0].address,
		    e.submission.envelope.recipients[0].state);
		spool_entry_release(&e);
	}
	spool_ids_free(ids, count);
	return rc;
}

static int
run(struct spool *s, const char *verb, const char *id, struct status *st)
{
	if (strcmp(verb, "commit") == 0)
		return commit(s, st);
	if (strcmp(verb, "list") == 0)
		return list(s, false, st) == 0 ? list(s, true, st) : -1;
	if (strcmp(verb, "sweep") == 0) {
		spool_sweep(s, clock_wall() + 86400);
		return 0;
	}
	return id == NULL ? -1 : handle(s, verb, id, st);
}

int
main(int argc, char **argv)
{
	struct config c = { .spool_reserve = 0 };
	struct status st = STATUS_INIT;
	struct spool s;
	int rc;

	if (argc < 3)
		return EX_USAGE;
	signal(SIGXFSZ, SIG_IGN);
	c.spool_directory = argv[1];
	if ((rc = spool_open(&s, &c, &st)) == 0) {
		rc = run(&s, argv[2], argv[3], &st);
		spool_close(&s);
	}
	if (rc == 0)
		return EX_OK;
	fprintf(stderr, "%s\n", st.text);
	return st.sysexit != EX_OK ? st.sysexit : EX_SOFTWARE;
}
