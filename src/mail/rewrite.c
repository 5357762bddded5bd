/* SPDX-License-Identifier: ISC */
#include "mail/rewrite.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/xalloc.h"
#include "mail/address.h"
#include "mail/encoded_word.h"
#include "mail/tidy.h"

#define NAME_MAX_BYTES	1000	/* of a display name that we make up */

/* What became of a From or Resent-From field. */
enum verdict {
	ABSENT,
	KEPT,
	REWRITTEN
};

static bool
may_send_as(const struct rewrite_rules *r, const struct address *a)
{
	char *text = address_text(a);
	bool may = r->may_send_as(r->context, text);

	free(text);
	return may;
}

/* Somebody elsewhere who can be answered: written with a domain that has a dot
 * and is no name of this host, and in ASCII, for the header that recipients get
 * is mostly ASCII, where RFC 6857 leaves nothing to answer of another. */
static bool
is_foreign(const struct rewrite_rules *r, const struct address *a)
{
	return a->domain != NULL && a->domain[0] != '[' && !a->utf8 &&
	    strchr(a->domain, '.') != NULL &&
	    !r->is_host_name(r->context, a->domain);
}

/* The address as it may stand in a field: never bare. */
static char *
qualified(const struct rewrite_rules *r, const struct address *a)
{
	if (a->domain == NULL)
		return xasprintf("%s@%s", a->local, r->domain);
	return address_text(a);
}

/* Copies a name that came from outside: -F, GECOS or a decoded quoted string
 * may hold line ends and other controls.  Nothing injects a field. */
static char *
clean(const char *name, size_t len)
{
	struct buf b;
	size_t i;

	buf_init(&b, NAME_MAX_BYTES);
	for (i = 0; i < len && b.len < NAME_MAX_BYTES; i++) {
		if ((unsigned char)name[i] > ' ' && name[i] != 0x7f)
			buf_addch(&b, name[i]);
		else if (b.len != 0 && b.data[b.len - 1] != ' ')
			buf_addch(&b, ' ');
	}
	if (b.len != 0 && b.data[b.len - 1] == ' ')
		buf_truncate(&b, b.len - 1);
	return buf_detach(&b);
}

/* passwd(5), GECOS: the name ends at the first comma, and "&" stands for the
 * login name with a capital.  "" where it is the login name and no more, as that
 * of root, www-data and backup on many hosts: their mail is to name the host. */
static char *
gecos_name(const char *gecos, const char *user)
{
	size_t len = gecos == NULL ? 0 : strcspn(gecos, ",");
	struct buf b;
	char *name;
	size_t i;

	buf_init(&b, NAME_MAX_BYTES);
	for (i = 0; i < len; i++) {
		if (gecos[i] != '&') {
			buf_addch(&b, gecos[i]);
			continue;
		}
		buf_addch(&b, (char)toupper((unsigned char)user[0]));
		if (user[0] != '\0')
			buf_addstr(&b, user + 1);
	}
	name = clean(b.data, b.len);
	buf_release(&b);
	if (strcmp(name, user) == 0)
		name[0] = '\0';
	return name;
}

/* "NAME on HOST": NAME is the local part, or the calling user. */
static char *
name_on_host(const struct rewrite_rules *r, const struct address *a)
{
	const char *p = a != NULL ? a->local : r->user;
	struct buf b;
	char *name;

	buf_init(&b, 2 * NAME_MAX_BYTES);
	for (; *p != '\0'; p++)		/* a local part may be quoted */
		if (*p != '"' && *p != '\\')
			buf_addch(&b, *p);
	buf_addf(&b, " on %s", r->host);
	name = clean(b.data, b.len);
	buf_release(&b);
	return name;
}

/* -f, if this mailbox may use it, else the mailbox.  The null path is for
 * bounces from a mail server; a mailbox cannot have it (facts 2.3). */
static char *
reverse_path(const struct envelope *e, const struct rewrite_rules *r)
{
	struct status ignored = STATUS_INIT;
	struct address a = { 0 };
	char *path = NULL;

	if (e->sender != NULL && address_parse_path(&a, e->sender,
	    &ignored) == 0 && a.local[0] != '\0' && may_send_as(r, &a))
		path = qualified(r, &a);
	address_release(&a);
	return path != NULL ? path : xstrdup(r->mailbox);
}

static bool
is_null_sender(const struct envelope *e)
{
	return e->sender != NULL &&
	    (e->sender[0] == '\0' || strcmp(e->sender, "<>") == 0);
}

