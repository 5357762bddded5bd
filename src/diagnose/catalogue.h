/* SPDX-License-Identifier: ISC
 *
 * The rows of the catalogue, for diagnose.c.  Order matters: the first row that
 * matches is the answer, so what is special stands above what is general, and each
 * half ends in rows that take everything.  To teach mailbearer a new failure, add a
 * row to catalogue.c (replies) or catalogue_token.c, and its literal text to
 * tests/unit/check_diagnose.c.
 */
#ifndef CATALOGUE_H
#define CATALOGUE_H

#include "diagnose/diagnose.h"

struct catalogue {
	const struct diagnosis	*rows;
	size_t			 count;
};

/* Both end in a row that matches everything. */
extern const struct catalogue catalogue_smtp, catalogue_token;

/* What rows are made of. */
#define AT(stage)	(1u << DIAGNOSE_##stage)

/* Class, scope and exit code go together; more of them in catalogue.c. */
#define WAIT(scope)	CLASS_RETRY, SCOPE_##scope, EX_TEMPFAIL
#define FOR_ALL(class)	class, SCOPE_ACCOUNT, EX_NOPERM
#define PERMISSION	FOR_ALL(CLASS_CONFIG)
#define POLICY		FOR_ALL(CLASS_POLICY)

#define QUIET		false
#define LOUD		true

#endif
