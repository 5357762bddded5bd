/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "check_main.h"
#include "queue/journal.h"
#include "queue/sealed.h"

#define ID	"mdx1k2z9aq3k7SgU9d"
#define AT	16	/* where the journal lies: the size of the message */

static struct submission submission;
static struct recipient recipients[5];

static void
setup(void)
{
	static const char *const addresses[] = {
		"a@b.example", "\"odd one\"@c.example", "d@e.example",
		("gr\xc3\xbc\xc3\x9f" "e@f.example"), "root"
	};
	size_t i;

	memset(&submission, 0, sizeof submission);
	memset(recipients, 0, sizeof recipients);
	submission.uid = 33;
	submission.received = 1790000000;
	submission.message.size = AT;
	submission.message.body_offset = 8;
	submission.envelope.sender = xstrdup("www-data@web1");
	submission.envelope.full_name = xstrdup("J\xf6rg #1 100% = \"x\"");
	submission.tag = xstrdup("");
	strcpy(submission.date, "Sat, 21 Nov 2026 10:00:00 +0000");
	strcpy(submission.envelope.notify, "SUCCESS,FAILURE");
	for (i = 0; i < 5; i++)
		recipients[i].address = xstrdup(addresses[i]);
	recipients[3].utf8 = true;
	recipients[1].original = xstrdup("rfc822;odd+20one@c.example");
}

static void
teardown(void)
{
	size_t i;

	free(submission.envelope.sender);
	free(submission.envelope.full_name);
	free(submission.tag);
	for (i = 0; i < 5; i++) {
		free(recipients[i].address);
		free(recipients[i].original);
		fate_release(recipients[i].fate);
	}
}

/* A first group for all recipients, never tried. */
static void
first_group(struct journal *j)
{
	const struct journal_attempt a = { .next = 1790000300 };
	const struct status none = STATUS_INIT;
	size_t i;

	journal_init(j, ID, AT, JOURNAL_FIRST_MAX);
	journal_add_envelope(j, &submission, 5);
	for (i = 0; i < 5; i++)
		journal_add_recipient(j, &recipients[i]);
	journal_add_states(j, recipients, 5);
	journal_add_attempt(j, &a, &none);
	ck_assert(!j->bytes.overflow);
}

static int
read_back(struct spool_entry *e, const struct journal *j, size_t *good)
{
	struct status st = STATUS_INIT;
	int rc;

	rc = journal_read(e, j->bytes.data, j->bytes.len, ID, AT, good, &st);
	if (rc == -1)
		ck_assert_int_eq(st.sysexit, EX_DATAERR);
	return rc;
}

START_TEST(what_is_written_is_read)
{
	struct status why = STATUS_INIT;
	struct spool_entry e;
	struct journal j;
	size_t good;

	status_set(&why, EX_NOUSER, "RCPT TO refused");
	status_remote(&why, 550, "5.1.10", "no such \xc3\xbc");
	recipient_settle(&recipients[2], RECIPIENT_REFUSED, &why);
	first_group(&j);
	ck_assert_int_eq(read_back(&e, &j, &good), 0);
	ck_assert_uint_eq(good, j.bytes.len);
	ck_assert_uint_eq(e.submission.uid, 33);
	ck_assert_int_eq(e.submission.received, 1790000000);
	ck_assert_int_eq(e.since, 1790000000);
	ck_assert_str_eq(e.submission.envelope.sender, "www-data@web1");
	ck_assert_str_eq(e.submission.envelope.full_name,
	    submission.envelope.full_name);
	ck_assert_ptr_null(e.submission.envelope.envid);
	ck_assert_str_eq(e.submission.tag, "");
	ck_assert_str_eq(e.submission.date, submission.date);
	ck_assert_str_eq(e.submission.envelope.notify, "SUCCESS,FAILURE");
	ck_assert_uint_eq(e.submission.envelope.count, 5);
	ck_assert_str_eq(e.submission.envelope.recipients[1].address,
	    "\"odd one\"@c.example");
	ck_assert_str_eq(e.submission.envelope.recipients[1].original,
	    "rfc822;odd+20one@c.example");
	ck_assert(e.submission.envelope.recipients[3].utf8);
	ck_assert_int_eq(e.submission.envelope.recipients[2].state,
	    RECIPIENT_REFUSED);
	ck_assert_str_eq(recipient_fate(&e.submission.envelope.recipients[2])->remote,
	    "no such \xc3\xbc");
	ck_assert_int_eq(
	    recipient_fate(&e.submission.envelope.recipients[2])->reply, 550);
	ck_assert_int_eq(e.submission.envelope.recipients[0].state,
	    RECIPIENT_PENDING);
	ck_assert_int_eq(e.next_attempt, 1790000300);
	ck_assert_int_eq(e.attempts, 0);
	spool_entry_release(&e);
	journal_release(&j);
}
END_TEST

