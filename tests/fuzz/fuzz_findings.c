/* SPDX-License-Identifier: ISC
 *
 * Any bytes as what somebody pastes into `mailbearer explain`: few findings,
 * each printable and with codes that are codes, however long the text.
 */
#include <string.h>

#include "base/status.h"
#include "cli/findings.h"
#include "fuzz.h"

/* These go to a terminal. */
static void
check_text(const char *text, size_t size)
{
	char printable[512];

	FUZZ_PROMISE(memchr(text, '\0', size) != NULL);
	status_printable(printable, sizeof printable, text);
	FUZZ_PROMISE(strcmp(printable, text) == 0);
}

static void
check_finding(const struct finding *f)
{
	check_text(f->enhanced, sizeof f->enhanced);
	check_text(f->words, sizeof f->words);
	check_text(f->oauth_error, sizeof f->oauth_error);
	check_text(f->hint, sizeof f->hint);
	check_text(f->account, sizeof f->account);
	check_text(f->mailbox, sizeof f->mailbox);
	check_text(f->from, sizeof f->from);
	FUZZ_PROMISE(f->reply >= 0 && f->aadsts >= 0);
	switch (f->kind) {
	case FOUND_REPLY:
		FUZZ_PROMISE(f->reply != 0 || f->enhanced[0] != '\0');
		break;
	case FOUND_TOKEN:
		FUZZ_PROMISE(f->stage == DIAGNOSE_TOKEN);
		break;
	case FOUND_EXIT:
		FUZZ_PROMISE(f->reply == 0);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct finding list[FINDINGS_MAX];
	size_t count, i;

	count = findings_read(list, (const char *)data, size);
	FUZZ_PROMISE(count <= FINDINGS_MAX);
	for (i = 0; i < count; i++)
		check_finding(&list[i]);
	return 0;
}
