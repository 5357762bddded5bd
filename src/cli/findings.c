/* SPDX-License-Identifier: ISC */
#include "cli/findings.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/record.h"
#include "cli/exit_text.h"
#include "cli/reply_text.h"

#define LINE_SIZE 4096		/* of a line, what is read */

struct reader {
	struct finding	*list;
	size_t		 count;
	const char	*text, *end;	/* what is left */
	char		 line[LINE_SIZE];
};

static bool
is_same(const struct finding *a, const struct finding *b)
{
	return a->kind == b->kind && a->reply == b->reply &&
	    strcmp(a->enhanced, b->enhanced) == 0 &&
	    strcmp(a->words, b->words) == 0 && a->aadsts == b->aadsts &&
	    strcmp(a->oauth_error, b->oauth_error) == 0 &&
	    a->sysexit == b->sysexit && a->event == b->event &&
	    strcmp(a->account, b->account) == 0;
}

/* What was cut at its room may end within a character. */
static void
mend_end(char *text, size_t size)
{
	char mended[sizeof ((struct finding *)0)->words];

	status_printable(mended, size, text);
	memcpy(text, mended, strlen(mended) + 1);
}

static void
add(struct reader *r, struct finding *f)
{
	size_t i;

	mend_end(f->words, sizeof f->words);
	mend_end(f->hint, sizeof f->hint);
	mend_end(f->enhanced, sizeof f->enhanced);
	mend_end(f->account, sizeof f->account);
	mend_end(f->mailbox, sizeof f->mailbox);
	mend_end(f->from, sizeof f->from);
	for (i = 0; i < r->count; i++)
		if (is_same(&r->list[i], f))
			return;
	if (r->count < FINDINGS_MAX)
		r->list[r->count++] = *f;
}

/* The next line, without its end and with control bytes made harmless. */
static bool
next_line(struct reader *r)
{
	const char *end = memchr(r->text, '\n', (size_t)(r->end - r->text));
	size_t len = (size_t)((end != NULL ? end : r->end) - r->text);
	char raw[LINE_SIZE];

	if (r->text == r->end)
		return false;
	r->text += len + (end != NULL);
	if (len >= sizeof raw)
		len = sizeof raw - 1;
	memcpy(raw, r->text - (end != NULL) - len, len);
	raw[len] = '\0';
	raw[strcspn(raw, "\r")] = '\0';
	status_printable(r->line, sizeof r->line, raw);
	return true;
}

/* Where a failure happened, from our own words or another mailer's. */
static enum diagnose_stage
find_stage(const char *text)
{
	static const struct {
		const char *words;
		enum diagnose_stage stage;
	} stages[] = {
		{ "after the data", DIAGNOSE_END_OF_DATA },
		{ "end of DATA", DIAGNOSE_END_OF_DATA },
		{ "RCPT TO", DIAGNOSE_RCPT },
		{ "MAIL FROM", DIAGNOSE_MAIL },
		{ "EHLO refused", DIAGNOSE_EHLO },
		{ "STARTTLS refused", DIAGNOSE_STARTTLS },
		{ "DATA refused", DIAGNOSE_DATA },
		{ "SASL authentication failed", DIAGNOSE_AUTH },
	};
	size_t i;

	for (i = 0; i < sizeof stages / sizeof *stages; i++)
		if (strcasestr(text, stages[i].words) != NULL)
			return stages[i].stage;
	return DIAGNOSE_ANY;
}

/* "SendAsDenied; a@x not allowed to send as b@y; ..." names both. */
static void
read_send_as(struct finding *f)
{
	static const char before[] = "SendAsDenied; ";
	static const char between[] = " not allowed to send as ";
	const char *mailbox = strstr(f->words, before), *from;

	if (mailbox == NULL || (from = strstr(mailbox, between)) == NULL)
		return;
	mailbox += sizeof before - 1;
	snprintf(f->mailbox, sizeof f->mailbox, "%.*s", (int)(from - mailbox),
	    mailbox);
	from += sizeof between - 1;
	snprintf(f->from, sizeof f->from, "%.*s", (int)strcspn(from, "; "),
	    from);
}

/* The lines of a reply of several, "535-5.7.3 ..." (RFC 5321 4.2.1). */
static void
add_lines(struct reader *r, struct finding *f, const char *at)
{
	char more[sizeof f->enhanced];
	const char *s = at;
	size_t len;
	int code;

	while (s[3] == '-' && next_line(r)) {
		if ((s = reply_text_find(r->line)) == NULL ||
		    reply_text_code(s) != f->reply)
			break;
		len = strlen(f->words);
		snprintf(f->words + len, sizeof f->words - len, " %s",
		    reply_text_read(s, &code, more));
	}
}