START_TEST(the_null_path_is_not_no_path)
{
	struct spool_entry e;
	struct journal j;
	size_t good;

	submission.envelope.sender[0] = '\0';
	first_group(&j);
	ck_assert_int_eq(read_back(&e, &j, &good), 0);
	ck_assert_str_eq(e.submission.envelope.sender, "");
	spool_entry_release(&e);
	journal_release(&j);
}
END_TEST

START_TEST(attempts_and_marks_add_up)
{
	struct journal_attempt a = {
		.at = 1790000300, .next = 1790000900, .number = 1
	};
	char account[] = "alerts";
	struct spool_entry e;
	struct status st = STATUS_INIT;
	struct journal j;
	size_t good;

	a.account = account;
	first_group(&j);
	journal_add_mark(&j, JOURNAL_SENT, 1790000299);
	ck_assert_int_eq(read_back(&e, &j, &good), 0);
	ck_assert(e.answer_unknown);
	spool_entry_release(&e);

	status_set(&st, EX_TEMPFAIL, "end of data: timeout");
	recipients[0].state = recipients[1].state = RECIPIENT_DELIVERED;
	recipients[2].state = recipients[4].state = RECIPIENT_REFUSED;
	recipients[3].state = RECIPIENT_ACCEPTED;
	journal_add_states(&j, recipients, 5);
	journal_add_attempt(&j, &a, &st);
	ck_assert_int_eq(read_back(&e, &j, &good), 0);
	ck_assert(!e.answer_unknown);
	ck_assert_int_eq(e.attempts, 1);
	ck_assert_int_eq(e.last_attempt, 1790000300);
	ck_assert_str_eq(e.last_account, "alerts");
	ck_assert_str_eq(e.last_status.text, "end of data: timeout");
	ck_assert_int_eq(envelope_count(&e.submission.envelope,
	    RECIPIENT_DELIVERED), 2);
	ck_assert_int_eq(envelope_count(&e.submission.envelope,
	    RECIPIENT_REFUSED), 2);
	ck_assert_int_eq(e.submission.envelope.recipients[3].state,
	    RECIPIENT_PENDING);
	spool_entry_release(&e);

	journal_add_mark(&j, JOURNAL_FAILED, 1790001000);
	ck_assert_int_eq(read_back(&e, &j, &good), 0);
	ck_assert(e.has_failed);
	ck_assert_int_eq(e.failed_at, 1790001000);
	spool_entry_release(&e);

	journal_add_mark(&j, JOURNAL_REQUEUED, 1790002000);
	ck_assert_int_eq(read_back(&e, &j, &good), 0);
	ck_assert(!e.has_failed);
	ck_assert_int_eq(e.since, 1790002000);
	ck_assert_int_eq(e.next_attempt, 1790002000);
	ck_assert_int_eq(envelope_count(&e.submission.envelope,
	    RECIPIENT_REFUSED), 0);
	ck_assert_int_eq(envelope_count(&e.submission.envelope,
	    RECIPIENT_DELIVERED), 2);
	spool_entry_release(&e);
	journal_release(&j);
}
END_TEST

/* Cut anywhere, a journal reads as the groups that are whole, or not at all. */
START_TEST(a_torn_end_is_ignored)
{
	const struct journal_attempt a = { .at = 1, .next = 2, .number = 1 };
	struct status st = STATUS_INIT;
	size_t first, len, good;
	struct spool_entry e;
	struct journal j;

	first_group(&j);
	first = j.bytes.len;
	status_set(&st, EX_TEMPFAIL, "x");
	recipients[0].state = RECIPIENT_DELIVERED;
	journal_add_states(&j, recipients, 5);
	journal_add_attempt(&j, &a, &st);
	len = j.bytes.len;
	for (j.bytes.len = 0; j.bytes.len < len; j.bytes.len++) {
		if (j.bytes.len < first) {
			ck_assert_int_eq(read_back(&e, &j, &good), -1);
			continue;
		}
		ck_assert_int_eq(read_back(&e, &j, &good), 0);
		ck_assert_uint_eq(good, first);
		ck_assert_int_eq(e.attempts, 0);
		ck_assert_int_eq(e.submission.envelope.recipients[0].state,
		    RECIPIENT_PENDING);
		spool_entry_release(&e);
	}
	/* Its end whole, its middle not: nothing behind it counts. */
	j.bytes.len = len;
	j.bytes.data[len - 30] ^= 1;
	ck_assert_int_eq(read_back(&e, &j, &good), 0);
	ck_assert_uint_eq(good, first);
	spool_entry_release(&e);
	journal_release(&j);
}
END_TEST

