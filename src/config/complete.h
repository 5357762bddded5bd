/* SPDX-License-Identifier: ISC
 *
 * What keys mean together: presets, clouds, references between blocks, what is
 * missing, what contradicts.  Inside config/ only.
 */
#ifndef CONFIG_COMPLETE_H
#define CONFIG_COMPLETE_H

#include "config/parse.h"

/* Completes and checks what parse_text() has read.  `r->directory` stands for
 * the defaults under -C. */
int	complete_apps(const struct reading *r, struct status *st);
int	complete_accounts(const struct reading *r, struct status *st);
int	complete_top(const struct reading *r, struct status *st);

#endif
