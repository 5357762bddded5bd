/* SPDX-License-Identifier: ISC */
#include "smtp/sasl.h"

#include <string.h>

#include "base/encode.h"

static bool
has_control_bytes(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	for (; *p != '\0'; p++)
		if (*p < 0x20 || *p == 0x7f)
			return true;
	return false;
}

int
sasl_check(const struct sasl_input *in, struct status *st)
{
	if (in->user == NULL || *in->user == '\0')
		return status_set(st, EX_CONFIG, "no user to authenticate as");
	if (in->secret == NULL || *in->secret == '\0')
		return status_set(st, EX_CONFIG, "no token or password for %s",
		    in->user);
	if (has_control_bytes(in->user))
		return status_set(st, EX_CONFIG, "control characters in the "
		    "user name %s", in->user);
	if (has_control_bytes(in->secret))
		return status_set(st, EX_CONFIG, "control characters in the "
		    "token or password of %s", in->user);
	return 0;
}

void
sasl_xoauth2(struct buf *out, const struct sasl_input *in)
{
	buf_addstr(out, "user=");
	buf_addstr(out, in->user);
	buf_addstr(out, "\001auth=Bearer ");
	buf_addstr(out, in->secret);
	buf_addstr(out, "\001\001");
}

/* RFC 5801 4: '=' and ',' may not stand in a saslname as they are. */
static void
add_saslname(struct buf *out, const char *name)
{
	for (; *name != '\0'; name++)
		if (*name == '=')
			buf_addstr(out, "=3D");
		else if (*name == ',')
			buf_addstr(out, "=2C");
		else
			buf_addch(out, *name);
}

void
sasl_oauthbearer(struct buf *out, const struct sasl_input *in)
{
	buf_addstr(out, "n,a=");
	add_saslname(out, in->user);
	buf_addf(out, ",\001host=%s\001port=%d\001auth=Bearer ", in->host,
	    in->port);
	buf_addstr(out, in->secret);
	buf_addstr(out, "\001\001");
}

void
sasl_plain(struct buf *out, const struct sasl_input *in)
{
	buf_addch(out, '\0');
	buf_addstr(out, in->user);
	buf_addch(out, '\0');
	buf_addstr(out, in->secret);
}

bool
sasl_decode_challenge(struct buf *out, const char *challenge)
{
	size_t from = out->len;

	if (*challenge == '\0' ||
	    base64_decode(out, challenge, strlen(challenge)) == -1)
		return false;
	if (strlen(out->data + from) == out->len - from)
		return true;
	buf_truncate(out, from);
	return false;
}