/* As long as a few lines, in what one sync was to bring to the disk. */
static void
dig(struct journal *j, size_t from, size_t first, int expected)
{
	char saved[300];
	struct spool_entry e;
	size_t good, size = sizeof saved;

	if (size > j->bytes.len - from)
		size = j->bytes.len - from;
	memcpy(saved, j->bytes.data + from, size);
	memset(j->bytes.data + from, 0, size);
	ck_assert_int_eq(read_back(&e, j, &good), expected);
	memcpy(j->bytes.data + from, saved, size);
	if (expected == -1)
		return;
	ck_assert_uint_eq(good, first);
	ck_assert_int_eq(e.submission.envelope.recipients[0].state,
	    RECIPIENT_PENDING);
	ck_assert(!e.answer_unknown);
	spool_entry_release(&e);
}

/* A block that did not reach the disk, before others that did: with a list, the
 * record "sent" was not synced alone. */
START_TEST(a_hole_in_the_last_sync_is_ignored)
{
	const struct journal_attempt a = { .at = 1, .next = 2, .number = 1 };
	struct status st = STATUS_INIT;
	size_t first, sent, i, k;
	struct fate *f;
	struct journal j;

	first_group(&j);
	first = j.bytes.len;
	journal_add_mark(&j, JOURNAL_SENT, 1);
	sent = j.bytes.len;
	for (i = 0; i < 5; i++) {
		recipients[i].state = i == 0 ? RECIPIENT_DELIVERED :
		    RECIPIENT_DEFERRED;
		status_set(&st, EX_TEMPFAIL, "%zu", i);
		f = fate_new(&st);
		recipient_share(&recipients[i], recipients[i].state, f);
		fate_release(f);
	}
	journal_add_states(&j, recipients, 5);
	journal_add_attempt(&j, &a, &st);
	for (i = first; i < sent; i++)
		dig(&j, i, first, 0);
	/* Before that it is damage: the first group; one behind which another was
	 * synced. */
	for (k = 0; k < first; k += 7)
		dig(&j, k, first, -1);
	journal_add_mark(&j, JOURNAL_FAILED, 3);
	for (i = first; i < sent; i++)
		dig(&j, i, first, -1);
	journal_release(&j);
}
END_TEST

/* One bit wrong before the last record: broken, whatever follows. */
START_TEST(a_broken_record_breaks_the_file)
{
	struct spool_entry e;
	struct journal j;
	size_t first, i, good;

	first_group(&j);
	first = j.bytes.len;
	journal_add_mark(&j, JOURNAL_SENT, 1);
	journal_add_mark(&j, JOURNAL_SENT, 2);
	for (i = 0; i < first; i++) {
		j.bytes.data[i] ^= 1;
		ck_assert_int_eq(read_back(&e, &j, &good), -1);
		j.bytes.data[i] ^= 1;
	}
	ck_assert_int_eq(read_back(&e, &j, &good), 0);
	spool_entry_release(&e);
	journal_release(&j);
}
END_TEST

/* The same bytes elsewhere, or in a file of another name, are no journal. */
START_TEST(records_hold_for_one_place_only)
{
	struct status st = STATUS_INIT;
	struct spool_entry e;
	struct journal j;
	size_t good;

	first_group(&j);
	ck_assert_int_eq(journal_read(&e, j.bytes.data, j.bytes.len, ID, AT + 1,
	    &good, &st), -1);
	ck_assert_int_eq(journal_read(&e, j.bytes.data, j.bytes.len,
	    "mdx1k2z9aq3k8SgU9d", AT, &good, &st), -1);
	journal_release(&j);
}
END_TEST

