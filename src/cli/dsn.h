/* SPDX-License-Identifier: ISC
 *
 * What RFC 3461 allows in the parameters for delivery status notifications, on
 * the command line (-N, -R, -V) and with -bs.
 */
#ifndef DSN_H
#define DSN_H

#include <stdbool.h>
#include <stddef.h>

#define DSN_ENVID_MAX	100	/* RFC 3461 4.4 */

/* 4.1: NEVER, or a list of SUCCESS, FAILURE, DELAY; in any case. */
bool	dsn_is_notify(const char *value);
#define DSN_NOTIFY_SIZE	32	/* all three conditions are 21 octets long */
/* What serves two recipients of one message: `notify`, in capitals and "" for
 * nothing asked, becomes a value by which neither misses what he asked for. */
void	dsn_join_notify(char notify[DSN_NOTIFY_SIZE], const char *other);
/* 4.3: FULL or HDRS. */
bool	dsn_is_ret(const char *value);
/* 4.4: an identifier in xtext, at least one character. */
bool	dsn_is_envid(const char *value);
/* Copies a value that is one of these; they go out in capitals.  What does not
 * fit is cut. */
void	dsn_upper_case(char *to, size_t size, const char *value);

#endif
