/* SPDX-License-Identifier: ISC
 *
 * Any bytes as the client of sendmail -bs, in packets of a length that the first
 * of them says.  The submitter is a double that keeps what it is given.
 *
 * Afterwards the dialogue is gone through once more: each command has one reply,
 * each message has one and is what the model makes of the bytes behind its 354,
 * and nothing else was submitted.  So no byte of a message was taken for a
 * command, and no command for a message (SMTP smuggling).
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "cli/dsn.h"
#include "cli/smtpd.h"
#include "cli/submit.h"
#include "fuzz.h"
#include "model.h"

#define MAX_SIZE	2000	/* of a message */
#define PACKETS		64	/* a socket has room for */
#define INPUT_MAX	(60 * 1024)
#define REPLY_LINE_MAX	512	/* RFC 5321 4.5.3.1.5 */

/* What was submitted. */
#define KEPT_MAX 1000
static struct kept {
	off_t	 at;		/* how far the replies were */
	int	 sysexit;	/* what we answered */
	char	*bytes;
	size_t	 len;
} kept[KEPT_MAX];
static size_t kept_count;
static bool is_open;

/* The double. */

int
submitter_open(struct submitter *s, const struct caller *caller,
    struct status *st)
{
	(void)st;
	*s = (struct submitter){ .caller = caller, .directory = -1 };
	s->config.max_message_size = MAX_SIZE;
	is_open = true;
	return 0;
}

void
submitter_close(struct submitter *s)
{
	(void)s;
	is_open = false;
}

int64_t
submitter_reserve(const struct submitter *s)
{
	(void)s;
	return 0;
}

int
submission_begin(struct submission *m, const struct submitter *s,
    struct status *st)
{
	(void)s;
	(void)st;
	*m = (struct submission)SUBMISSION_INIT;
	return 0;
}

static void
check_path(const char *path)
{
	const unsigned char *p = (const unsigned char *)path;

	FUZZ_PROMISE(strlen(path) <= ADDRESS_MAX);
	for (; *p != '\0'; p++)
		FUZZ_PROMISE(*p >= ' ' && *p != 0x7f);
}

int
submission_address_list(struct submission *m, const struct submitter *s,
    struct address_list *list, struct status *st)
{
	char *text;
	size_t i;

	(void)m;
	(void)s;
	FUZZ_PROMISE(list->count > 0);
	for (i = 0; i < list->count; i++) {
		text = address_text(&list->items[i]);
		check_path(text);
		free(text);
	}
	/* One address that nobody can use. */
	if (strcmp(list->items[0].local, "nobody") == 0)
		return status_set(st, EX_NOUSER, "nobody is nobody");
	return 0;
}

static void
check_envelope(const struct envelope *e)
{
	const char *p;

	check_path(e->sender);
	FUZZ_PROMISE(e->ret[0] == '\0' || dsn_is_ret(e->ret));
	FUZZ_PROMISE(e->notify[0] == '\0' || dsn_is_notify(e->notify));
	for (p = e->envid; p != NULL && *p != '\0'; p++)
		FUZZ_PROMISE(*p > ' ' && *p < 0x7f);
}

/* Each message has another fate. */
void
submit(struct submitter *s, struct submission *m, struct outcome *out)
{
	static const struct outcome fates[] = {
		{ .sysexit = EX_OK, .status.remote = "2.0.0 OK" },
		{ .sysexit = EX_OK, .spool_id = "mdx1k2z9aq3k7SgU9d" },
		{ .sysexit = EX_TEMPFAIL, .status = { .sysexit = EX_TEMPFAIL,
		  .class = CLASS_RETRY, .text = "later" } },
		{ .sysexit = EX_NOUSER, .delivered = 2, .status = {
		  .sysexit = EX_NOUSER, .class = CLASS_RECIPIENT,
		  .enhanced = "5.1.10", .text = "no", .remote = "not here" } },
	};
	struct status st = STATUS_INIT;
	struct kept *k;

	FUZZ_PROMISE(is_open && s->caller != NULL && kept_count < KEPT_MAX);
	check_envelope(&m->envelope);
	k = &kept[kept_count];
	*out = fates[kept_count++ % (sizeof fates / sizeof *fates)];
	k->sysexit = out->sysexit;
	k->at = lseek(STDOUT_FILENO, 0, SEEK_CUR);
	k->len = (size_t)m->message.size;
	k->bytes = xmalloc(k->len + 1);
	FUZZ_PROMISE(message_pread(&m->message, k->bytes, k->len, 0, &st) ==
	    (ssize_t)k->len);
}

void
submit_afterwards(const struct submitter *s, const struct outcome *out)
{
	(void)s;
	(void)out;
}

/* The dialogue, gone through again. */

struct replay {
	const char	*in, *in_end;	/* what the client said */
	char		*out;		/* what we said */
	size_t		 at, len;
	size_t		 message;	/* next of those that were submitted */
	int		 code;		/* of the last reply */
};