/* Records with good checksums and bad content. */
static const char *const invalid[] = {
	"envelope version=2 recipients=1 size=16",
	"envelope version=1 size=16",
	"envelope version=1 recipients=20001 size=16",
	"envelope version=1 recipients=1 size=16 body=17",
	"envelope version=1 recipients=1 size=-16",
	"envelope version=1 recipients=1 size=016",
	"envelope version=1 recipients=1 size=99999999999999999999",
	"envelope version=1 recipients=1 size=16 size=16",
	"envelope version=1 recipients=1 size=16 surprise=1",
	"envelope version=1 recipients=1 size=16 uid=4294967296",
	"envelope version=1 recipients=1 size=16 sender=a%0D%0ADATA",
	"envelope version=1 recipients=1 size=16 sender=a%3E%20x",
	"envelope version=1 recipients=1 size=16 sender=%zz",
	"envelope version=1 recipients=1 size=16 sender=%00",
	"envelope version=1 recipients=1 size=16 account=../x",
	"envelope version=1 recipients=1 size=16 message-id=a%3Eb",
	"envelope version=1 recipients=1 size=16 ret=BOTH",
	"envelope version=1 recipients=1 size=16 envid=a%20b",
	"envelope version=1 recipients=1 size=16 date=a%1B[31m",
	"envelope",
	"envelope version",
	"recipient address=a@b",
	"attempt number=1",
	"nonsense a=b",
	"",
};

static const char good_envelope[] =
    "envelope version=1 recipients=2 size=16 uid=33";
static const char *const invalid_later[] = {
	"envelope version=1 recipients=2 size=16 uid=33",
	"recipient address=",
	"recipient utf8=1",
	"recipient address=a%0A@b",
	"recipient address=a@b%20NOTIFY=NEVER",
	"recipient address=a@b original=rfc822;%20",
	"unusable text=",
	"unusable",
	"unusable text=a%0Ab",
	"unusable address=a@b",
	"unusable text=a@b utf8=1",
	"state is=refused of=0",		/* too early */
	"attempt number=1",
};

static const char *const invalid_last[] = {
	"recipient address=",
	"recipient utf8=1",
	"state is=refused of=2",
	"state is=refused of=0-2",
	"state is=refused of=1,0",
	"state is=refused of=0,0",
	"state is=refused of=1-0",
	"state is=refused of=0-",
	"state is=refused of=",
	"state is=refused of=00",
	"state is=refused of=0,",
	"state is=refused",
	"state is=pending of=0",
	"state is=accepted of=0",
	"state is=unusable of=0",
	"state of=0",
	"state is=refused of=0 class=unheard-of",
	"state is=refused of=0 text=%1B",
	"state is=refused of=99999999999999999999999",
	"attempt number=1 next=-1",
	"attempt number=1 account=a%20b",
	"sent at=x",
	"failed at=1 text=why",
};

static void
add_line(struct journal *j, const char *text)
{
	struct buf line;

	sealed_begin(&line, text);
	sealed_end(&line, ID, AT + (int64_t)j->bytes.len);
	buf_add(&j->bytes, line.data, line.len);
	buf_release(&line);
}

static void
must_be_broken(struct journal *j)
{
	struct spool_entry e;
	size_t good;

	add_line(j, "attempt number=1");
	ck_assert_int_eq(read_back(&e, j, &good), -1);
	journal_release(j);
}

/* What the rows above differ from. */
START_TEST(the_shortest_journal_is_read)
{
	struct spool_entry e;
	struct journal j;
	size_t good;

	journal_init(&j, ID, AT, JOURNAL_MAX);
	add_line(&j, "envelope version=1 recipients=1 size=16");
	add_line(&j, "recipient address=a@b");
	add_line(&j, "attempt number=1");
	ck_assert_int_eq(read_back(&e, &j, &good), 0);
	spool_entry_release(&e);
	journal_release(&j);
}
END_TEST

START_TEST(an_invalid_envelope_is_broken)
{
	struct journal j;

	journal_init(&j, ID, AT, JOURNAL_MAX);
	add_line(&j, invalid[_i]);
	add_line(&j, "recipient address=a@b");
	must_be_broken(&j);
}
END_TEST

START_TEST(an_invalid_recipient_is_broken)
{
	struct journal j;

	journal_init(&j, ID, AT, JOURNAL_MAX);
	add_line(&j, good_envelope);
	add_line(&j, "recipient address=a@b");
	add_line(&j, invalid_later[_i]);
	must_be_broken(&j);
}
END_TEST

START_TEST(one_recipient_too_many_is_broken)
{
	struct journal j;

	journal_init(&j, ID, AT, JOURNAL_MAX);
	add_line(&j, "envelope version=1 recipients=1 size=16");
	add_line(&j, "recipient address=a@b");
	add_line(&j, "recipient address=c@d");
	must_be_broken(&j);
}
END_TEST

