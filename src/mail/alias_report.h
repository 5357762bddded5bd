/* SPDX-License-Identifier: ISC
 *
 * Private to the aliases: saying what is wrong.
 */
#ifndef ALIAS_REPORT_H
#define ALIAS_REPORT_H

#include "mail/aliases.h"

void	alias_report(const struct alias_reporter *r, int line, bool is_error,
	    const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