static bool
take_reply(struct reader *r)
{
	struct finding f = { .kind = FOUND_REPLY };
	char line[LINE_SIZE];
	const char *at;

	memcpy(line, r->line, sizeof line);	/* add_lines() reads on */
	if ((at = reply_text_find(line)) == NULL &&
	    (at = reply_text_find_enhanced(line)) == NULL)
		return false;
	f.stage = find_stage(line);
	snprintf(f.words, sizeof f.words, "%s", reply_text_read(at, &f.reply, f.enhanced));
	if (f.reply != 0)
		add_lines(r, &f, at);
	read_send_as(&f);
	add(r, &f);
	return true;
}

/* The token endpoint. */

/* The `error` of RFC 6749 5.2 that stands in a text: one that the catalogue
 * knows. */
static void
find_oauth_error(struct finding *f, const char *text)
{
	const struct diagnosis *d;
	const char *at;
	size_t i, len;

	for (i = 0; (d = diagnose_row(i)) != NULL; i++) {
		if (d->oauth_error == NULL ||
		    (at = strstr(text, d->oauth_error)) == NULL)
			continue;
		len = strlen(d->oauth_error);
		if ((at == text || reply_text_edge(at[-1])) && reply_text_edge(at[len])) {
			snprintf(f->oauth_error, sizeof f->oauth_error, "%s",
			    d->oauth_error);
			return;
		}
	}
}

static long
read_number(const char *s)
{
	size_t len = reply_text_digits(s);

	return len > 0 && len <= 9 ? strtol(s, NULL, 10) : 0;
}

/* Every AADSTS number of a line; or the bare word of the protocol. */
static bool
take_token_error(struct reader *r, const char *line)
{
	struct finding f = { .kind = FOUND_TOKEN, .stage = DIAGNOSE_TOKEN };
	const char *at = line;
	bool found = false;

	find_oauth_error(&f, line);
	snprintf(f.words, sizeof f.words, "%s", line);
	while ((at = strcasestr(at, "AADSTS")) != NULL) {
		at += strlen("AADSTS");
		if ((f.aadsts = read_number(at)) == 0)
			continue;
		add(r, &f);
		found = true;
	}
	if (!found && f.oauth_error[0] != '\0') {
		add(r, &f);
		return true;
	}
	return found;
}

static void
take_error_object(struct reader *r, const struct record *o)
{
	struct finding f = { .kind = FOUND_TOKEN, .stage = DIAGNOSE_TOKEN };
	const char *words = record_text(o, "error_description");
	const char *at = strstr(words, "AADSTS");

	status_printable(f.words, sizeof f.words, words);
	status_printable(f.oauth_error, sizeof f.oauth_error,
	    record_text(o, "error"));
	f.aadsts = (long)record_first_number(o, "error_codes", 0);
	if (f.aadsts == 0 && at != NULL)
		f.aadsts = read_number(at + strlen("AADSTS"));
	add(r, &f);
}

/* A JSON error within a text, whatever stands around it. */
static bool
take_json(struct reader *r, const char *text, size_t len)
{
	const char *begin = memchr(text, '{', len), *end = text + len;
	struct record *o;
	bool found;

	if (begin == NULL)
		return false;
	while (end > begin && end[-1] != '}')
		end--;
	if ((o = record_parse(begin, (size_t)(end - begin))) == NULL)
		return false;
	found = record_text(o, "error")[0] != '\0';
	if (found)
		take_error_object(r, o);
	record_free(o);
	return found;
}

/* Exit codes. */

/* cron's "got status 0x004b from MTA": an exit code, or in the upper half of
 * what wait(2) gave. */
static int
cron_status(const char *line)
{
	static const char words[] = "got status 0x";
	const char *s = strstr(line, words);
	unsigned long status;

	if (s == NULL || strstr(s, " from MTA") == NULL)
		return -1;
	status = strtoul(s + sizeof words - 1, NULL, 16);
	if (status > 0xff)
		status >>= 8;
	return status >= EX__BASE && status <= EX__MAX ? (int)status : -1;
}

/* A number that is an exit code by its neighbours: "exit status 75", "exited
 * with 75". */
static int
exit_code_near(const char *line)
{
	const char *s = strcasestr(line, "exit");
	size_t n;
	long code;

	if (s == NULL)
		return -1;
	for (n = 0; s[n] != '\0' && !isdigit((unsigned char)s[n]); n++)
		if (n > 24)
			return -1;
	code = reply_text_digits(s + n) != 0 ? read_number(s + n) : -1;
	return code >= EX__BASE && code <= EX__MAX ? (int)code : -1;
}

static bool
take_exit(struct reader *r)
{
	struct finding f = { .kind = FOUND_EXIT };
	const char *name = strstr(r->line, "EX_");

	f.sysexit = name != NULL ? exit_text_number(name) :
	    exit_code_near(r->line);
	if (f.sysexit == -1 && (f.sysexit = cron_status(r->line)) == -1)
		return false;
	add(r, &f);
	return true;
}

