/* SPDX-License-Identifier: ISC
 *
 * Where the modes close the sandbox (base/sandbox.h) behind them: with config
 * and log open, and nothing read yet that a stranger wrote.
 */
#ifndef CLI_CONFINE_H
#define CLI_CONFINE_H

#include "cli/caller.h"

/* For what sends, or may: a starter is left outside, which fetches tokens and
 * starts a queue run.  `caller` and `config` stay where they are until
 * confine_end().  Does nothing the second time. */
void	confine_sender(const struct caller *caller, const struct config *config);
/* The same for what also brings here what waits in another spool (queue_adopt()). */
void	confine_queue(const struct caller *caller, const struct config *config);
/* For what only reads what others wrote: the spool, of which a list may set a
 * broken file aside, or, with NULL for `config`, a text, and writes nothing. */
void	confine_reader(const struct config *config);
void	confine_end(void);

#endif
