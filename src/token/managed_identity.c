/* SPDX-License-Identifier: ISC
 *
 * managed-identity: the machine's own identity, from an endpoint on the machine
 * (entra-tokens.md 1.5).  Which kind it is stands in the config; the environment
 * that Azure's libraries look into is the caller's.
 *
 * imds		a virtual machine; link-local, no secret at all
 * azure-arc	a machine elsewhere: the first answer names a file that only
 *		members of himds can read, whose content goes into the second
 * app-service	token-endpoint is IDENTITY_ENDPOINT, and client-secret-file holds
 *		IDENTITY_HEADER
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "token/credential.h"

#ifndef ARC_TOKENS
#define ARC_TOKENS "/var/opt/azcmagent/tokens"
#endif
#define ARC_TOKEN_MAX	4096
#define HEADER_MAX	(ARC_TOKEN_MAX * 2)
#define URL_MAX		4096

static const struct identity_kind {
	const char	*name, *endpoint, *version, *header;
	bool		 challenges;
} kinds[] = {
	{ "imds", "http://169.254.169.254/metadata/identity/oauth2/token",
	    "2018-02-01", "Metadata: true", false },
	{ "azure-arc", "http://127.0.0.1:40342/metadata/identity/oauth2/token",
	    "2020-06-01", "Metadata: true", true },
	{ "app-service", NULL, "2019-08-01", NULL, false },
};

/* One exchange with the identity endpoint. */
struct exchange {
	const struct identity_kind *kind;
	struct buf		 url;
	struct buf		 header;	/* may hold a secret */
	struct http_response	 response;
};

static const struct identity_kind *
find_kind(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

/* The resource is the scope without "/.default": this is the v1 form. */
static void
add_query(struct buf *url, const struct app *app,
    const struct identity_kind *kind)
{
	const char *end = strstr(app->scope, "/.default");
	struct buf query, resource;

	buf_init(&query, URL_MAX);
	buf_init(&resource, URL_MAX);
	buf_add(&resource, app->scope, end != NULL ?
	    (size_t)(end - app->scope) : strlen(app->scope));
	form_add(&query, "api-version", kind->version);
	form_add(&query, "resource", resource.data);
	if (app->client_id != NULL)
		form_add(&query, "client_id", app->client_id);
	buf_addf(url, "?%s", query.data);
	buf_release(&query);
	buf_release(&resource);
}

/* The header that proves who asks: for App Service it is a secret. */
static int
make_header(struct exchange *x, const struct request *q, struct status *st)
{
	char **files = q->app->secret_files;
	struct buf secret;
	int rc;

	if (x->kind->header != NULL) {
		buf_addstr(&x->header, x->kind->header);
		return 0;
	}
	if (files == NULL || *files == NULL) {
		status_set(st, EX_CONFIG, "app %s has no client-secret-file",
		    q->app->name);
		return status_hint(st, "write the value of IDENTITY_HEADER "
		    "into a file and name it in client-secret-file");
	}
	buf_init(&secret, SECRET_MAX);
	rc = secret_read(&secret, files[0], TRUST_SECRET, q->config, st);
	buf_reserve(&x->header, HEADER_MAX);
	if (rc == 0)
		buf_addf(&x->header, "X-IDENTITY-HEADER: %s", secret.data);
	buf_wipe(&secret);
	return rc;
}

static int
prepare(struct exchange *x, const struct request *q, struct status *st)
{
	const char *endpoint = q->app->token_endpoint;

	if (endpoint == NULL)
		endpoint = x->kind->endpoint;
	if (endpoint == NULL) {
		status_set(st, EX_CONFIG, "app %s has no token-endpoint",
		    q->app->name);
		return status_hint(st, "managed-identity = %s needs the value "
		    "of IDENTITY_ENDPOINT there", x->kind->name);
	}
	/* It gets tokens, or a secret header, for the asking. */
	if (!http_is_local(endpoint)) {
		status_set(st, EX_CONFIG, "%s is no endpoint of this machine",
		    endpoint);
		return status_hint(st, "a managed identity's token-endpoint is "
		    "a loopback or link-local address");
	}
	buf_addstr(&x->url, endpoint);
	add_query(&x->url, q->app, x->kind);
	return make_header(x, q, st);
}

/* Milliseconds before the next try after this answer, or -1: as Microsoft asks
 * for IMDS.  410 means that it is being updated, for up to 70 s. */
static int
pause_after(int http, int tries)
{
	if (http == 410)
		return 10000;
	if (http == 404 || http == 408 || http == 429 || http / 100 == 5)
		return tries < 3 ? 1000 << tries : -1;
	return -1;
}

static int
ask_patiently(struct exchange *x, struct request *q, struct status *st)
{
	const struct http_request request = { .url = x->url.data,
	    .header = x->header.data, .id = q->id, .identity = true,
	    .deadline = q->deadline };
	struct timespec pause;
	int tries, ms;

	for (tries = 0;; tries++) {
		uuid_make(q->id);
		if (http_ask(&x->response, &request, q->config, st) == -1)
			return -1;
		ms = pause_after(x->response.status, tries);
		if (ms == -1 || ms >= clock_left(q->deadline))
			return 0;
		pause = (struct timespec){ .tv_sec = ms / 1000 };
		nanosleep(&pause, NULL);
	}
}

/* "Basic realm=PATH": PATH must lie directly in Arc's directory and end in
 * ".key", or whoever listens on the port instead of Arc has us send it any
 * file that we can read. */
static const char *
challenge_path(char *challenge)
{
	static const char directory[] = ARC_TOKENS "/", end[] = ".key";
	char *path = strcasestr(challenge, "realm=");
	size_t len;

	if (strncasecmp(challenge, "Basic ", 6) != 0 || path == NULL)
		return NULL;
	path += strlen("realm=");
	if (*path == '"')
		path++;
	path[strcspn(path, "\" ,;")] = '\0';
	len = strlen(path);
	if (strncmp(path, directory, strlen(directory)) != 0 ||
	    strchr(path + strlen(directory), '/') != NULL ||
	    len <= strlen(directory) + strlen(end) ||
	    strcmp(path + len - strlen(end), end) != 0)
		return NULL;
	return path;
}

static bool
is_key_file(int fd)
{
	struct stat sb;

	return fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode) &&
	    sb.st_size > 0 && sb.st_size <= ARC_TOKEN_MAX;
}

