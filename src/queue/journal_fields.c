/* SPDX-License-Identifier: ISC */
#include "queue/journal_fields.h"

#include <string.h>

#define SIZE_LAST	(INT64_C(1) << 50)

/* A path as it stands between < and > in an SMTP command: nothing that ends it
 * early outside of a quoted string, RFC 5321 4.1.2. */
static bool
is_path(const char *s)
{
	bool quoted = false;

	if (!sealed_is_line(s))
		return false;
	for (; *s != '\0'; s++) {
		if (*s == '"')
			quoted = !quoted;
		else if (quoted && *s == '\\' && s[1] != '\0')
			s++;
		else if (!quoted && strchr(" <>", *s) != NULL)
			return false;
	}
	return !quoted;
}

static bool
is_recipient(const char *s)
{
	return *s != '\0' && is_path(s);
}

/* Goes into no command, but onto terminals. */
static bool
is_unusable(const char *s)
{
	return *s != '\0' && sealed_is_line(s);
}

/* Goes into a command or a Message-ID as it is: visible ASCII. */
static bool
is_word(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s >= 0x7f || *s == '<' || *s == '>')
			return false;
	return true;
}

static bool
is_ret(const char *s)
{
	return strcmp(s, "FULL") == 0 || strcmp(s, "HDRS") == 0;
}

static bool
is_notify(const char *s)
{
	return s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ,")] == '\0';
}

static const char *const state_words[] = {
	[RECIPIENT_PENDING] = "pending", [RECIPIENT_ACCEPTED] = "accepted",
	[RECIPIENT_DELIVERED] = "delivered",
	[RECIPIENT_DEFERRED] = "deferred", [RECIPIENT_REFUSED] = "refused",
	[RECIPIENT_REPLACED] = "replaced",
	NULL
};

#define AT(member) offsetof(struct journal_count, member)
const struct field journal_count_fields[] = {
	FIELD_PLAIN("version", FIELD_NUMBER, AT(version), JOURNAL_VERSION),
	FIELD_PLAIN("recipients", FIELD_NUMBER, AT(recipients),
	    JOURNAL_RECIPIENTS_MAX),
	FIELD_LAST
};
#undef AT

#define AT(member) offsetof(struct submission, member)
const struct field journal_submission_fields[] = {
	FIELD_PLAIN("uid", FIELD_UID, AT(uid), UINT32_MAX),
	FIELD_PLAIN("received", FIELD_NUMBER, AT(received), FIELD_TIME_LAST),
	FIELD_PLAIN("size", FIELD_NUMBER, AT(message.size), SIZE_LAST),
	FIELD_PLAIN("body", FIELD_NUMBER, AT(message.body_offset), SIZE_LAST),
	FIELD_CHECKED("sender", FIELD_TEXT, AT(envelope.sender), ADDRESS_MAX,
	    is_path),
	FIELD_CHECKED("full-name", FIELD_TEXT, AT(envelope.full_name), 4000,
	    sealed_is_line),
	FIELD_CHECKED("account", FIELD_TEXT, AT(account), 64, sealed_is_name),
	FIELD_PLAIN("date", FIELD_CHARS, AT(date), 39),
	FIELD_CHECKED("message-id", FIELD_CHARS, AT(message_id), 63, is_word),
	FIELD_CHECKED("charset", FIELD_TEXT, AT(charset), 100, is_word),
	FIELD_CHECKED("tag", FIELD_TEXT, AT(tag), 1000, sealed_is_line),
	FIELD_CHECKED("envid", FIELD_TEXT, AT(envelope.envid), 400, is_word),
	FIELD_CHECKED("ret", FIELD_CHARS, AT(envelope.ret), 7, is_ret),
	FIELD_CHECKED("notify", FIELD_CHARS, AT(envelope.notify), 31,
	    is_notify),
	FIELD_LAST
};
#undef AT

#define AT(member) offsetof(struct recipient, member)
const struct field journal_recipient_fields[] = {
	FIELD_CHECKED("address", FIELD_TEXT, AT(address), ADDRESS_MAX,
	    is_recipient),
	FIELD_CHECKED("original", FIELD_TEXT, AT(original), 4 * ADDRESS_MAX,
	    is_word),
	FIELD_PLAIN("utf8", FIELD_FLAG, AT(utf8), 1),
	FIELD_LAST
};

const struct field journal_unusable_fields[] = {
	FIELD_CHECKED("text", FIELD_TEXT, AT(address), ADDRESS_MAX,
	    is_unusable),
	FIELD_LAST
};
#undef AT

#define AT(member) offsetof(struct journal_state, member)
const struct field journal_state_fields[] = {
	FIELD_CHOICE("is", AT(is), state_words),
	FIELD_PLAIN("of", FIELD_TEXT, AT(of), SEALED_MAX),
	FIELD_LAST
};
#undef AT

#define AT(member) offsetof(struct journal_attempt, member)
const struct field journal_attempt_fields[] = {
	FIELD_PLAIN("at", FIELD_NUMBER, AT(at), FIELD_TIME_LAST),
	FIELD_PLAIN("next", FIELD_NUMBER, AT(next), FIELD_TIME_LAST),
	FIELD_PLAIN("number", FIELD_INT, AT(number), 1000000),
	FIELD_CHECKED("account", FIELD_TEXT, AT(account), 64, sealed_is_name),
	FIELD_LAST
};
#undef AT

const struct field journal_mark_fields[] = {
	FIELD_PLAIN("at", FIELD_NUMBER, offsetof(struct journal_time, at),
	    FIELD_TIME_LAST),
	FIELD_LAST
};