/* Keeps an old field under a new name.  It is text there and no list of
 * addresses any more: what was left 8-bit as an address is encoded now. */
static void
keep_as_text(struct header *h, const char *name, const char *old,
    const struct rewrite_rules *r)
{
	struct buf text;

	buf_init(&text, 32 * HEADER_MAX);
	encoded_word_text(&text, old, r->charset);
	header_append(h, name, text.data);
	buf_release(&text);
}

/* Keeps what a rewritten From said.  If all of its authors can be answered and
 * nobody else is named for that, they are where answers go; otherwise the field
 * stays readable as X-Original-From. */
static void
keep_old_from(struct header *h, const struct rewrite_rules *r,
    const struct address_list *list, const char *old)
{
	bool answerable = list->count != 0 && list->bad == 0 &&
	    header_find(h, "Reply-To", 0) == -1;
	struct buf addresses;
	char *text;
	size_t i;

	buf_init(&addresses, HEADER_MAX);
	for (i = 0; i < list->count && answerable; i++) {
		answerable = is_foreign(r, &list->items[i]);
		text = address_text(&list->items[i]);
		buf_addf(&addresses, i == 0 ? "%s" : ", %s", text);
		free(text);
	}
	if (answerable)
		header_append(h, "Reply-To", addresses.data);
	else
		keep_as_text(h, "X-Original-From", old, r);
	buf_release(&addresses);
}

/* Writes field `i` anew with the address given, and the name that it had. */
static void
set_author(struct header *h, size_t i, const struct rewrite_rules *r,
    const struct address *a, const char *address)
{
	char *name, *text;

	name = a != NULL && a->name != NULL && a->name[0] != '\0' ?
	    xstrdup(a->name) : name_on_host(r, a);
	text = tidy_mailbox(name, address);
	header_set(h, i, text);
	free(text);
	free(name);
}

/* How a list of authors stands: how many of them may be used, and the first of
 * those (else the first of all, NULL if none can be read). */
static size_t
usable_authors(const struct rewrite_rules *r, const struct address_list *list,
    const struct address **chosen)
{
	size_t i, usable = 0;

	*chosen = list->count != 0 ? &list->items[0] : NULL;
	for (i = 0; i < list->count; i++)
		if (may_send_as(r, &list->items[i]) && usable++ == 0)
			*chosen = &list->items[i];
	return usable;
}

/* Kept, but made fit for the server: a bare address gets its domain, and an "@"
 * in a name its quotes (without them Exchange may refuse the field). */
static void
mend_author(struct header *h, size_t i, const struct rewrite_rules *r,
    const struct address *a)
{
	char *address;

	if (a->domain != NULL && (a->name == NULL ||
	    strchr(a->name, '@') == NULL || a->is_comment_name))
		return;
	address = qualified(r, a);
	if (a->name != NULL)
		set_author(h, i, r, a, address);
	else
		header_set(h, i, address);
	free(address);
}

/* Judges a From or Resent-From field (design section 6).  Of several authors
 * all are kept if all may be used; else the first usable one stands alone. */
static enum verdict
judge(struct header *h, const char *field, const struct rewrite_rules *r,
    struct address_list *list)
{
	struct status ignored = STATUS_INIT;
	ptrdiff_t i = header_find(h, field, 0);
	const struct address *chosen;
	char *address, *old;
	size_t usable;

	if (i == -1)
		return ABSENT;
	old = tidy_unfold(h, (size_t)i);
	address_parse_list(list, old, strlen(old), &ignored);
	usable = usable_authors(r, list, &chosen);
	if (usable != 0 && usable == list->count && list->bad == 0) {
		if (usable == 1)
			mend_author(h, (size_t)i, r, chosen);
		free(old);
		return KEPT;
	}
	address = usable != 0 ? qualified(r, chosen) : xstrdup(r->mailbox);
	set_author(h, (size_t)i, r, chosen, address);
	free(address);
	if (strcasecmp(field, "From") == 0)
		keep_old_from(h, r, list, old);
	else
		keep_as_text(h, "X-Original-Resent-From", old, r);
	free(old);
	return REWRITTEN;
}

/* Exchange judges Sender as it judges From: one that the mailbox may not use
 * would get a message refused whose From is fine.  So it goes in both cases,
 * unless From stands and Sender may be used too. */