/* Arc's own file, of Arc's own user: judged by place, kind and size. */
static int
read_key(struct buf *header, const char *path, struct status *st)
{
	char key[ARC_TOKEN_MAX + 1];
	ssize_t n = -1;
	int fd;

	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd != -1 && is_key_file(fd))
		n = read(fd, key, ARC_TOKEN_MAX);
	if (fd == -1) {
		status_set_errno(st, EX_NOPERM, "opening %s", path);
		status_hint(st, "make the user that runs mailbearer a member "
		    "of the group himds");
	} else if (n <= 0)
		status_set(st, EX_CONFIG, "%s is no key file", path);
	if (fd != -1)
		close(fd);
	if (n <= 0)
		return -1;
	while (n > 0 && isspace((unsigned char)key[n - 1]))
		n--;
	key[n] = '\0';
	buf_reset(header);
	buf_reserve(header, HEADER_MAX);
	/* A line end would let the file write headers of its own. */
	if (n == 0 || strpbrk(key, "\r\n") != NULL)
		n = status_set(st, EX_CONFIG, "%s is no key file", path);
	else
		buf_addf(header, "Metadata: true\r\nAuthorization: Basic %s",
		    key);
	explicit_bzero(key, sizeof key);
	return n == -1 ? -1 : 0;
}

static int
answer_challenge(struct exchange *x, struct request *q, struct status *st)
{
	const char *path = challenge_path(x->response.challenge);

	if (path == NULL)
		return status_set(st, EX_PROTOCOL, "the Azure Arc agent names "
		    "no file in %s to prove ourselves with", ARC_TOKENS);
	if (read_key(&x->header, path, st) == -1)
		return -1;
	return ask_patiently(x, q, st);
}

static int
exchange_all(struct exchange *x, struct request *q, struct answer *a,
    struct status *st)
{
	const char *secrets[] = { NULL, NULL };

	if (prepare(x, q, st) == -1)
		return -1;
	if (ask_patiently(x, q, st) == -1)
		return status_hint(st, "managed-identity = %s: is this machine "
		    "one, and may this user reach its identity endpoint?",
		    x->kind->name);
	if (x->kind->challenges && x->response.status == 401 &&
	    answer_challenge(x, q, st) == -1)
		return -1;
	if (x->kind->header == NULL ||
	    strcmp(x->header.data, x->kind->header) != 0)
		secrets[0] = strrchr(x->header.data, ' ') + 1;
	if (answer_read(a, &x->response, secrets, clock_wall()) == 0)
		return 0;
	return answer_judge(a, q->app, NULL, st);
}

int
managed_identity_ask(struct request *q, struct answer *a, struct status *st)
{
	struct exchange x = { .kind = find_kind(q->app->managed_identity) };
	int rc;

	if (x.kind == NULL)
		return status_set(st, EX_CONFIG, "managed-identity %s is not "
		    "known", q->app->managed_identity);
	buf_init(&x.url, URL_MAX);
	buf_init(&x.header, HEADER_MAX);
	http_init(&x.response);
	rc = exchange_all(&x, q, a, st);
	buf_release(&x.url);
	buf_wipe(&x.header);
	http_release(&x.response);
	return rc;
}
