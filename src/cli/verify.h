/* SPDX-License-Identifier: ISC
 *
 * sendmail -bv: what would become of these recipients, without sending.
 */
#ifndef CLI_VERIFY_H
#define CLI_VERIFY_H

#include "cli/caller.h"

/* One line on stdout for each argument: the account and mailbox that would send
 * for this caller, and the addresses that the mail would go to.  EX_NOUSER if
 * one of them cannot be read, as a whole or in part: stderr says what. */
int	verify_main(const struct caller *caller);

#endif
