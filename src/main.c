/* SPDX-License-Identifier: ISC
 *
 * One program, two kinds of name: mailbearer is the administrator's, every other
 * is sendmail.
 */
#include <string.h>

#include "base/privilege.h"
#include "cli/admin.h"
#include "cli/sendmail.h"

static const char *
base_name(const char *path)
{
	const char *slash;

	if (path == NULL || *path == '\0')
		return "sendmail";
	slash = strrchr(path, '/');
	return slash != NULL ? slash + 1 : path;
}

int
main(int argc, char **argv)
{
	struct identity id;
	const char *name;

	privilege_start(&id);
	name = base_name(argc > 0 ? argv[0] : NULL);
	if (strcmp(name, "mailbearer") == 0)
		return admin_main(&id, argc, argv);
	return sendmail_main(&id, name, argc, argv);
}
