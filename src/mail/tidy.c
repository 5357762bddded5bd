/* SPDX-License-Identifier: ISC */
#include "mail/tidy.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "mail/address.h"
#include "mail/encoded_word.h"
#include "mail/utf8.h"

#define BLANK " \t\r\n"

enum rule {
	DROP	= 1,	/* never goes out */
	ONCE	= 2,	/* the first one stays */
	JOIN	= 4,	/* one list is made of all */
	FILLED	= 8,	/* an empty one is as good as none */
	LIST	= 16,	/* an address list: encode names and comments */
	TOKENS	= 32	/* structured: encode as little as can be */
};

/* What is not named here is unstructured text and may stand often. */
static const struct {
	const char *name;
	unsigned rules;
} fields[] = {
	{ "Bcc",			DROP },
	{ "Resent-Bcc",			DROP },
	{ "Return-Path",		DROP },
	{ "Content-Length",		DROP },
	{ "Status",			DROP },
	{ "From",			ONCE | FILLED | LIST },
	{ "Sender",			ONCE | FILLED | LIST },
	{ "Reply-To",			ONCE | FILLED | LIST },
	{ "To",				JOIN | FILLED | LIST },
	{ "Cc",				JOIN | FILLED | LIST },
	{ "Resent-From",		FILLED | LIST },
	{ "Resent-Sender",		FILLED | LIST },
	{ "Resent-To",			FILLED | LIST },
	{ "Resent-Cc",			FILLED | LIST },
	{ "Resent-Reply-To",		FILLED | LIST },
	{ "Errors-To",			LIST },
	{ "Disposition-Notification-To", LIST },
	{ "Subject",			ONCE },
	{ "Date",			ONCE | FILLED | TOKENS },
	{ "Message-ID",			ONCE | FILLED | TOKENS },
	{ "In-Reply-To",		ONCE | FILLED | TOKENS },
	{ "References",			ONCE | FILLED | TOKENS },
	{ "MIME-Version",		ONCE | FILLED | TOKENS },
	{ "Content-Type",		ONCE | FILLED | TOKENS },
	{ "Content-Transfer-Encoding",	ONCE | FILLED | TOKENS },
	{ "Content-Disposition",	ONCE | FILLED | TOKENS },
	{ "Content-ID",			ONCE | FILLED | TOKENS },
	{ "Auto-Submitted",		TOKENS },
	{ "Received",			TOKENS },
	{ "DKIM-Signature",		TOKENS },
	{ "ARC-Seal",			TOKENS },
	{ "ARC-Message-Signature",	TOKENS },
	{ "ARC-Authentication-Results",	TOKENS },
	{ "Authentication-Results",	TOKENS },
	{ "List-Unsubscribe",		TOKENS },
};

static unsigned
rules_of(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof fields / sizeof *fields; i++)
		if (strcasecmp(name, fields[i].name) == 0)
			return fields[i].rules;
	return 0;
}

static bool
is_empty(const char *body)
{
	return body[strspn(body, BLANK)] == '\0';
}

/* The same for what must say something: a list of commas names nobody. */
static bool
says_nothing(const char *body)
{
	return body[strspn(body, BLANK ",;")] == '\0';
}

char *
tidy_unfold(const struct header *h, size_t i)
{
	const char *p = h->fields[i].body;
	struct buf b;

	buf_init(&b, HEADER_MAX);
	for (p += strspn(p, BLANK); *p != '\0'; p++)
		if (*p != '\r' && *p != '\n')
			buf_addch(&b, *p);
	while (b.len != 0 && strchr(BLANK, b.data[b.len - 1]) != NULL)
		buf_truncate(&b, b.len - 1);
	return buf_detach(&b);
}

/* Several plain atoms are a phrase, too, but quotes are what people expect. */
char *
tidy_mailbox(const char *name, const char *address)
{
	char *phrase = address_format_name(name), *text;

	if (*phrase == '\0')
		text = xstrdup(address);
	else if (strchr(phrase, ' ') != NULL && strpbrk(phrase, "\"?") == NULL)
		text = xasprintf("\"%s\" <%s>", phrase, address);
	else
		text = xasprintf("%s <%s>", phrase, address);
	free(phrase);
	return text;
}

/* What must not go out, by the table. */
static bool
is_dropped(const void *context, const struct header_field *field)
{
	unsigned rules = rules_of(field->name);

	(void)context;
	return (rules & DROP) != 0 ||
	    ((rules & FILLED) != 0 && says_nothing(field->body));
}

