/* SPDX-License-Identifier: ISC
 *
 * What a server was seen to do, so that a detour is paid once and not with
 * every message: a small file of the state directory (state_file.h) for each
 * server and the settings under which it was met.  Only a hint: what cannot be
 * read, written or believed is not remembered, and after a day all is tried
 * afresh.
 */
#ifndef QUEUE_PEER_H
#define QUEUE_PEER_H

#include "queue/state_file.h"
#include "smtp/session.h"

struct peer {
	char	key[STATE_KEY_SIZE];
	int64_t	two_step;	/* when it refused or cut a long AUTH line, or 0 */
	int64_t	no_bdat;	/* when BDAT, though offered, came to grief */
	int64_t	no_resume;	/* when it wanted no TLS session resumed */
};

/* Names the server: host and port, kind and least version of TLS, and the files
 * that say whom to believe and who we are. */
void	peer_key(char key[STATE_KEY_SIZE], const struct config *c,
	    const struct account *a);
/* What is known of the account's server. */
void	peer_recall(struct peer *p, const struct config *c,
	    const struct account *a);
/* Adds what was seen now. */
void	peer_learn(struct peer *p, const struct config *c,
	    const struct session_cost *seen);

#endif
