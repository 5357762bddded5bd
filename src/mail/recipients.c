/* SPDX-License-Identifier: ISC */
#include "mail/recipients.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/encode.h"
#include "base/xalloc.h"
#include "mail/tidy.h"

#define ORIGINAL_MAX	(3 * ADDRESS_MAX + 20)

static bool
is_one_of(const char *name, const char *const *names, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

static int
take_field(struct address_list *given, const struct header *h, size_t i,
    struct status *st)
{
	const char *body = h->fields[i].body;

	return address_parse_list(given, body, strlen(body), st);
}

static bool
is_resent(const struct header_field *field)
{
	return strncasecmp(field->name, "Resent-", strlen("Resent-")) == 0;
}

/* The recipients of the first block of Resent-* fields.  The next one begins
 * where a name comes a second time; those whom older blocks name have their
 * mail. */
static int
take_resent(struct address_list *given, const struct header *h,
    struct status *st)
{
	static const char *const names[] = {
		"Resent-To", "Resent-Cc", "Resent-Bcc"
	};
	const char *name;
	size_t i;

	for (i = 0; i < h->count; i++) {
		if (!is_resent(&h->fields[i]))
			continue;
		name = h->fields[i].name;
		if (header_find(h, name, 0) != (ptrdiff_t)i)
			break;
		if (is_one_of(name, names, 3) &&
		    take_field(given, h, i, st) == -1)
			return -1;
	}
	return 0;
}

static bool
was_resent(const struct header *h)
{
	return header_find(h, "Resent-From", 0) != -1 ||
	    header_find(h, "Resent-To", 0) != -1 ||
	    header_find(h, "Resent-Cc", 0) != -1 ||
	    header_find(h, "Resent-Bcc", 0) != -1;
}

static int
take_header(struct address_list *given, const struct header *h,
    struct status *st)
{
	static const char *const names[] = { "To", "Cc", "Bcc" };
	size_t i;

	if (was_resent(h))
		return take_resent(given, h, st);
	for (i = 0; i < h->count; i++)
		if (is_one_of(h->fields[i].name, names, 3) &&
		    take_field(given, h, i, st) == -1)
			return -1;
	return 0;
}

static int
take_argument(struct address_list *given, const char *argument,
    struct status *st)
{
	const char *p;

	for (p = argument; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return status_set(st, EX_USAGE,
			    "control character in the recipient %.200s",
			    argument);
	return address_parse_list(given, argument, strlen(argument), st);
}

/* `from_header`: then it is no command line that is to be corrected. */
static int
no_usable(const struct address_list *given, bool from_header, struct status *st)
{
	char text[2 * ADDRESS_BAD_TEXT], more[40] = "";
	size_t told = address_list_bad(given, 0, text, sizeof text);

	if (told != given->bad)
		snprintf(more, sizeof more, ", and %zu more",
		    given->bad - told);
	status_set(st, EX_USAGE, "no usable recipient: %s%s", text, more);
	return status_hint(st, "correct %s: an address is written "
	    "user@domain.example or Name <user@domain.example>", from_header ?
	    "To, Cc or Bcc of the message" : "the recipients");
}

int
recipients_collect(struct address_list *given, char *const *arguments,
    size_t count, const struct header *h, struct status *st)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (take_argument(given, arguments[i], st) == -1)
			return -1;
	if (h != NULL && take_header(given, h, st) == -1)
		return -1;
	if (given->count != 0)
		return 0;
	if (given->bad != 0)
		return no_usable(given, h != NULL && count == 0, st);
	status_set(st, EX_USAGE, "no recipients");
	return status_hint(st, h != NULL ?
	    "the message names nobody in To, Cc or Bcc" :
	    "name them as arguments, or use -t to take them from the message");
}

void
recipients_keep_unusable(struct envelope *e, const struct address_list *given)
{
	size_t i;

	for (i = 0; i < given->bad && i < ADDRESS_BAD_MAX; i++)
		if (strchr(given->bad_texts[i], '@') != NULL)
			envelope_add_unusable(e, given->bad_texts[i]);
}

/* RFC 3461 4.2.  A local name had no domain of its own: it gets ours, so that
 * the report makes sense where it is read. */
static char *
original_recipient(const struct local *l, const struct address *a)
{
	struct address full = { .local = a->local };
	struct buf b;
	char *text;

	full.domain = xstrdup(a->domain);
	address_qualify(&full, l->rules->domain);
	text = address_text(&full);
	buf_init(&b, ORIGINAL_MAX);
	buf_addstr(&b, "rfc822;");
	xtext_encode(&b, text);
	free(text);
	free(full.domain);
	return buf_detach(&b);
}

int
recipients_resolve(struct envelope *e, const struct address_list *given,
    struct local *l, bool with_original, struct status *st)
{
	const struct address *a;
	size_t i, before;

	for (i = 0; i < given->count; i++) {
		a = &given->items[i];
		before = e->count;
		if (local_resolve(l, a, e, st) == -1)
			return -1;
		if (!with_original || !local_is(l, a))
			continue;
		for (; before < e->count; before++)
			e->recipients[before].original =
			    original_recipient(l, a);
	}
	return 0;
}

/* The address as others may see it: while the alias file cannot be used, the
 * name at our domain. */
static char *
shown_address(const struct address *a, struct local *l)
{
	struct envelope to = ENVELOPE_INIT;
	struct address here = { .local = a->local };
	struct status ignored = STATUS_INIT;
	char *text;

	if (!local_is(l, a))
		return address_text(a);
	local_resolve(l, a, &to, &ignored);
	if (to.count != 0)
		text = xstrdup(to.recipients[0].address);
	else {
		address_qualify(&here, l->rules->domain);
		text = address_text(&here);
		free(here.domain);
	}
	envelope_release(&to);
	return text;
}

static void
set_list(struct header *h, size_t i, const struct address_list *list,
    struct local *l)
{
	char *address, *text;
	struct buf b;
	size_t n;

	buf_init(&b, 4 * HEADER_MAX);
	for (n = 0; n < list->count; n++) {
		address = shown_address(&list->items[n], l);
		text = tidy_mailbox(list->items[n].name, address);
		buf_addf(&b, n == 0 ? "%s" : ", %s", text);
		free(text);
		free(address);
	}
	if (!b.overflow)
		header_set(h, i, b.data);
	buf_release(&b);
}

void
recipients_show(struct header *h, struct local *l)
{
	static const char *const names[] = {
		"To", "Cc", "Resent-To", "Resent-Cc"
	};
	struct status ignored = STATUS_INIT;
	size_t i, n;

	for (i = 0; i < h->count; i++) {
		struct address_list list = ADDRESS_LIST_INIT;

		if (!is_one_of(h->fields[i].name, names, 4))
			continue;
		take_field(&list, h, i, &ignored);
		for (n = 0; n < list.count; n++)
			if (local_is(l, &list.items[n]))
				break;
		if (n < list.count)
			set_list(h, i, &list, l);
		address_list_release(&list);
	}
}

int
recipients_redirect(struct envelope *to, const struct envelope *from,
    const char *address, struct header *h, struct status *st)
{
	struct address a = { 0 };
	size_t i;

	if (address_parse_path(&a, address, st) == -1)
		return status_context(st, "deliver-all-to");
	to->sender = xstrdup(from->sender);
	to->full_name = xstrdup(from->full_name);
	to->envid = xstrdup(from->envid);
	memcpy(to->ret, from->ret, sizeof to->ret);
	memcpy(to->notify, from->notify, sizeof to->notify);
	envelope_add(to, &a);
	address_release(&a);
	for (i = 0; i < from->count; i++)
		if (from->recipients[i].state == RECIPIENT_PENDING)
			header_append(h, "X-Original-To",
			    from->recipients[i].address);
	return 0;
}
