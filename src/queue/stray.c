/* SPDX-License-Identifier: ISC */
#include "queue/stray.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "queue/state_file.h"

#define KIND		"stray"
#define KEY		"senders"
#define DAY		(24 * 60 * 60)
#define REFRESHED_AFTER	(60 * 60)

#define AT(i, member) \
	(offsetof(struct strays, items[i]) + offsetof(struct stray, member))
#define ENTRY(i) \
	FIELD_PLAIN("seen" #i, FIELD_NUMBER, AT(i, seen), FIELD_TIME_LAST), \
	FIELD_PLAIN("uid" #i, FIELD_UID, AT(i, uid), UINT32_MAX), \
	FIELD_PLAIN("from" #i, FIELD_CHARS, AT(i, address), \
	    sizeof ((struct stray *)0)->address - 1)
/* Three pairs each; SEALED_PAIRS is the most that a record has. */
static const struct field fields[] = {
	ENTRY(0), ENTRY(1), ENTRY(2), ENTRY(3), ENTRY(4),
	ENTRY(5), ENTRY(6), ENTRY(7), ENTRY(8), ENTRY(9),
	FIELD_LAST
};
#undef ENTRY
#undef AT
_Static_assert(3 * STRAYS_MAX <= SEALED_PAIRS, "a record for all of them");

/* NULL for what is no address with a domain. */
static const char *
domain_of(const char *address)
{
	const char *at = strrchr(address, '@');

	return at != NULL && at[1] != '\0' ? at + 1 : NULL;
}

/* A time to come says that the clock was set, or that the file is not ours. */
static bool
is_recent(const struct stray *s, int64_t now)
{
	return s->seen <= now && now - s->seen < STRAY_DAYS * DAY &&
	    domain_of(s->address) != NULL;
}

/* What still counts, moved together. */
static void
load(struct strays *list, struct state_file *f)
{
	struct strays stored = { .count = 0 };
	int64_t now = clock_wall();
	size_t i;

	*list = (struct strays){ .count = 0 };
	if (state_file_read(f, fields, &stored, NULL, NULL) == -1)
		return;
	for (i = 0; i < STRAYS_MAX; i++)
		if (is_recent(&stored.items[i], now))
			list->items[list->count++] = stored.items[i];
}

static struct stray *
find(struct strays *list, const char *domain)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (strcasecmp(domain_of(list->items[i].address), domain) == 0)
			return &list->items[i];
	return NULL;
}

/* A place for one more: a free one, else that of the oldest; a user who has all
 * that is his loses one of his own. */
static struct stray *
make_room(struct strays *list, uid_t uid)
{
	struct stray *s, *oldest = NULL, *oldest_own = NULL;
	size_t i, own = 0;

	for (i = 0; i < list->count; i++) {
		s = &list->items[i];
		if (oldest == NULL || s->seen < oldest->seen)
			oldest = s;
		if (s->uid != uid)
			continue;
		own++;
		if (oldest_own == NULL || s->seen < oldest_own->seen)
			oldest_own = s;
	}
	if (own >= STRAYS_OF_USER)
		return oldest_own;
	return list->count < STRAYS_MAX ? &list->items[list->count++] : oldest;
}

/* Whether the domain is known since lately: then nothing need be written. */
static bool
is_noted(struct strays *list, const char *domain)
{
	const struct stray *s = find(list, domain);

	return s != NULL && clock_wall() - s->seen < REFRESHED_AFTER;
}

static void
put(struct strays *list, uid_t uid, const char *address)
{
	struct stray *s = find(list, domain_of(address));

	if (s == NULL)
		s = make_room(list, uid);
	*s = (struct stray){ .seen = clock_wall(), .uid = uid };
	status_printable(s->address, sizeof s->address, address);
}

void
stray_note(const struct config *c, uid_t uid, const char *address)
{
	struct strays list;
	struct state_file f;

	if (domain_of(address) == NULL ||
	    strlen(address) >= sizeof list.items[0].address)
		return;
	stray_list(c, &list);
	if (is_noted(&list, domain_of(address)) ||
	    state_file_open(&f, c, KIND, KEY, true) == -1)
		return;
	load(&list, &f);	/* others note too */
	put(&list, uid, address);
	(void)state_file_write(&f, fields, &list, NULL, NULL);
	state_file_close(&f);
}

void
stray_list(const struct config *c, struct strays *list)
{
	struct state_file f;

	*list = (struct strays){ .count = 0 };
	if (state_file_open(&f, c, KIND, KEY, false) == -1)
		return;
	load(list, &f);
	state_file_close(&f);
}
