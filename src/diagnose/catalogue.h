/* SPDX-License-Identifier: ISC
 *
 * The rows of the catalogue, for diagnose.c.
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

#endif
