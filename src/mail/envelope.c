/* SPDX-License-Identifier: ISC */
#include "mail/envelope.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/encode.h"
#include "base/xalloc.h"

#define SLOTS_MIN 32

/* RFC 5321 2.4 lets a host tell "Joe" from "joe"; nobody does, and two copies
 * of a message are the likelier harm. */
static uint64_t
hash_of(const char *address)
{
	uint64_t hash = HASH_INIT;
	char c;

	for (; *address != '\0'; address++) {
		c = *address;
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		hash = hash_add(hash, &c, 1);
	}
	return hash;
}

/* The slot that names this address, or the empty one where it belongs.  Slots
 * hold the index of a recipient plus one, 0 is empty. */
static size_t *
slot_of(struct envelope *e, const char *address)
{
	size_t mask = e->slot_count - 1;
	size_t i = (size_t)hash_of(address) & mask;

	while (e->slots[i] != 0 && strcasecmp(address,
	    e->recipients[e->slots[i] - 1].address) != 0)
		i = (i + 1) & mask;
	return &e->slots[i];
}

/* Keeps the table at most half full, and true to a list of recipients that
 * somebody else has filled. */
static void
prepare_slots(struct envelope *e)
{
	size_t i;

	if (e->slotted == e->count && 2 * (e->count + 1) <= e->slot_count)
		return;
	if (e->slot_count == 0)
		e->slot_count = SLOTS_MIN;
	while (2 * (e->count + 1) > e->slot_count)
		e->slot_count *= 2;
	free(e->slots);
	e->slots = xcalloc(e->slot_count, sizeof *e->slots);
	for (i = 0; i < e->count; i++)
		*slot_of(e, e->recipients[i].address) = i + 1;
	e->slotted = e->count;
}

static void
release(struct recipient *r)
{
	free(r->address);
	free(r->original);
	fate_release(r->fate);
}

/* The recipient is the envelope's from then on. */
static void
add(struct envelope *e, struct recipient *r)
{
	size_t *slot;

	prepare_slots(e);
	slot = slot_of(e, r->address);
	if (*slot != 0) {
		release(r);
		return;
	}
	if (e->count == e->cap) {
		e->cap = e->cap == 0 ? 8 : 2 * e->cap;
		e->recipients = xreallocarray(e->recipients, e->cap,
		    sizeof *e->recipients);
	}
	e->recipients[e->count] = *r;
	*slot = ++e->count;
	e->slotted = e->count;
}

void
envelope_add(struct envelope *e, const struct address *a)
{
	struct recipient r = { .address = address_text(a), .utf8 = a->utf8 };

	add(e, &r);
}

void
recipient_set_unusable(struct recipient *r)
{
	struct status st;

	status_set(&st, EX_USAGE, "the recipient is no address");
	st.scope = SCOPE_RECIPIENT;
	status_remote(&st, 0, "5.1.3", "");
	status_hint(&st, "mend it where the message is made, and hand the "
	    "message in again for whom it was meant");
	recipient_settle(r, RECIPIENT_UNUSABLE, &st);
}

void
envelope_add_unusable(struct envelope *e, const char *text)
{
	struct recipient r = { .address = xstrdup(text) };

	recipient_set_unusable(&r);
	add(e, &r);
}

void
envelope_move(struct envelope *e, struct envelope *from)
{
	size_t i;

	for (i = 0; i < from->count; i++)
		add(e, &from->recipients[i]);
	from->count = 0;
}

void
envelope_close(struct envelope *e)
{
	free(e->slots);
	e->slots = NULL;
	e->slot_count = e->slotted = 0;
}

const struct fate *
recipient_fate(const struct recipient *r)
{
	return r->fate != NULL ? r->fate : &fate_none;
}

void
recipient_status(const struct recipient *r, struct status *st)
{
	fate_status(recipient_fate(r), st);
}

void
recipient_share(struct recipient *r, enum recipient_state state, struct fate *f)
{
	fate_hold(f);	/* first: it may be the one that goes */
	fate_release(r->fate);
	r->fate = f;
	r->state = state;
}

void
recipient_settle(struct recipient *r, enum recipient_state state,
    const struct status *st)
{
	fate_release(r->fate);
	r->fate = fate_new(st);
	r->state = state;
}

const struct recipient *
envelope_first(const struct envelope *e, enum recipient_state state)
{
	size_t i;

	for (i = 0; i < e->count; i++)
		if (e->recipients[i].state == state)
			return &e->recipients[i];
	return NULL;
}

size_t
envelope_count(const struct envelope *e, enum recipient_state state)
{
	size_t i, count = 0;

	for (i = 0; i < e->count; i++)
		count += e->recipients[i].state == state;
	return count;
}

void
envelope_settle(struct envelope *e, enum recipient_state from,
    enum recipient_state to, const struct status *st)
{
	struct fate *f = fate_new(st);
	size_t i;

	for (i = 0; i < e->count; i++)
		if (e->recipients[i].state == from)
			recipient_share(&e->recipients[i], to, f);
	fate_release(f);
}

void
envelope_truncate(struct envelope *e, size_t count)
{
	while (e->count > count)
		release(&e->recipients[--e->count]);
}

void
envelope_release(struct envelope *e)
{
	envelope_truncate(e, 0);
	free(e->recipients);
	free(e->slots);
	free(e->sender);
	free(e->full_name);
	free(e->envid);
	*e = (struct envelope)ENVELOPE_INIT;
}
