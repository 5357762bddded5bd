/* SPDX-License-Identifier: ISC
 *
 * Any bytes as an address list: what is taken from them can be written to an
 * envelope and a header, and is read back as the same.
 */
#include <string.h>

#include "base/xalloc.h"
#include "mail/address.h"
#include "fuzz.h"

/* Nothing ends a command or a path before its time. */
static void
check_text(const char *text)
{
	bool quoted = false;

	for (; *text != '\0'; text++) {
		FUZZ_PROMISE((unsigned char)*text >= ' ' && *text != 0x7f);
		if (*text == '"')
			quoted = !quoted;
		else if (quoted && *text == '\\')
			FUZZ_PROMISE(*++text != '\0');
		else if (!quoted)
			FUZZ_PROMISE(strchr(" <>(),;", *text) == NULL);
	}
	FUZZ_PROMISE(!quoted);
}

static void
check_path(const struct address *a, const char *text)
{
	struct status st = STATUS_INIT;
	struct address again;
	char *text_again;

	FUZZ_PROMISE(strlen(text) <= ADDRESS_MAX);
	FUZZ_PROMISE(address_parse_path(&again, text, &st) == 0);
	text_again = address_text(&again);
	FUZZ_PROMISE(strcmp(text, text_again) == 0);
	FUZZ_PROMISE(a->utf8 == again.utf8);
	free(text_again);
	address_release(&again);
}

static void
check_name(const struct address *a, const char *text)
{
	char *phrase = address_format_name(a->name);
	char *line = xasprintf("%s <%s>", phrase, text);
	struct address_list list = ADDRESS_LIST_INIT;
	struct status st = STATUS_INIT;
	char *p, *text_again;

	for (p = phrase; *p != '\0'; p++)
		FUZZ_PROMISE(*p >= ' ' && *p != 0x7f);
	FUZZ_PROMISE(address_parse_list(&list, line, strlen(line), &st) == 0);
	FUZZ_PROMISE(list.count == 1 && list.bad == 0 && !list.had_group);
	text_again = address_text(&list.items[0]);
	FUZZ_PROMISE(strcmp(text, text_again) == 0);
	free(text_again);
	address_list_release(&list);
	free(line);
	free(phrase);
}

/* Each piece tells of one entry at least, and can be printed. */
static void
check_bad(const struct address_list *list)
{
	char text[ADDRESS_BAD_TEXT], printable[sizeof text];
	size_t from, next;

	for (from = 0; from < list->bad; from = next) {
		next = address_list_bad(list, from, text, sizeof text);
		FUZZ_PROMISE(next > from && next <= list->bad);
		status_printable(printable, sizeof printable, text);
		FUZZ_PROMISE(strcmp(text, printable) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct address_list list = ADDRESS_LIST_INIT;
	struct status st = STATUS_INIT;
	struct address path;
	char *text;
	size_t i;

	if (address_parse_list(&list, (const char *)data, size, &st) == -1)
		FUZZ_PROMISE(list.count == ADDRESS_LIST_MAX);
	for (i = 0; i < list.count; i++) {
		text = address_text(&list.items[i]);
		check_text(text);
		check_path(&list.items[i], text);
		check_name(&list.items[i], text);
		free(text);
	}
	check_bad(&list);
	address_list_release(&list);
	text = xmemdup(data, size);
	if (address_parse_path(&path, text, &st) == 0)
		address_release(&path);
	free(text);
	return 0;
}
