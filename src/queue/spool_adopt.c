/* SPDX-License-Identifier: ISC
 *
 * Mail that waits in a spool which the config names no longer.  Messages are moved
 * and lists are not: what the lists of that spool tell is written into the journals
 * first, so that each message can go alone.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log.h"
#include "queue/manifest.h"

struct adoption {
	const struct spool	*to;
	struct spool		*from;
	bool			 is_failed;	/* failed/, not new/ */
	size_t			 moved;
};

static const char *
part_name(const struct adoption *a)
{
	return a->is_failed ? "failed" : "new";
}

static int
move_name(struct adoption *a, const char *name, struct status *st)
{
	if (renameat(spool_part(a->from, a->is_failed), name,
	    spool_part(a->to, a->is_failed), name) == -1)
		return errno == ENOENT ? 0 :	/* another run was faster */
		    status_set_errno(st, EX_CANTCREAT, "moving %s", name);
	a->moved++;
	return 0;
}

/* Nobody works on it while it is moved, or he would remove it where it was and be
 * told that it is gone, and it would be sent from here again.  The end of its
 * journal may have been left to a list of his, hence the sync. */
static int
move_message(struct adoption *a, const char *id, struct status *st)
{
	struct status why = STATUS_INIT;
	struct spool_entry e;
	int rc = spool_load(a->from, id, a->is_failed, &e, &why);

	if (rc == -1 && why.sysexit != EX_DATAERR)
		log_line(LOG_ERR, "%s", why.text);
	if (rc != 0)	/* in use, and the next run's; gone; or it stays there */
		return 0;
	rc = fdatasync(e.submission.message.fd) == -1 ?
	    status_set_errno(st, EX_IOERR, "message %s", id) :
	    move_name(a, id, st);
	spool_entry_release(&e);
	return rc;
}

static int
move_all(struct adoption *a, char **names, size_t count, struct status *st)
{
	struct spool_id id;
	size_t i;
	int rc = 0;

	for (i = 0; i < count && rc == 0; i++)
		rc = spool_id_parse(&id, names[i]) ?
		    move_message(a, names[i], st) : move_name(a, names[i], st);
	if (a->moved != 0 && (fsync(spool_part(a->to, a->is_failed)) == -1 ||
	    fsync(spool_part(a->from, a->is_failed)) == -1))
		rc = status_set_errno(st, EX_IOERR, "fsync");
	return rc;
}

/* Across file systems nothing is moved: a copy could be torn, and be sent from
 * both. */
static void
report_stranded(const struct adoption *a, size_t count, const struct status *st)
{
	struct log_event log;

	log_event_begin(&log, "stranded");
	log_event_add(&log, "messages", "%zu", count);
	log_event_add(&log, "directory", "%s/%s",
	    a->from->config->spool_directory, part_name(a));
	log_event_add(&log, "reason", "%s", st->text);
	log_event_add(&log, "hint", "if this lasts, move them to %s/%s while no "
	    "queue run is under way", a->to->config->spool_directory,
	    part_name(a));
	log_event_end(&log, LOG_ERR);
}

static void
report_adopted(const struct adoption *a)
{
	struct log_event log;

	log_event_begin(&log, "adopted");
	log_event_add(&log, "messages", "%zu", a->moved);
	log_event_add(&log, "directory", "%s/%s",
	    a->from->config->spool_directory, part_name(a));
	log_event_end(&log, LOG_NOTICE);
}

/* Of what was about to be sent when the host went down nobody would know once it
 * is moved. */
static int
see_to_lists(struct spool *from, struct status *st)
{
	if (manifest_recover(from, st) == 0)
		return 0;
	if (st->sysexit == EX_OK)
		status_set(st, EX_IOERR, "a list of what was about to be sent "
		    "could not be seen to");
	return -1;
}

static void
adopt_part(struct adoption *a)
{
	struct status st = STATUS_INIT;
	size_t count;
	char **names;

	a->moved = 0;
	if (spool_list(a->from, a->is_failed, &names, &count, &st) == -1 ||
	    count == 0)
		return;
	if ((!a->is_failed && see_to_lists(a->from, &st) == -1) ||
	    move_all(a, names, count, &st) == -1)
		report_stranded(a, count - a->moved, &st);
	if (a->moved != 0)
		report_adopted(a);
	spool_ids_free(names, count);
}

void
spool_adopt(const struct spool *to, struct spool *from)
{
	struct adoption a = { .to = to, .from = from };

	adopt_part(&a);
	a.is_failed = true;
	adopt_part(&a);
}
