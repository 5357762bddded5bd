/* SPDX-License-Identifier: ISC */
#include "queue/ticket.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/encode.h"
#include "smtp/tls.h"

#define KIND		"tls"
#define KEPT_FOR	(60 * 60)
#define TICKET_MAX	(8 * 1024)	/* should it hold a certificate */

struct stored {
	int64_t	made;		/* wall clock */
	char	trust[17];
	char	*session;	/* base64 */
};

#define AT(member) offsetof(struct stored, member)
static const struct field fields[] = {
	FIELD_PLAIN("made", FIELD_NUMBER, AT(made), FIELD_TIME_LAST),
	FIELD_CHECKED("trust", FIELD_CHARS, AT(trust), 16, sealed_is_name),
	FIELD_PLAIN("session", FIELD_TEXT, AT(session), 2 * TICKET_MAX),
	FIELD_LAST
};
#undef AT

/* A file by what changes when its content does; a path is from `directory`. */
static uint64_t
add_file_at(uint64_t hash, int directory, const char *path)
{
	struct stat sb;
	char identity[160] = "-";

	if (path != NULL && fstatat(directory, path, &sb, 0) == 0)
		snprintf(identity, sizeof identity,
		    "%ju:%ju:%jd:%jd.%ld:%jd.%ld", (uintmax_t)sb.st_dev,
		    (uintmax_t)sb.st_ino, (intmax_t)sb.st_size,
		    (intmax_t)sb.st_mtim.tv_sec, sb.st_mtim.tv_nsec,
		    (intmax_t)sb.st_ctim.tv_sec, sb.st_ctim.tv_nsec);
	return hash_add(hash, identity, strlen(identity) + 1);
}

static uint64_t
add_file(uint64_t hash, const char *path)
{
	return add_file_at(hash, AT_FDCWD, path);
}

/* 4042bcee.r0, as openssl-rehash(1ssl) makes them. */
static bool
is_revocation_list(const char *name)
{
	return strspn(name, "0123456789abcdef") == 8 && name[8] == '.' &&
	    name[9] == 'r';
}

/* With the revocation lists in it, or behind the links in it: they are replaced in
 * place, which changes nothing in the directory, while whoever takes an anchor out
 * takes its link away.  In whatever order they come, hence the sum. */
static uint64_t
add_directory(uint64_t hash, const char *path)
{
	DIR *d = path != NULL ? opendir(path) : NULL;
	const struct dirent *entry;
	uint64_t sum = 0;

	if (d != NULL) {
		while ((entry = readdir(d)) != NULL)
			if (is_revocation_list(entry->d_name))
				sum += add_file_at(HASH_INIT, dirfd(d),
				    entry->d_name);
		closedir(d);
	}
	return hash_add(add_file(hash, path), &sum, sizeof sum);
}

/* No lists are looked for here: the time of the directory itself is enough. */
static uint64_t
add_system(uint64_t hash)
{
	const char *path;
	size_t i;

	for (i = 0; (path = tls_system_anchors(i)) != NULL; i++)
		hash = add_file(hash, path);
	return hash;
}

/* The names of the files are in the ticket's own; here is what they hold. */
static void
digest_trust(char trust[17], const struct config *c, const struct account *a)
{
	uint64_t hash = HASH_INIT;

	if (c->ca_file == NULL && c->ca_directory == NULL)
		hash = add_system(hash);
	hash = add_file(hash, c->ca_file);
	hash = add_directory(hash, c->ca_directory);
	hash = add_file(hash, a->tls_certificate);
	hash = add_file(hash, a->tls_private_key);
	snprintf(trust, 17, "%016" PRIx64, hash);
}

static void
wipe(struct ticket *t)
{
	buf_wipe(&t->kept);
	buf_wipe(&t->fresh);
}

static void
release(struct stored *s)
{
	if (s->session != NULL)
		explicit_bzero(s->session, strlen(s->session));
	sealed_release(fields, s);
}

/* A time to come says that the clock was set, or that the file is not ours. */
static bool
is_good(const struct ticket *t, const struct stored *s)
{
	int64_t age = clock_wall() - s->made;

	return age >= 0 && age < KEPT_FOR && s->session != NULL &&
	    strcmp(s->trust, t->trust) == 0;
}

void
ticket_load(struct ticket *t, const char *name, const struct config *c,
    const struct account *a)
{
	struct stored s = { 0 };
	struct state_file f;

	wipe(t);
	t->began = clock_wall();
	snprintf(t->name, sizeof t->name, "%s", name);
	digest_trust(t->trust, c, a);
	buf_init(&t->kept, TICKET_MAX);
	buf_init(&t->fresh, TICKET_MAX);
	if (state_file_open(&f, c, KIND, name, false) == -1)
		return;
	if (state_file_read(&f, fields, &s, NULL, NULL) == 0) {
		buf_reserve(&t->kept, TICKET_MAX);
		if (!is_good(t, &s) || base64_decode(&t->kept, s.session,
		    strlen(s.session)) == -1)
			state_file_remove(&f);
		release(&s);
	}
	state_file_close(&f);
}

void
ticket_take(void *context, const void *bytes, size_t len)
{
	struct ticket *t = context;

	buf_wipe(&t->fresh);
	buf_add(&t->fresh, bytes, len);
}

void
ticket_save(struct ticket *t, const struct config *c)
{
	struct stored s = { .made = t->began };
	struct state_file f;
	struct buf text;

	buf_init(&text, 2 * TICKET_MAX);
	memcpy(s.trust, t->trust, sizeof s.trust);
	if (t->fresh.len != 0 &&
	    state_file_open(&f, c, KIND, t->name, true) == 0) {
		buf_reserve(&text, 2 * TICKET_MAX);
		base64_encode(&text, t->fresh.data, t->fresh.len);
		s.session = text.data;
		(void)state_file_write(&f, fields, &s, NULL, NULL);
		state_file_close(&f);
	}
	buf_wipe(&text);
	wipe(t);
}

void
ticket_drop(struct ticket *t, const struct config *c)
{
	struct state_file f;

	if (t->kept.len != 0 &&
	    state_file_open(&f, c, KIND, t->name, false) == 0) {
		state_file_remove(&f);
		state_file_close(&f);
	}
	wipe(t);
}