/* Our own log: event key=value key="value with \"quotes\"". */

/* The value of a key; false if it is not there. */
static bool
log_value(const char *line, const char *key, char *to, size_t size)
{
	char name[32];
	const char *s;
	size_t n = 0;
	bool is_quoted;

	snprintf(name, sizeof name, " %s=", key);
	if ((s = strstr(line, name)) == NULL)
		return false;
	s += strlen(name);
	if ((is_quoted = *s == '"'))
		s++;
	for (; *s != '\0' && *s != (is_quoted ? '"' : ' '); s++) {
		if (is_quoted && s[0] == '\\' && s[1] != '\0')
			s++;
		if (n + 1 < size)
			to[n++] = *s;
	}
	to[n] = '\0';
	return true;
}

/* The word before the first key: "spooled id=...". */
static enum finding_event
find_event(const char *line)
{
	static const struct {
		const char *name;
		enum finding_event event;
	} events[] = {
		{ "spooled", EVENT_KEPT }, { "deferred", EVENT_KEPT },
		{ "spool-error", EVENT_KEPT }, { "failed", EVENT_FAILED },
		{ "given-up", EVENT_FAILED }, { "expired", EVENT_EXPIRED },
		{ "refused", EVENT_REFUSED },
	};
	const char *end = line + strcspn(line, "="), *begin;
	size_t i;

	while (end > line && end[-1] != ' ')
		end--;
	while (end > line && end[-1] == ' ')
		end--;
	for (begin = end; begin > line && begin[-1] != ' ';)
		begin--;
	for (i = 0; i < sizeof events / sizeof *events; i++)
		if (strlen(events[i].name) == (size_t)(end - begin) &&
		    memcmp(events[i].name, begin, (size_t)(end - begin)) == 0)
			return events[i].event;
	return EVENT_UNKNOWN;
}

static bool
take_log_line(struct reader *r)
{
	struct finding f = { .kind = FOUND_REPLY };
	char error[LINE_SIZE], number[16] = "";
	const char *line = r->line;

	if (!log_value(line, "error", error, sizeof error) ||
	    !log_value(line, "exit", number, sizeof number))
		return false;
	f.event = find_event(line);
	f.sysexit = (int)read_number(number);
	log_value(line, "account", f.account, sizeof f.account);
	log_value(line, "hint", f.hint, sizeof f.hint);
	if (!log_value(line, "reply", number, sizeof number) ||
	    (f.reply = reply_text_code(number)) == 0) {
		f.kind = FOUND_EXIT;
		snprintf(f.words, sizeof f.words, "%.*s",
		    (int)sizeof f.words - 1, error);
		add(r, &f);
		return true;
	}
	log_value(line, "enhanced", f.enhanced, sizeof f.enhanced);
	log_value(line, "remote", f.words, sizeof f.words);
	f.stage = find_stage(error);
	if (strcasestr(error, "token") != NULL) {
		f.kind = FOUND_TOKEN;
		f.stage = DIAGNOSE_TOKEN;
		find_oauth_error(&f, f.words);
		if (strstr(f.words, "AADSTS") != NULL)
			f.aadsts = read_number(strstr(f.words, "AADSTS") + 6);
	}
	read_send_as(&f);
	add(r, &f);
	return true;
}

/* A text that is one number and nothing else. */
static bool
take_bare_code(struct reader *r, const char *text, size_t len)
{
	struct finding f = { .sysexit = 0 };
	char word[16];

	while (len > 0 && isspace((unsigned char)*text))
		text++, len--;
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	if (len == 0 || len >= sizeof word)
		return false;
	memcpy(word, text, len);
	word[len] = '\0';
	if (reply_text_digits(word) != len)
		return false;
	if (len <= 2) {
		f.kind = FOUND_EXIT;
		f.sysexit = (int)read_number(word);
		if (exit_text(f.sysexit) == NULL)
			return false;
	} else if (len == 3) {
		if ((f.reply = reply_text_code(word)) == 0)
			return false;
	} else {
		f.kind = FOUND_TOKEN;
		f.stage = DIAGNOSE_TOKEN;
		f.aadsts = read_number(word);
	}
	add(r, &f);
	return true;
}

size_t
findings_read(struct finding list[FINDINGS_MAX], const char *text, size_t len)
{
	struct reader r = { .list = list, .text = text, .end = text + len };

	if (take_bare_code(&r, text, len) || take_json(&r, text, len))
		return r.count;
	while (r.count < FINDINGS_MAX && next_line(&r))
		if (!take_json(&r, r.line, strlen(r.line)) &&
		    !take_log_line(&r) && !take_token_error(&r, r.line) &&
		    !take_reply(&r))
			take_exit(&r);
	return r.count;
}
