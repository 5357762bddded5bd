/* SPDX-License-Identifier: ISC
 *
 * Signing a user in for a delegated app: once, by a person with a browser.
 */
#ifndef OAUTH_LOGIN_H
#define OAUTH_LOGIN_H

#include "oauth/helper.h"

/* Signs in for the account's app and mailbox, holding the lock of its tokens for
 * as long as the person takes (a quarter of an hour at most); forgets the token
 * and the failures that were.  EX_CONFIG if the app is not delegated. */
int	login_run(const struct config *c, const struct account *a,
	    const struct login *login, struct status *st);

#endif
