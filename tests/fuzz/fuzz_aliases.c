/* SPDX-License-Identifier: ISC
 *
 * The alias file: whatever stands in it, every entry is found again under its
 * name, names are sorted and unique, and targets are addresses that can be sent
 * or absolute paths.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/aliases.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
note(void *context, int line, bool is_error, const char *text)
{
	const char *p;

	(void)context;
	(void)is_error;
	if (line < 1)
		abort();
	for (p = text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ')
			abort();
}

static void
check_entry(const struct aliases *a, size_t i, const struct alias_reporter *r)
{
	const struct alias *alias = &a->items[i];
	struct alias_targets t = ALIAS_TARGETS_INIT;
	size_t n;

	if (aliases_find(a, alias->name) != alias)
		abort();
	if (i > 0 && strcmp(a->items[i - 1].name, alias->name) >= 0)
		abort();
	aliases_parse_targets(&t, alias->right, alias->len, alias->line, r);
	for (n = 0; n < t.count; n++) {
		if (t.items[n].include != NULL) {
			if (t.items[n].include[0] != '/')
				abort();
		} else if (strpbrk(t.items[n].address.local, "\r\n") != NULL)
			abort();
	}
	alias_targets_release(&t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct alias_reporter r = { note, NULL };
	struct aliases a = ALIASES_INIT;
	size_t i;

	aliases_parse(&a, (const char *)data, size, &r);
	for (i = 0; i < a.count; i++)
		check_entry(&a, i, &r);
	aliases_release(&a);
	return 0;
}
