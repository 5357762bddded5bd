/* SPDX-License-Identifier: ISC */
#include "mail/address.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/idna.h"
#include "base/xalloc.h"

/* No path, name and comments included, is longer than this: it bounds the work
 * that a 100 KB argument can make. */
#define PATH_TEXT_MAX 8192

void
address_release(struct address *a)
{
	free(a->local);
	free(a->domain);
	free(a->name);
	memset(a, 0, sizeof *a);
}

void
address_list_release(struct address_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		address_release(&list->items[i]);
	free(list->items);
	free(list->bad_texts);
	*list = (struct address_list)ADDRESS_LIST_INIT;
}

char *
address_text(const struct address *a)
{
	if (a->domain == NULL)
		return xstrdup(a->local);
	return xasprintf("%s@%s", a->local, a->domain);
}

void
address_qualify(struct address *a, const char *domain)
{
	char ascii[IDNA_DOMAIN_SIZE];

	/* The null path is not a bare name. */
	if (a->domain != NULL || a->local[0] == '\0')
		return;
	a->domain = xstrdup(idna_to_ascii(domain, ascii) == 0 ? ascii : domain);
}

/* "" or "<>", blanks aside. */
static bool
is_null_path(const char *text)
{
	static const char blanks[] = " \t";

	text += strspn(text, blanks);
	if (text[0] == '<') {
		text += 1 + strspn(text + 1, blanks);
		if (text[0] != '>')
			return false;
		text++;
	}
	return text[strspn(text, blanks)] == '\0';
}

int
address_parse_path(struct address *a, const char *text, struct status *st)
{
	struct address_list list = ADDRESS_LIST_INIT;
	size_t len = strlen(text);
	int result = -1;

	memset(a, 0, sizeof *a);
	if (is_null_path(text)) {
		a->local = xstrdup("");
		return 0;
	}
	if (len > PATH_TEXT_MAX)
		return status_set(st, EX_USAGE, "address too long: %.60s...",
		    text);
	if (address_parse_list(&list, text, len, st) == -1)
		goto out;
	if (list.count != 1 || list.bad != 0 || list.had_group) {
		status_set(st, EX_USAGE, "not an address: %.200s", text);
		goto out;
	}
	*a = list.items[0];
	list.count = 0;
	result = 0;
out:
	address_list_release(&list);
	return result;
}
