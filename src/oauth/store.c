/* SPDX-License-Identifier: ISC */
#include "oauth/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/safefile.h"

static uint64_t
add_text(uint64_t hash, const char *text)
{
	/* With the NUL: "ab", "c" and "a", "bc" are two things. */
	return text != NULL ? hash_add(hash, text, strlen(text) + 1) :
	    hash_add(hash, "\377", 1);
}

static uint64_t
add_number(uint64_t hash, int64_t number)
{
	return hash_add(hash, &number, sizeof number);
}

/* stat(2) takes search permission only: a sender may see that a secret has
 * changed, and not what it is. */
static uint64_t
add_file(uint64_t hash, const char *file)
{
	struct status ignored = STATUS_INIT;
	char *path = NULL;
	struct stat sb;
	int rc;

	hash = add_text(hash, file);
	if (file == NULL || config_resolve_file(file, &path, &ignored) == -1)
		return hash;
	rc = stat(path, &sb);
	free(path);
	if (rc == -1)
		return add_number(hash, errno);
	hash = add_number(hash, (int64_t)sb.st_dev);
	hash = add_number(hash, (int64_t)sb.st_ino);
	hash = add_number(hash, (int64_t)sb.st_size);
	hash = add_number(hash, sb.st_mtim.tv_sec);
	hash = add_number(hash, sb.st_mtim.tv_nsec);
	hash = add_number(hash, sb.st_ctim.tv_sec);
	return add_number(hash, sb.st_ctim.tv_nsec);
}

/* The digest that says whether a cache belongs to this config and credential:
 * authority, tenant, client, scope, the kind of credential, the mailbox if
 * delegated, and the identity, size and times of the credential's files.  Reads
 * no secret.  A federated token file counts by its path alone: it is replaced
 * all the time and stays the same credential. */
static void
store_key(const struct config *c, const struct account *a,
    char key[CACHE_KEY_SIZE])
{
	const struct app *app = a->app;
	uint64_t hash = add_number(HASH_INIT, app->credential);
	char **p;

	hash = add_text(hash, app->authority);
	hash = add_text(hash, app->token_endpoint);
	hash = add_text(hash, app->tenant);
	hash = add_text(hash, app->client_id);
	hash = add_text(hash, app->scope);
	hash = add_text(hash, app->managed_identity);
	hash = add_text(hash, app->assertion_algorithm);
	hash = add_text(hash, app->federated_token_file);
	/* Not the credential's, but they decide who answers for the endpoint. */
	hash = add_text(hash, c->proxy);
	hash = add_text(hash, c->ca_file);
	hash = add_text(hash, c->ca_directory);
	if (app->credential == CREDENTIAL_DELEGATED)
		hash = add_text(hash, a->mailbox);
	for (p = app->secret_files; p != NULL && *p != NULL; p++)
		hash = add_file(hash, *p);
	hash = add_file(hash, app->certificate);
	hash = add_file(hash, app->private_key);
	hash = add_file(hash, app->passphrase_file);
	for (p = app->token_command; p != NULL && *p != NULL; p++)
		hash = p == app->token_command ? add_file(hash, *p) :
		    add_text(hash, *p);
	snprintf(key, CACHE_KEY_SIZE, "%016" PRIx64, hash);
}

static void
name_files(struct store *s, const struct account *a)
{
	char mailbox[24] = "";

	/* App names are [A-Za-z0-9._-]{1,64}; a mailbox may be anything. */
	if (a->app->credential == CREDENTIAL_DELEGATED)
		snprintf(mailbox, sizeof mailbox, "@%016" PRIx64,
		    add_text(HASH_INIT, a->mailbox));
	snprintf(s->file, sizeof s->file, "token-%s%s.json", a->app->name,
	    mailbox);
	snprintf(s->lock_file, sizeof s->lock_file, "token-%s%s.lock",
	    a->app->name, mailbox);
}

int
store_open(struct store *s, const struct config *c, const struct account *a,
    struct status *st)
{
	const char *path = c->state_directory;
	struct status missing;

	*s = (struct store){ .directory = -1, .lock = LOCK_INIT };
	name_files(s, a);
	store_key(c, a, s->key);
	s->directory = safefile_open_directory(path, geteuid(), &missing);
	if (s->directory == -1 && errno == ENOENT)
		(void)mkdir(path, 0750);
	if (s->directory == -1)
		s->directory = safefile_open_directory(path, geteuid(), st);
	return s->directory == -1 ? -1 : 0;
}

bool
store_has_login(const struct store *s)
{
	char name[sizeof s->file + sizeof "refresh-"];

	snprintf(name, sizeof name, "refresh-%s", s->file + strlen("token-"));
	return s->directory == -1 ||
	    faccessat(s->directory, name, R_OK, 0) == 0;
}

void
store_close(struct store *s)
{
	store_unlock(s);
	if (s->directory != -1)
		close(s->directory);
	s->directory = -1;
}

void
store_read(const struct store *s, struct cache *cache)
{
	struct status ignored = STATUS_INIT;
	struct buf text;

	cache_release(cache);
	if (s->directory == -1)
		return;
	buf_init(&text, CACHE_FILE_MAX);
	if (safefile_read_at(s->directory, s->file, CACHE_FILE_MAX, &text,
	    &ignored) == 0 &&
	    cache_parse(cache, text.data, text.len, clock_wall()) == 0 &&
	    strcmp(cache->key, s->key) != 0)
		cache_release(cache);
	buf_wipe(&text);
}

int
store_write(const struct store *s, struct cache *cache, struct status *st)
{
	struct buf text;
	int rc = 0;

	if (s->directory == -1)
		return 0;
	memcpy(cache->key, s->key, sizeof cache->key);
	buf_init(&text, CACHE_FILE_MAX);
	cache_format(cache, &text);
	if (text.overflow)
		rc = status_set(st, EX_SOFTWARE, "%s is too large", s->file);
	else
		rc = safefile_replace_at(s->directory, s->file, text.data,
		    text.len, st);
	buf_wipe(&text);
	return rc;
}

int
store_lock(struct store *s, int64_t wait_deadline, int64_t hold_ms,
    struct status *st)
{
	if (s->directory == -1)
		return 0;
	return lock_take(&s->lock, s->directory, s->lock_file, wait_deadline,
	    hold_ms, st);
}

void
store_unlock(struct store *s)
{
	lock_release(&s->lock);
}
