/* SPDX-License-Identifier: ISC
 *
 * What was kept while the config was wrong lies where a config that says nothing
 * would have it, and what was kept before spool-directory was set lies there too.
 */
#ifndef CLI_QUEUE_ADOPT_H
#define CLI_QUEUE_ADOPT_H

#include "cli/caller.h"

/* Whether that is another directory than this config's. */
bool	queue_adopts(const struct caller *caller, const struct config *config);
/* Moves it into this config's spool.  Behind confine_queue(): it reads what
 * strangers wrote. */
void	queue_adopt(const struct caller *caller, const struct config *config);

#endif
