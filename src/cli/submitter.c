/* SPDX-License-Identifier: ISC
 *
 * What a process needs to take messages in, and what every submission begins
 * with: the first half of submit.h.
 */
#include <errno.h>
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "base/starter.h"
#include "base/xalloc.h"
#include "cli/confine.h"
#include "cli/dsn.h"
#include "cli/submit.h"

/* The directory for messages too long for memory: the spool, so that keeping
 * them needs no copy; the state directory where there is no spool. */
static void
open_directory(struct submitter *s)
{
	struct status ignored;

	s->directory = -1;
	if (s->has_spool)
		s->directory = spool_message_directory(&s->spool);
	else if (s->config.state_directory != NULL)
		s->directory = safefile_open_directory(
		    s->config.state_directory, s->caller->identity->uid,
		    &ignored);
}

int64_t
submitter_reserve(const struct submitter *s)
{
	return 2 * s->config.spool_reserve;
}

/* A config that is wrong costs nobody his mail: with the defaults, which know a
 * spool but no account, everything is kept until it is mended.  Where there is
 * no config at all, where it wants no spool, and under -C, the caller is told
 * instead. */
static int
load_config(struct submitter *s, struct status *st)
{
	const struct config_source *source = &s->caller->source;
	struct status wrong = STATUS_INIT, ignored;
	bool missing;

	if (config_load(&s->config, source, &wrong) == 0)
		return 0;
	missing = errno == ENOENT;
	s->config_status = wrong;
	if (missing || source->given || !config_may_spool(source) ||
	    config_default(&s->config, source, &ignored) == -1) {
		*st = wrong;
		return -1;
	}
	return 0;
}

static void
open_spool(struct submitter *s)
{
	if (!s->config.spool)
		return;
	if (spool_open(&s->spool, &s->config, &s->spool_status) == 0)
		s->has_spool = true;
	else
		log_line(LOG_ERR, "no spool: %s", s->spool_status.text);
}

int
submitter_open(struct submitter *s, const struct caller *caller,
    struct status *st)
{
	struct status log_status;

	*s = (struct submitter){ .caller = caller, .directory = -1 };
	if (load_config(s, st) == -1)
		return -1;
	/* Who is confined already has it open, and could not open it again. */
	if (!starter_is_used() &&
	    log_open("mailbearer", s->config.log, &log_status) == -1)
		log_line(LOG_WARNING, "%s", log_status.text);
	open_spool(s);
	if (s->config_status.sysexit != EX_OK && !s->has_spool) {
		*st = s->config_status;
		submitter_close(s);
		return -1;
	}
	/* It makes the state directory where there is none yet. */
	confine_sender(caller, &s->config);
	open_directory(s);
	return 0;
}

void
submitter_close(struct submitter *s)
{
	confine_end();
	if (s->has_spool)
		spool_close(&s->spool);
	else if (s->directory != -1)
		close(s->directory);
	config_release(&s->config);
}

/* Unique without asking anyone: time and 80 random bits. */
static int
make_message_id(char *id, size_t size, struct status *st)
{
	unsigned char bytes[10];
	char hex[2 * sizeof bytes + 1];

	if (getentropy(bytes, sizeof bytes) == -1)
		return status_set_errno(st, EX_OSERR, "no random bytes");
	hex_encode(hex, bytes, sizeof bytes);
	snprintf(id, size, "%llx.%s", (long long)clock_wall(), hex);
	return 0;
}

static char *
xtext(const char *text)
{
	struct buf b;

	buf_init(&b, 1000);
	xtext_encode(&b, text);
	return buf_detach(&b);
}

/* -f as the path it means; '' and '<>' are the null path. */
static int
set_sender(struct submission *m, const char *sender, struct status *st)
{
	struct address a;

	if (address_parse_path(&a, sender, st) == -1)
		return status_context(st, "-f");
	m->envelope.sender = address_text(&a);
	address_release(&a);
	return 0;
}

int
submission_begin(struct submission *m, const struct submitter *s,
    struct status *st)
{
	const struct options *o = s->caller->options;

	*m = (struct submission)SUBMISSION_INIT;
	m->uid = s->caller->identity->caller;
	m->received = clock_wall();
	clock_rfc5322(m->received, m->date);
	if (make_message_id(m->message_id, sizeof m->message_id, st) == -1)
		return -1;
	m->account = xstrdup(o->account);
	if (s->caller->identity->charset[0] != '\0')
		m->charset = xstrdup(s->caller->identity->charset);
	m->tag = xstrdup(o->tag);
	m->envelope.full_name = xstrdup(o->full_name);
	if (o->envid != NULL)
		m->envelope.envid = xtext(o->envid);
	if (o->ret != NULL)
		dsn_upper_case(m->envelope.ret, sizeof m->envelope.ret, o->ret);
	if (o->notify != NULL)
		dsn_upper_case(m->envelope.notify, sizeof m->envelope.notify,
		    o->notify);
	return o->sender != NULL ? set_sender(m, o->sender, st) : 0;
}