/* A reply of one or more lines, whose codes agree. */
static void
next_reply(struct replay *r)
{
	char *line, *end, *p;
	bool more = true;

	for (r->code = 0; more; r->at += (size_t)(end + 2 - line)) {
		line = r->out + r->at;
		end = memchr(line, '\r', r->len - r->at);
		FUZZ_PROMISE(end != NULL && end[1] == '\n');
		FUZZ_PROMISE(end - line >= 4 && end + 2 - line <= REPLY_LINE_MAX);
		for (p = line; p < end; p++)
			FUZZ_PROMISE((unsigned char)*p >= ' ' && *p != 0x7f);
		more = line[3] == '-';
		FUZZ_PROMISE(more || line[3] == ' ');
		line[3] = '\0';
		FUZZ_PROMISE(r->code == 0 || r->code == atoi(line));
		r->code = atoi(line);
		FUZZ_PROMISE(r->code >= 200 && r->code <= 559);
	}
}

/* What stands behind a 354. */
static void
go_through_message(struct replay *r, bool crlf)
{
	struct model model = { .dots = true, .smtp = true, .strict = crlf };
	struct kept *k = &kept[r->message];
	bool submitted;

	model_read(&model, r->in, (size_t)(r->in_end - r->in));
	r->in += model.used;
	submitted = r->message < kept_count && k->at == (off_t)r->at;
	if (model.ended)
		next_reply(r);
	if (submitted) {
		r->message++;
		FUZZ_PROMISE(model.ended && k->len == model.stored.len &&
		    memcmp(k->bytes, model.stored.data, k->len) == 0);
		FUZZ_PROMISE((k->sysexit == EX_OK) == (r->code == 250));
	} else
		FUZZ_PROMISE(r->code != 250);
	FUZZ_PROMISE(r->code != 552 || model.stored.len > MAX_SIZE);
	model_release(&model);
}

/* One command; true if more may come. */
static bool
go_through_command(struct replay *r)
{
	const char *lf = memchr(r->in, '\n', (size_t)(r->in_end - r->in));
	const char *end = lf != NULL ? lf + 1 : r->in_end;
	bool crlf = lf != NULL && lf > r->in && lf[-1] == '\r';

	r->in = end;
	next_reply(r);
	if (r->code == 354)
		go_through_message(r, crlf);
	if (r->code == 221)
		return false;
	/* The one reply that comes unasked. */
	if (r->at < r->len && strncmp(r->out + r->at, "421", 3) == 0) {
		next_reply(r);
		return false;
	}
	return r->in < r->in_end;
}

static void
go_through(const char *in, size_t len, char *out, size_t out_len, int rc)
{
	struct replay r = { .in = in, .in_end = in + len, .out = out,
	    .len = out_len };
	bool more = len > 0;

	next_reply(&r);
	FUZZ_PROMISE(r.code == 220);
	while (more)
		more = go_through_command(&r);
	FUZZ_PROMISE(r.at == r.len && r.message == kept_count);
	FUZZ_PROMISE(rc >= EX_OK && rc <= EX__MAX);
}

/* In packets, each of which one read(2) gives. */
static int
client(const char *bytes, size_t len, size_t packet)
{
	int pair[2], i;
	size_t n;

	FUZZ_PROMISE(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
	for (i = 0; len > 0; i++, bytes += n, len -= n) {
		n = len < packet || i == PACKETS ? len : packet;
		FUZZ_PROMISE(send(pair[1], bytes, n, 0) == (ssize_t)n);
	}
	close(pair[1]);
	return pair[0];
}

/* Replies of one session, to be freed. */
static char *
talk(int in, int *rc, size_t *len)
{
	static const struct identity identity = { .charset = "" };
	static const struct options options = { .mode = MODE_SMTP };
	struct caller caller = { .name = "sendmail", .identity = &identity,
	    .options = &options };
	int saved[2] = { dup(STDIN_FILENO), dup(STDOUT_FILENO) };
	int out = memfd_create("replies", MFD_CLOEXEC);
	char *text;

	FUZZ_PROMISE(out != -1 && dup2(in, STDIN_FILENO) != -1);
	FUZZ_PROMISE(dup2(out, STDOUT_FILENO) != -1);
	*rc = smtpd_main(&caller);
	dup2(saved[0], STDIN_FILENO);
	dup2(saved[1], STDOUT_FILENO);
	close(saved[0]);
	close(saved[1]);
	*len = (size_t)lseek(out, 0, SEEK_CUR);
	text = xmalloc(*len + 1);
	FUZZ_PROMISE(pread(out, text, *len, 0) == (ssize_t)*len);
	text[*len] = '\0';
	close(out);
	return text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;
	char *replies;
	size_t len, i;
	int in, rc;

	if (size == 0 || size > INPUT_MAX)
		return 0;
	kept_count = 0;
	in = client(text, size - 1, data[0] == '0' ? INPUT_MAX : data[0] + 1u);
	replies = talk(in, &rc, &len);
	close(in);
	FUZZ_PROMISE(!is_open);
	go_through(text, size - 1, replies, len, rc);
	for (i = 0; i < kept_count; i++)
		free(kept[i].bytes);
	free(replies);
	return 0;
}
