/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log.h"
#include "queue/manifest.h"

/* The lists of what was about to be sent go first: without them nobody would know
 * it of the messages. */
static int
move_lists(const struct spool *to, struct spool *from)
{
	size_t count, i;
	char **names;
	int rc = 0;

	if (spool_names(from, manifest_is_name, &names, &count) == -1)
		return -1;
	for (i = 0; i < count && rc == 0; i++)
		rc = renameat(from->directory, names[i], to->directory,
		    names[i]) == -1 && errno != ENOENT ? -1 : 0;
	if (count != 0 && rc == 0)
		rc = fsync(to->directory);
	spool_ids_free(names, count);
	return rc;
}

static int
move_all(const struct spool *to, struct spool *from, char **ids, size_t count)
{
	size_t i;

	if (move_lists(to, from) == -1)
		return -1;
	for (i = 0; i < count; i++)
		if (renameat(from->waiting, ids[i], to->waiting, ids[i]) == -1 &&
		    errno != ENOENT)	/* another run was faster */
			return -1;
	return fsync(to->waiting) == -1 || fsync(from->waiting) == -1 ? -1 : 0;
}

/* Across file systems nothing is moved: a copy could be torn, and be sent from
 * both. */
static void
report(const struct spool *to, const struct spool *from, size_t count)
{
	struct log_event log;

	log_event_begin(&log, "stranded");
	log_event_add(&log, "messages", "%zu", count);
	log_event_add(&log, "directory", "%s/new", from->config->spool_directory);
	log_event_add(&log, "reason", "%s", strerror(errno));
	log_event_add(&log, "hint", "move them to %s/new, and manifest.* "
	    "beside that", to->config->spool_directory);
	log_event_end(&log, LOG_ERR);
}

void
spool_adopt(struct spool *to, struct spool *from)
{
	struct status st = STATUS_INIT;
	struct log_event log;
	size_t count;
	char **ids;

	if (spool_list(from, false, &ids, &count, &st) == -1 || count == 0)
		return;
	if (move_all(to, from, ids, count) == -1)
		report(to, from, count);
	else {
		log_event_begin(&log, "adopted");
		log_event_add(&log, "messages", "%zu", count);
		log_event_add(&log, "directory", "%s/new",
		    from->config->spool_directory);
		log_event_end(&log, LOG_NOTICE);
	}
	spool_ids_free(ids, count);
}