/* A name leaves its place to others, all in one group: torn anywhere, it is
 * there still and they are not. */
START_TEST(a_name_is_replaced_whole_or_not_at_all)
{
	const struct journal_attempt a = { .at = 1, .next = 2, .number = 1 };
	const struct status none = STATUS_INIT;
	struct recipient more[2] = {
		{ .address = recipients[0].address },
		{ .address = recipients[1].address, .utf8 = true }
	};
	struct spool_entry e;
	struct recipient *r;
	size_t first, len, good;
	struct journal j;

	first_group(&j);
	first = j.bytes.len;
	journal_add_recipient(&j, &more[0]);
	journal_add_recipient(&j, &more[1]);
	recipients[4].state = RECIPIENT_REPLACED;
	journal_add_states(&j, recipients, 5);
	journal_add_attempt(&j, &a, &none);
	for (len = j.bytes.len; j.bytes.len >= first; j.bytes.len--) {
		ck_assert_int_eq(read_back(&e, &j, &good), 0);
		r = e.submission.envelope.recipients;
		ck_assert_uint_eq(e.recorded, e.submission.envelope.count);
		if (j.bytes.len < len) {
			ck_assert_uint_eq(e.recorded, 5);
			ck_assert_int_eq(r[4].state, RECIPIENT_PENDING);
		} else {
			ck_assert_uint_eq(e.recorded, 7);
			ck_assert_int_eq(r[4].state, RECIPIENT_REPLACED);
			ck_assert_int_eq(r[5].state, RECIPIENT_PENDING);
			ck_assert_str_eq(r[6].address, more[1].address);
			ck_assert(r[6].utf8 && r[6].fate == NULL);
		}
		spool_entry_release(&e);
	}
	journal_release(&j);
}
END_TEST

START_TEST(names_cannot_be_replaced_for_ever)
{
	struct recipient r = { .address = recipients[0].address };
	struct spool_entry e;
	struct journal j;
	size_t i, good;

	first_group(&j);
	for (i = 5; i < JOURNAL_RECIPIENTS_MAX; i++)
		journal_add_recipient(&j, &r);
	journal_add_mark(&j, JOURNAL_SENT, 1);
	ck_assert_int_eq(read_back(&e, &j, &good), 0);
	ck_assert_uint_eq(e.recorded, JOURNAL_RECIPIENTS_MAX);
	spool_entry_release(&e);
	journal_add_recipient(&j, &r);
	journal_add_mark(&j, JOURNAL_SENT, 2);
	ck_assert_int_eq(read_back(&e, &j, &good), -1);
	journal_release(&j);
}
END_TEST

/* What is no path is in no command: no record makes it wait. */
START_TEST(an_unusable_one_stays_what_it_is)
{
	const char *text = "x <y@z> NOTIFY=NEVER";
	struct spool_entry e;
	struct recipient *r;
	struct journal j;
	size_t good;

	free(recipients[4].address);
	recipients[4].address = xstrdup(text);
	recipient_set_unusable(&recipients[4]);
	first_group(&j);
	journal_add_mark(&j, JOURNAL_FAILED, 1);
	journal_add_mark(&j, JOURNAL_REQUEUED, 2);
	ck_assert_int_eq(read_back(&e, &j, &good), 0);
	r = &e.submission.envelope.recipients[4];
	ck_assert_int_eq(r->state, RECIPIENT_UNUSABLE);
	ck_assert_str_eq(r->address, text);
	ck_assert_str_eq(recipient_fate(r)->enhanced, "5.1.3");
	ck_assert_str_ne(recipient_fate(r)->hint, "");
	spool_entry_release(&e);
	add_line(&j, "state is=deferred of=3-4");
	must_be_broken(&j);
}
END_TEST

START_TEST(an_invalid_state_is_broken)
{
	struct spool_entry e;
	struct journal j;
	size_t good;

	journal_init(&j, ID, AT, JOURNAL_MAX);
	add_line(&j, good_envelope);
	add_line(&j, "recipient address=a@b");
	add_line(&j, "recipient address=c@d");
	add_line(&j, "attempt");
	ck_assert_int_eq(read_back(&e, &j, &good), 0);
	spool_entry_release(&e);
	add_line(&j, invalid_last[_i]);
	must_be_broken(&j);
}
END_TEST

