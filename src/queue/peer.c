/* SPDX-License-Identifier: ISC */
#include "queue/peer.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/encode.h"

#define REMEMBERED_FOR	(24 * 60 * 60)

#define AT(member) offsetof(struct peer, member)
static const struct field fields[] = {
	FIELD_PLAIN("two-step", FIELD_NUMBER, AT(two_step), FIELD_TIME_LAST),
	FIELD_PLAIN("no-bdat", FIELD_NUMBER, AT(no_bdat), FIELD_TIME_LAST),
	FIELD_PLAIN("no-resume", FIELD_NUMBER, AT(no_resume), FIELD_TIME_LAST),
	FIELD_LAST
};
#undef AT

static uint64_t
add_text(uint64_t hash, const char *text)
{
	return text != NULL ? hash_add(hash, text, strlen(text) + 1) :
	    hash_add(hash, "\n", 1);
}

void
peer_key(char key[STATE_KEY_SIZE], const struct config *c,
    const struct account *a)
{
	char host[25], numbers[40];
	uint64_t hash;
	size_t i;

	for (i = 0; i < sizeof host - 1 && a->host[i] != '\0'; i++)
		host[i] = isalnum((unsigned char)a->host[i]) ? a->host[i] : '.';
	host[i] = '\0';
	snprintf(numbers, sizeof numbers, "%d %d %d", a->port, (int)a->tls,
	    a->tls_minimum);
	hash = add_text(add_text(HASH_INIT, a->host), numbers);
	hash = add_text(add_text(hash, c->ca_file), c->ca_directory);
	hash = add_text(add_text(hash, a->tls_certificate), a->tls_private_key);
	snprintf(key, STATE_KEY_SIZE, "%s-%016" PRIx64, host, hash);
}

/* A time to come says that the clock was set, or that the file is not ours. */
static void
forget_old(int64_t *seen)
{
	int64_t now = clock_wall();

	if (*seen > now || now - *seen >= REMEMBERED_FOR)
		*seen = 0;
}

static void
forget(struct peer *p)
{
	p->two_step = p->no_bdat = p->no_resume = 0;
}

static void
load(struct peer *p, struct state_file *f)
{
	forget(p);
	if (state_file_read(f, fields, p, NULL, NULL) == -1)
		forget(p);
	forget_old(&p->two_step);
	forget_old(&p->no_bdat);
	forget_old(&p->no_resume);
}

void
peer_recall(struct peer *p, const struct config *c, const struct account *a)
{
	struct state_file f;

	*p = (struct peer){ 0 };
	peer_key(p->key, c, a);
	if (state_file_open(&f, c, "peer", p->key, false) == -1)
		return;
	load(p, &f);
	state_file_close(&f);
}

void
peer_learn(struct peer *p, const struct config *c,
    const struct session_cost *seen)
{
	struct state_file f;

	if ((!seen->two_step && !seen->bdat_failed && !seen->resume_failed) ||
	    state_file_open(&f, c, "peer", p->key, true) == -1)
		return;
	load(p, &f);	/* others learn too */
	if (seen->two_step)
		p->two_step = clock_wall();
	if (seen->bdat_failed)
		p->no_bdat = clock_wall();
	if (seen->resume_failed)
		p->no_resume = clock_wall();
	(void)state_file_write(&f, fields, p, NULL, NULL);
	state_file_close(&f);
}