static void
judge_sender(struct header *h, const char *field, enum verdict from,
    const struct rewrite_rules *r)
{
	struct address_list list = ADDRESS_LIST_INIT;
	struct status ignored = STATUS_INIT;
	char *text = header_value(h, field);

	if (text == NULL)
		return;
	address_parse_list(&list, text, strlen(text), &ignored);
	if (from == REWRITTEN || list.count != 1 ||
	    !may_send_as(r, &list.items[0]))
		header_remove(h, field);
	address_list_release(&list);
	free(text);
}

/* No From: the full name and the address that sends. */
static void
add_from(struct header *h, const struct envelope *e,
    const struct rewrite_rules *r, const char *address)
{
	char *name, *text;

	if (e->full_name != NULL)
		name = clean(e->full_name, strlen(e->full_name));
	else
		name = gecos_name(r->gecos, r->user);
	if (name[0] == '\0') {
		free(name);
		name = name_on_host(r, NULL);
	}
	text = tidy_mailbox(name, address);
	header_append(h, "From", text);
	free(text);
	free(name);
}

static void
rewrite_authors(struct header *h, const struct envelope *e,
    const struct rewrite_rules *r, struct rewrite_result *result)
{
	struct address_list from = ADDRESS_LIST_INIT;
	struct address_list resent = ADDRESS_LIST_INIT;
	enum verdict author, resender, decisive;

	resender = judge(h, "Resent-From", r, &resent);
	judge_sender(h, "Resent-Sender", resender, r);
	author = judge(h, "From", r, &from);
	judge_sender(h, "Sender", author, r);
	/* The reverse-path agrees with the field that is judged. */
	decisive = resender != ABSENT ? resender : author;
	result->mail_from = decisive == REWRITTEN ?
	    xstrdup(r->mailbox) : reverse_path(e, r);
	if (author == ABSENT)
		add_from(h, e, r, result->mail_from);
	else if (from.count != 0)
		result->from = address_text(&from.items[0]);
	/* RFC 5322 3.6.2: several authors need a Sender; Exchange insists. */
	if (author == KEPT && from.count > 1 &&
	    header_find(h, "Sender", 0) == -1)
		header_append(h, "Sender", r->mailbox);
	result->from_rewritten = author == REWRITTEN;
	address_list_release(&from);
	address_list_release(&resent);
}

static void
add_missing(struct header *h, const struct rewrite_rules *r,
    const char *mail_from)
{
	static const char *const visible[] = {
		"To", "Cc", "Resent-To", "Resent-Cc"
	};
	const char *at = strrchr(mail_from, '@');
	char *id;
	size_t i;

	if (header_find(h, "Date", 0) == -1)
		header_append(h, "Date", r->date);
	if (header_find(h, "Message-ID", 0) == -1) {
		id = xasprintf("<%s@%s>", r->message_id,
		    at != NULL ? at + 1 : r->domain);
		header_append(h, "Message-ID", id);
		free(id);
	}
	for (i = 0; i < sizeof visible / sizeof *visible; i++)
		if (header_find(h, visible[i], 0) != -1)
			return;
	header_append(h, "To", "undisclosed-recipients:;");
}

int
rewrite_header(struct header *h, const struct envelope *e,
    const struct rewrite_rules *rules, struct rewrite_result *result,
    struct status *st)
{
	*result = (struct rewrite_result){ 0 };
	if (tidy_header(h, rules->charset, st) == -1)
		return -1;
	rewrite_authors(h, e, rules, result);
	/* RFC 6376 5.4: every signature covers From, so all are broken now, and
	 * a broken one looks like a forgery to some. */
	if (result->from_rewritten)
		result->dkim_dropped =
		    header_remove(h, "DKIM-Signature") != 0;
	if (is_null_sender(e) && header_find(h, "Auto-Submitted", 0) == -1)
		header_append(h, "Auto-Submitted", "auto-generated");
	add_missing(h, rules, result->mail_from);
	return 0;
}

void
rewrite_result_release(struct rewrite_result *r)
{
	free(r->mail_from);
	free(r->from);
	*r = (struct rewrite_result){ 0 };
}

char *
rewrite_sender_address(const struct header *h)
{
	struct address_list list = ADDRESS_LIST_INIT;
	struct status ignored = STATUS_INIT;
	char *text = header_value(h, "Resent-From"), *address = NULL;

	if (text == NULL)
		text = header_value(h, "From");
	if (text == NULL)
		return NULL;
	address_parse_list(&list, text, strlen(text), &ignored);
	if (list.count != 0)
		address = address_text(&list.items[0]);
	address_list_release(&list);
	free(text);
	return address;
}