/* Whatever the servers say to twenty thousand, an attempt stays short. */
START_TEST(states_stay_short)
{
	const size_t count = 20000;
	struct recipient *many = xcalloc(count, sizeof *many);
	struct status st;
	struct journal j;
	size_t i;

	for (i = 0; i < count; i++) {
		status_set(&st, EX_TEMPFAIL, "number %zu", i);
		st.reply = 400 + (int)i % 200;
		snprintf(st.enhanced, sizeof st.enhanced, "4.%zu", i);
		recipient_settle(&many[i], i % 2 ? RECIPIENT_DEFERRED :
		    RECIPIENT_REFUSED, &st);
	}
	journal_init(&j, ID, AT, JOURNAL_FIRST_MAX);
	journal_add_states(&j, many, count);
	ck_assert(!j.bytes.overflow);
	ck_assert_uint_lt(j.bytes.len, 256 * 1024);
	journal_release(&j);
	for (i = 0; i < count; i++)
		fate_release(many[i].fate);
	free(many);
}
END_TEST

static const struct {
	const char	*text;
	bool		 valid;
} ids[] = {
	{ ID, true },
	{ "000000000aaaaS0U0", true },
	{ "zzzzzzzzzzzzzSzzzzzzzzU1z141z3", true },	/* uid 2^32 - 1 */
	{ "zzzzzzzzzzzzzSzzzzzzzzU1z141z4", false },
	{ "zzzzzzzzzzzzzSzzzzzzzzzU0", false },
	{ "mdx1k2z9aq3k7S01U0", false },
	{ "mdx1k2z9aq3kS1U0", false },
	{ "mdx1k2z9aq3k7S1U", false },
	{ "mdx1k2z9aq3k7S1U0x", false },
	{ "mdx1k2z9aq3k7S1U0/", false },
	{ "MDX1K2Z9AQ3K7S1U0", false },
	{ "../../etc/passwd", false },
	{ ".", false },
	{ "", false },
};

START_TEST(names_have_one_form)
{
	struct spool_id id;

	ck_assert_int_eq(spool_id_parse(&id, ids[_i].text), ids[_i].valid);
}
END_TEST

START_TEST(names_tell_size_and_uid)
{
	struct spool_id id = {
		.time_ms = INT64_C(1790000000123), .random = INT64_MAX,
		.size = 150 * 1024 * 1024, .uid = UINT32_MAX
	};
	struct spool_id again;
	char text[SPOOL_ID_SIZE], later[SPOOL_ID_SIZE];

	spool_id_format(&id, text);
	ck_assert(spool_id_parse(&again, text));
	ck_assert_int_eq(again.time_ms, id.time_ms);
	ck_assert_int_eq(again.size, id.size);
	ck_assert_uint_eq(again.uid, id.uid);
	id.time_ms++;
	id.random = 0;
	spool_id_format(&id, later);
	ck_assert_int_lt(strcmp(text, later), 0);
}
END_TEST

#define ROWS(table) (int)(sizeof table / sizeof *table)

static Suite *
suite(void)
{
	Suite *s = suite_create("journal");
	TCase *t = tcase_create("journal");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_is_written_is_read);
	tcase_add_test(t, the_null_path_is_not_no_path);
	tcase_add_test(t, attempts_and_marks_add_up);
	tcase_add_test(t, a_torn_end_is_ignored);
	tcase_add_test(t, a_hole_in_the_last_sync_is_ignored);
	tcase_add_test(t, a_broken_record_breaks_the_file);
	tcase_add_test(t, records_hold_for_one_place_only);
	tcase_add_test(t, the_shortest_journal_is_read);
	tcase_add_test(t, one_recipient_too_many_is_broken);
	tcase_add_test(t, an_unusable_one_stays_what_it_is);
	tcase_add_test(t, a_name_is_replaced_whole_or_not_at_all);
	tcase_add_test(t, names_cannot_be_replaced_for_ever);
	tcase_add_loop_test(t, an_invalid_envelope_is_broken, 0,
	    ROWS(invalid));
	tcase_add_loop_test(t, an_invalid_recipient_is_broken, 0,
	    ROWS(invalid_later));
	tcase_add_loop_test(t, an_invalid_state_is_broken, 0,
	    ROWS(invalid_last));
	tcase_add_test(t, states_stay_short);
	tcase_add_loop_test(t, names_have_one_form, 0, ROWS(ids));
	tcase_add_test(t, names_tell_size_and_uid);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
