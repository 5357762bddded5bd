/* SPDX-License-Identifier: ISC
 *
 * Any bytes as one of the small files of the state directory: what a server was
 * seen to do (first byte p), its TLS ticket (t), the pause of a mailbox (w), the
 * windows of messages (r and u).  In small letters they are the text of a record
 * that gets a good checksum, in which @ stands for this boot, ^ for now, ~ for
 * now since boot and ! for the ticket's trust; in capitals they are the file.
 * Whatever they say, nobody waits longer than the rules of promise 5 are long,
 * and what is written over them is read again.
 */
#include <ctype.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "fuzz.h"
#include "queue/limits.h"
#include "queue/limits_pause.h"
#include "queue/peer.h"
#include "queue/ticket.h"

#define TEXT_MAX	(24 * 1024)

static char state[] = P_tmpdir "/fuzz-hints-XXXXXX", mailbox[] = "a@contoso.com",
    host[] = "smtp.office365.com", name[] = "alerts";
static const struct config config = { .state_directory = state,
    .user_messages_per_hour = 3 };
static const struct account account = { .name = name, .mailbox = mailbox,
    .host = host, .port = 587, .max_connections = 3, .messages_per_minute = 3 };
static struct ticket ticket;

static int
remove_entry(const char *path, const struct stat *sb, int kind,
    struct FTW *place)
{
	(void)sb;
	(void)kind;
	(void)place;
	return remove(path);
}

static void
remove_state(void)
{
	(void)nftw(state, remove_entry, 4, FTW_DEPTH | FTW_PHYS);
}

static void
make_state(void)
{
	static bool made;

	if (made)
		return;
	FUZZ_PROMISE(mkdtemp(state) != NULL);
	atexit(remove_state);
	made = true;
}

/* The placeholders. */
static void
fill_in(struct buf *out, const uint8_t *data, size_t size)
{
	char boot[CLOCK_BOOT_SIZE];
	size_t i;

	clock_boot(boot);
	for (i = 0; i < size; i++)
		switch (data[i]) {
		case '@':
			buf_addstr(out, boot);
			break;
		case '^':
			buf_addf(out, "%" PRId64, clock_wall());
			break;
		case '~':
			buf_addf(out, "%" PRId64, clock_ms());
			break;
		case '!':
			buf_addstr(out, ticket.trust);
			break;
		default:
			buf_addch(out, (char)data[i]);
		}
}

static void
put(const char *kind, const char *key, const uint8_t *data, size_t size,
    bool sealed)
{
	char path[sizeof state + STATE_NAME_SIZE + 2];
	const char *seed = path + sizeof state;
	struct buf text;
	FILE *f;

	snprintf(path, sizeof path, "%s/%s-%s", state, kind, key);
	if (sealed) {
		sealed_begin(&text, "limits ");
		fill_in(&text, data, size);
		sealed_end(&text, seed, 0);
	} else {
		buf_init(&text, TEXT_MAX);
		buf_add(&text, data, size);
	}
	f = fopen(path, "we");
	FUZZ_PROMISE(f != NULL);
	FUZZ_PROMISE(fwrite(text.data, 1, text.len, f) == text.len);
	FUZZ_PROMISE(fclose(f) == 0);
	buf_release(&text);
}

static void
check_peer(void)
{
	const struct session_cost seen = { .two_step = true };
	struct peer p;

	peer_recall(&p, &config, &account);
	FUZZ_PROMISE(p.two_step <= clock_wall() && p.no_bdat <= clock_wall() &&
	    p.no_resume <= clock_wall());
	peer_learn(&p, &config, &seen);
	peer_recall(&p, &config, &account);
	FUZZ_PROMISE(p.two_step != 0);
}

static void
check_ticket(const char *key, const uint8_t *data, size_t size)
{
	ticket_load(&ticket, key, &config, &account);
	FUZZ_PROMISE(ticket.kept.len <= 8 * 1024 && ticket.fresh.len == 0);
	if (size == 0 || size > 4096)
		return;
	ticket_take(&ticket, data, size);
	ticket_save(&ticket, &config);
	ticket_load(&ticket, key, &config, &account);
	FUZZ_PROMISE(ticket.kept.len == size &&
	    memcmp(ticket.kept.data, data, size) == 0);
	ticket_drop(&ticket, &config);
	ticket_load(&ticket, key, &config, &account);
	FUZZ_PROMISE(ticket.kept.len == 0);
}

static void
check_pause(void)
{
	static const struct status refused = { .sysexit = EX_TEMPFAIL,
	    .scope = SCOPE_ACCOUNT, .text = "refused" };
	struct status why = STATUS_INIT;
	char printable[sizeof why.text];
	int64_t until;
	bool single;

	until = limits_look(&config, &account, &single, &why);
	FUZZ_PROMISE(until == 0 || (until >= clock_wall() &&
	    until <= clock_wall() + 3601));
	status_printable(printable, sizeof printable, why.text);
	FUZZ_PROMISE(strcmp(printable, why.text) == 0);
	limits_pause(&config, &account, &refused);
	until = limits_paused_until(&config, &account, &why);
	FUZZ_PROMISE(until > clock_wall() && until <= clock_wall() + 3601);
	limits_clear(&config, &account);
	until = limits_look(&config, &account, &single, NULL);
	FUZZ_PROMISE(single || until == 0);
}

static void
check_messages(void)
{
	struct state_file minute = STATE_FILE_INIT;
	struct status st = STATUS_INIT;
	int64_t wait = 0;
	int i, rc = 0;

	for (i = 0; i < account.messages_per_minute + 1 && rc == 0; i++) {
		rc = limits_count_message(&minute, &config, &account, &wait, &st);
		FUZZ_PROMISE(rc == 0 ? wait == 0 : wait > 0 && wait <= 61000);
	}
	FUZZ_PROMISE(rc == 1);
	state_file_close(&minute);
}

static void
check_user(void)
{
	struct status st = STATUS_INIT;
	int i, rc = 0;

	for (i = 0; i < config.user_messages_per_hour + 1 && rc == 0; i++)
		rc = limits_count_user(&config, 1000, &st);
	FUZZ_PROMISE(rc == 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char key[STATE_KEY_SIZE], server[STATE_KEY_SIZE];
	bool sealed;

	if (size == 0 || size > TEXT_MAX)
		return 0;
	make_state();
	state_file_key(key, &account);
	peer_key(server, &config, &account);
	sealed = islower(data[0]);
	switch (tolower(data[0])) {
	case 'p':
		put("peer", server, data + 1, size - 1, sealed);
		check_peer();
		break;
	case 't':
		/* The trust is known when one was looked for. */
		ticket_load(&ticket, server, &config, &account);
		put("tls", server, data + 1, size - 1, sealed);
		check_ticket(server, data + 1, size - 1);
		ticket_drop(&ticket, &config);
		break;
	case 'w':
		put("pause", key, data + 1, size - 1, sealed);
		check_pause();
		break;
	case 'r':
		put("rate", key, data + 1, size - 1, sealed);
		check_messages();
		break;
	case 'u':
		put("user", "1000", data + 1, size - 1, sealed);
		check_user();
	}
	return 0;
}