/* Adds the list in field `i` to `out`, unless it is the one already there. */
static void
join_list(struct buf *out, const struct header *h, size_t i)
{
	char *text = tidy_unfold(h, i);
	size_t len = strlen(text);

	while (len != 0 && strchr(BLANK ",", text[len - 1]) != NULL)
		text[--len] = '\0';
	if (strcmp(out->data, text) != 0) {
		if (out->len != 0)
			buf_addstr(out, ", ");
		buf_addstr(out, text);
	}
	free(text);
}

/* The first that says something stays. */
static void
keep_one(struct header *h, size_t first)
{
	ptrdiff_t i;

	while ((i = header_find(h, h->fields[first].name, first + 1)) != -1) {
		if (is_empty(h->fields[first].body))
			header_set(h, first, h->fields[i].body);
		header_delete(h, (size_t)i);
	}
}

/* Mail::Mailer writes two To fields, PHP scripts do; both lists are meant. */
static void
join_all(struct header *h, size_t first)
{
	const char *name = h->fields[first].name;
	struct buf list;
	ptrdiff_t i;

	if (header_find(h, name, first + 1) == -1)
		return;
	buf_init(&list, 2 * HEADER_MAX);
	join_list(&list, h, first);
	while ((i = header_find(h, name, first + 1)) != -1) {
		join_list(&list, h, (size_t)i);
		header_delete(h, (size_t)i);
	}
	header_set(h, first, list.data);
	buf_release(&list);
}

static void
unite_fields(struct header *h)
{
	unsigned rules;
	size_t i;

	for (i = 0; i < h->count; i++) {
		rules = rules_of(h->fields[i].name);
		if ((rules & ONCE) != 0)
			keep_one(h, i);
		if ((rules & JOIN) != 0)
			join_all(h, i);
	}
}

/* Addresses in UTF-8 can stay, if the envelope says SMTPUTF8.  False if the field
 * gets too long: a lone 8-bit letter, encoded, takes ten times its room, and more
 * with a long charset name. */
static bool
encode_field(struct header *h, size_t i, const char *charset, bool smtputf8)
{
	const char *body = h->fields[i].body;
	struct buf out;
	unsigned rules;
	char *text;
	bool fits;

	if (!utf8_has_8bit(body, strlen(body)))
		return true;
	rules = rules_of(h->fields[i].name);
	buf_init(&out, HEADER_SENT_MAX);
	text = tidy_unfold(h, i);
	if ((rules & LIST) != 0)
		encoded_word_addresses(&out, text, charset, smtputf8);
	else if ((rules & TOKENS) != 0)
		encoded_word_tokens(&out, text, charset);
	else
		encoded_word_text(&out, text, charset);
	free(text);
	fits = !out.overflow;
	if (fits)
		header_set(h, i, out.data);
	buf_release(&out);
	return fits;
}

/* What no server takes need not be in memory first. */
static int
encode_fields(struct header *h, const char *charset, bool smtputf8,
    struct status *st)
{
	size_t i, octets = 0;

	for (i = 0; i < h->count; i++)
		if (!encode_field(h, i, charset, smtputf8) ||
		    (octets += strlen(h->fields[i].body)) > HEADER_SENT_MAX)
			return status_set(st, EX_DATAERR, "the header, encoded, "
			    "is over %d octets long", HEADER_SENT_MAX);
	return 0;
}

static int
refuse_loop(const struct header *h, struct status *st)
{
	size_t i, hops = 0;

	for (i = 0; i < h->count; i++)
		hops += strcasecmp(h->fields[i].name, "Received") == 0;
	if (hops < TIDY_RECEIVED_MAX)
		return 0;
	status_set(st, EX_DATAERR,
	    "mail loop: the message has %zu Received fields", hops);
	return status_hint(st, "look for a forwarder or an alias that sends "
	    "mail back to where it came from");
}

int
tidy_header(struct header *h, const char *charset, struct status *st)
{
	if (refuse_loop(h, st) == -1)
		return -1;
	header_remove_if(h, is_dropped, NULL);
	unite_fields(h);
	return encode_fields(h, charset, true, st);
}

int
tidy_ascii(struct header *h, const char *charset, struct status *st)
{
	return encode_fields(h, charset, false, st);
}
