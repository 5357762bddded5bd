/* SPDX-License-Identifier: ISC */
#include "config/config.h"

#include <errno.h>

int
config_load(struct config *c, const struct config_source *source,
    struct status *st)
{
	const char *path = source->path != NULL ? source->path :
	    SYSCONFDIR "/mailbearer.conf";
	struct buf text;
	bool missing;
	int rc;

	*c = (struct config){ .path = NULL };
	if (safefile_read(path, TRUST_CONFIG, &source->trust, CONFIG_FILE_MAX,
	    &text, st) == -1) {
		missing = errno == ENOENT;
		if (missing)
			status_hint(st, "write it: mailbearer.conf(5) has an "
			    "example that fits on one screen");
		errno = missing ? ENOENT : 0;
		return -1;
	}
	rc = config_parse(c, source, text.data, text.len, st);
	buf_release(&text);
	/* Only a file that is not there is ENOENT. */
	errno = 0;
	return rc;
}
