/* SPDX-License-Identifier: ISC
 *
 * token_get() (token.h) in two halves, for a caller who has something else to do
 * while the token endpoint thinks: connecting to the mail server.
 */
#ifndef OAUTH_REQUEST_H
#define OAUTH_REQUEST_H

#include "oauth/token.h"

struct token_request;

enum token_request_state {
	TOKEN_THERE,		/* in the cache, or made meanwhile */
	TOKEN_COMING,		/* we have asked for it, or another process has */
	TOKEN_REFUSED		/* there will be none; token_request_end() says why */
};

/* Takes the token from the cache, or asks for it unless another process is at
 * it.  Waits for nothing but the helper's word that its credential is not to be
 * read, where it seems so from here. */
struct token_request *token_request_begin(const struct config *c,
	    const struct account *a, int64_t deadline);
enum token_request_state token_request_state(const struct token_request *r);
/* What becomes readable when there is news; -1: nothing here will tell. */
int	token_request_fd(const struct token_request *r);
/* Takes the news in.  A token goes to the cache at once, so that those who wait
 * for it need not wait for what else we do. */
void	token_request_news(struct token_request *r);
/* The second half: waits for what is still to come, as token_get(), and frees
 * `r`.  `t` is TOKEN_INIT or was released. */
int	token_request_end(struct token_request *r, struct token *t,
	    struct status *st);

#endif
