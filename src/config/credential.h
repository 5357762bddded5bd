/* SPDX-License-Identifier: ISC
 *
 * "credential:NAME" in a key that names a file: a systemd credential
 * (LoadCredential= of the unit that runs us).  The lookup is public, see
 * config_resolve_file() in config/config.h; this is the form.
 */
#ifndef CONFIG_CREDENTIAL_H
#define CONFIG_CREDENTIAL_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/status.h"

/* Whether the value is of that form at all. */
bool	credential_is_named(const char *value);
/* NAME, within `value`; NULL unless it is [A-Za-z0-9._-]+ and does not begin
 * with a dot. */
const char *credential_name(const char *value);

/* config_resolve_file() below another directory than /run/credentials, of which
 * `owner` is believed beside root: for tests. */
int	credential_find(const char *directory, uid_t owner, const char *name,
	    char **path, struct status *st);

#endif
