/* SPDX-License-Identifier: ISC */
#include "cli/queue_adopt.h"

#include <string.h>

#include "queue/spool.h"

bool
queue_adopts(const struct caller *caller, const struct config *config)
{
	return !caller->source.given &&
	    strcmp(config->spool_directory, CONFIG_SPOOL_DIRECTORY) != 0;
}

void
queue_adopt(const struct caller *caller, const struct config *config)
{
	struct status st = STATUS_INIT;
	struct spool own, other;
	struct config none;

	if (!queue_adopts(caller, config) ||
	    config_default(&none, &caller->source, &st) == -1)
		return;
	if (spool_open(&own, config, &st) == 0) {
		if (spool_open(&other, &none, &st) == 0) {
			spool_adopt(&own, &other);
			spool_close(&other);
		}
		spool_close(&own);
	}
	config_release(&none);
}
