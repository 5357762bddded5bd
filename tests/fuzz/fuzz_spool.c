/* SPDX-License-Identifier: ISC
 *
 * Any bytes as the journal of a spooled message: as they are, and with every
 * line sealed by a good checksum, so that what it says is looked at.  What is
 * read can be written and read again, and the file's name is parsed too.
 */
#include <string.h>

#include "fuzz.h"
#include "queue/journal.h"
#include "queue/sealed.h"

#define ID	"mdx1k2z9aq3k7SgU9d"
#define POSITION 16

/* Each line of the input as a record. */
static void
seal_lines(const char *text, size_t len, struct buf *out)
{
	const char *end = text + len, *stop;
	struct buf line;
	char *copy;

	for (; text < end; text = stop + 1) {
		stop = memchr(text, '\n', (size_t)(end - text));
		if (stop == NULL)
			stop = end;
		copy = strndup(text, (size_t)(stop - text));
		FUZZ_PROMISE(copy != NULL);
		sealed_begin(&line, copy);
		sealed_end(&line, ID, POSITION + (int64_t)out->len);
		buf_add(out, line.data, line.len);
		buf_release(&line);
		free(copy);
		if (stop == end)
			break;
	}
}

static void
write_again(const struct spool_entry *e)
{
	const struct envelope *envelope = &e->submission.envelope;
	struct journal_attempt a = {
		.at = e->last_attempt, .next = e->next_attempt,
		.number = e->attempts, .account = e->last_account
	};
	struct status st = STATUS_INIT;
	const struct recipient *r;
	struct spool_entry again;
	struct journal j;
	size_t i, good;

	journal_init(&j, ID, POSITION, JOURNAL_MAX);
	journal_add_envelope(&j, &e->submission, envelope->count);
	for (i = 0; i < envelope->count; i++)
		journal_add_recipient(&j, &envelope->recipients[i]);
	journal_add_states(&j, envelope->recipients, envelope->count);
	journal_add_attempt(&j, &a, &e->last_status);
	FUZZ_PROMISE(!j.bytes.overflow);
	FUZZ_PROMISE(journal_read(&again, j.bytes.data, j.bytes.len, ID,
	    POSITION, &good, &st) == 0);
	FUZZ_PROMISE(good == j.bytes.len);
	FUZZ_PROMISE(again.submission.envelope.count == envelope->count);
	for (i = 0; i < envelope->count; i++) {
		r = &again.submission.envelope.recipients[i];
		FUZZ_PROMISE(strcmp(r->address,
		    envelope->recipients[i].address) == 0);
		FUZZ_PROMISE(r->state == envelope->recipients[i].state);
	}
	spool_entry_release(&again);
	journal_release(&j);
}

/* What will stand in a command. */
static void
check_path(const char *path)
{
	const char *p;

	for (p = path; p != NULL && *p != '\0'; p++)
		FUZZ_PROMISE((unsigned char)*p >= ' ' && *p != 0x7f);
}

static void
check_envelope(const struct envelope *e)
{
	const char *p;
	size_t i;

	check_path(e->sender);
	for (i = 0; i < e->count; i++)
		check_path(e->recipients[i].address);
	for (p = e->envid; p != NULL && *p != '\0'; p++)
		FUZZ_PROMISE(*p > ' ' && *p < 0x7f);
}

static void
read_journal(const char *bytes, size_t len)
{
	struct status st = STATUS_INIT;
	struct spool_entry e;
	size_t good = 0;

	if (journal_read(&e, bytes, len, ID, POSITION, &good, &st) == -1) {
		FUZZ_PROMISE(st.sysexit == EX_DATAERR);
		return;
	}
	FUZZ_PROMISE(good > 0 && good <= len);
	check_envelope(&e.submission.envelope);
	write_again(&e);
	spool_entry_release(&e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spool_id id;
	struct buf sealed;
	char *name;

	if (size > 256 * 1024)
		return 0;
	read_journal((const char *)data, size);
	buf_init(&sealed, JOURNAL_MAX);
	seal_lines((const char *)data, size, &sealed);
	read_journal(sealed.data, sealed.len);
	buf_release(&sealed);
	name = strndup((const char *)data, size < 64 ? size : 64);
	FUZZ_PROMISE(name != NULL);
	(void)spool_id_parse(&id, name);
	free(name);
	return 0;
}
