/* SPDX-License-Identifier: ISC */
#include "token/http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/xalloc.h"

#define CONNECT_MS 10000L

void
http_init(struct http_response *r)
{
	memset(r, 0, sizeof *r);
	buf_init(&r->body, HTTP_BODY_MAX);
	r->retry_after = -1;
}

void
http_release(struct http_response *r)
{
	buf_wipe(&r->body);
	http_init(r);
}

void
uuid_make(char uuid[UUID_SIZE])
{
	unsigned char b[16] = { 0 };
	char hex[33];

	/* 16 bytes at once never come short, once there is entropy at all. */
	if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
		b[0] = 0;
	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
	hex_encode(hex, b, sizeof b);
	snprintf(uuid, UUID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
	    hex + 12, hex + 16, hex + 20);
}

/* The value of the field `name` (RFC 9110 5.5), cut to `size`; false if the
 * line is another field's. */
static bool
field_value(const char *line, size_t len, const char *name, char *value,
    size_t size)
{
	size_t skip = strlen(name);

	if (len <= skip || strncasecmp(line, name, skip) != 0 ||
	    line[skip] != ':')
		return false;
	for (skip++; skip < len && (line[skip] == ' ' || line[skip] == '\t');)
		skip++;
	while (len > skip && (line[len - 1] == '\r' || line[len - 1] == '\n' ||
	    line[len - 1] == ' '))
		len--;
	snprintf(value, size, "%.*s", (int)(len - skip), line + skip);
	return true;
}

static int64_t
parse_date(const char *value)
{
	time_t date = curl_getdate(value, NULL);

	return date == (time_t)-1 ? 0 : (int64_t)date;
}

/* RFC 9110 10.2.3: seconds or a date. */
static void
retry_after(struct http_response *r, const char *value)
{
	if (value[0] == '\0' || value[strspn(value, "0123456789")] != '\0')
		r->retry_at = parse_date(value);
	else
		r->retry_after = strlen(value) > 9 ? 999999999 :
		    (int64_t)strtol(value, NULL, 10);
}

void
http_header(struct http_response *r, const char *line, size_t len)
{
	char value[sizeof r->challenge];

	if (field_value(line, len, "Date", value, sizeof value))
		r->date = parse_date(value);
	else if (field_value(line, len, "Retry-After", value, sizeof value))
		retry_after(r, value);
	else if (field_value(line, len, "WWW-Authenticate", value,
	    sizeof value))
		memcpy(r->challenge, value, sizeof value);
}

static size_t
take_header(char *line, size_t size, size_t count, void *response)
{
	http_header(response, line, size * count);
	return size * count;
}

static size_t
take_body(char *bytes, size_t size, size_t count, void *response)
{
	struct http_response *r = response;

	buf_add(&r->body, bytes, size * count);
	r->cut = r->body.overflow;
	return r->cut ? 0 : size * count;
}

/* 127.example.net is no address, whatever it begins with. */
static bool
is_local_address(const char *host)
{
	return host[strspn(host, "0123456789.")] == '\0' &&
	    (strncmp(host, "127.", 4) == 0 ||
	    strncmp(host, "169.254.", 8) == 0);
}

bool
http_is_local(const char *url)
{
	char *host = NULL;
	CURLU *u = curl_url();
	bool local = false;

	if (u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK)
		local = is_local_address(host) || strcmp(host, "[::1]") == 0 ||
		    strcasecmp(host, "localhost") == 0;
	curl_free(host);
	curl_url_cleanup(u);
	return local;
}

#define FIX_CONNECT \
	"check that this host may connect to the token endpoint: a firewall, " \
	"or a proxy that the config does not name?"

static const struct failure {
	CURLcode	 code;
	int		 sysexit;
	const char	*hint;
} failures[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, EX_TEMPFAIL,
	    "check name resolution on this host, and authority in the config" },
	{ CURLE_COULDNT_RESOLVE_PROXY, EX_TEMPFAIL,
	    "check proxy in the config" },
	{ CURLE_PEER_FAILED_VERIFICATION, EX_PROTOCOL, NULL },
	{ CURLE_SSL_CACERT_BADFILE, EX_CONFIG, "check ca-file" },
	{ CURLE_URL_MALFORMAT, EX_CONFIG, "check authority and token-endpoint" },
	{ CURLE_UNSUPPORTED_PROTOCOL, EX_CONFIG,
	    "authority and token-endpoint must begin with https://" },
	{ CURLE_WEIRD_SERVER_REPLY, EX_TEMPFAIL,
	    "what answers there is no web server: check authority and "
	    "token-endpoint, and what stands between here and there" },
};

/* What a proxy's answer to CONNECT (RFC 9110 9.3.6) asks for; the last takes all
 * others, and none. */
static const struct {
	int		 status;
	const char	*hint;
} refusals[] = {
	{ 407, "the proxy wants a user and a password, and they cannot be given: "
	    "have it let this host pass to the token endpoint without" },
	{ 403, "have the proxy allow this host to connect to the token endpoint" },
	{ 0, "check proxy in the config, and that the proxy can connect to the "
	    "token endpoint" },
};

static const char *
explain_proxy(int status)
{
	size_t i = 0;

	while (refusals[i].status != 0 && refusals[i].status != status)
		i++;
	return refusals[i].hint;
}

/* Why a certificate is not believed, in libcurl's words, whatever library it was
 * built with; the last takes all others. */
static const struct {
	const char	*words, *hint;
} distrust[] = {
	{ "expir", "check this host's clock; if it is right, the certificate of "
	    "the token endpoint, or of what answers in its place, has to be "
	    "renewed there" },
	{ "not yet valid", "check this host's clock" },
	{ "name", "check authority and token-endpoint; if they are right, "
	    "something else answers in the place of the token endpoint" },
	{ "", "install or update the package ca-certificates; where a proxy looks "
	    "into TLS, put its authority's certificate (PEM) into ca-file" },
};

static const char *
explain_distrust(const char *words)
{
	size_t i = 0;

	while (strcasestr(words, distrust[i].words) == NULL)
		i++;
	return distrust[i].hint;
}

/* Scheme, host and port: who was asked, on a line that fits a screen. */
static int
origin_length(const char *url)
{
	const char *host = strstr(url, "://");

	return (int)(host == NULL ? strlen(url) :
	    (size_t)(host + 3 - url) + strcspn(host + 3, "/?"));
}

/* `connecting` is what to do where it was not to be reached. */
static int
say_failure(CURLcode code, const char *words, const char *url,
    const char *connecting, struct status *st)
{
	size_t i, count = sizeof failures / sizeof *failures;
	const struct failure *f = NULL;

	/* libcurl says the same of a URL that is not ours to ask for and of an
	 * answer that is no HTTP. */
	if (code == CURLE_UNSUPPORTED_PROTOCOL &&
	    strncasecmp(url, "https://", strlen("https://")) == 0)
		code = CURLE_WEIRD_SERVER_REPLY;
	for (i = 0; i < count && f == NULL; i++)
		if (failures[i].code == code)
			f = &failures[i];
	status_set(st, f != NULL ? f->sysexit : EX_TEMPFAIL, "asking %.*s: %s",
	    origin_length(url), url, words[0] != '\0' ? words :
	    curl_easy_strerror(code));
	st->scope = SCOPE_ACCOUNT;
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		return status_hint(st, "%s", explain_distrust(words));
	return status_hint(st, "%s", f != NULL ? f->hint : connecting);
}

static void
set_limits(CURL *h, const struct http_request *q)
{
	bool plain = q->identity && http_is_local(q->url);
	int left = clock_left(q->deadline);
	long total = left < HTTP_TOTAL_MS ? left : HTTP_TOTAL_MS;

	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, total > 0 ? total : 1);
	curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(h, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* Do not wait at the end for a resolver that hangs. */
	curl_easy_setopt(h, CURLOPT_QUICK_EXIT, 1L);
#endif
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR,
	    plain ? "http,https" : "https");
#else
	curl_easy_setopt(h, CURLOPT_PROTOCOLS,
	    (long)(CURLPROTO_HTTPS | (plain ? CURLPROTO_HTTP : 0)));
#endif
}

static bool
is_proxied(const struct http_request *q, const struct config *c)
{
	return c->proxy != NULL && !q->identity;
}

/* Set even where there is nothing to set: libcurl would look into the
 * environment otherwise, and at its own list of CAs beside ours.  What it cannot
 * keep, without memory, is not left out. */
static CURLcode
set_trust(CURL *h, const struct http_request *q, const struct config *c,
    const char *ca_file)
{
	bool proxied = is_proxied(q, c);
	CURLcode code;

	if ((code = curl_easy_setopt(h, CURLOPT_PROXY, proxied ? c->proxy :
	    "")) != CURLE_OK ||
	    (code = curl_easy_setopt(h, CURLOPT_NOPROXY, proxied ? "" : "*")) !=
	    CURLE_OK)
		return code;
	/* A handle asks once; and libcurl 7.88 frees one twice that it has no
	 * memory to keep. */
	curl_easy_setopt(h, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (ca_file == NULL && c->ca_directory == NULL)
		return CURLE_OK;
	code = curl_easy_setopt(h, CURLOPT_CAINFO, ca_file);
	if (code != CURLE_OK)
		return code;
	code = curl_easy_setopt(h, CURLOPT_CAPATH, c->ca_directory);
	/* Not every TLS library knows directories. */
	return c->ca_directory != NULL ? code : CURLE_OK;
}

static struct curl_slist *
add_header(struct curl_slist *list, const char *line)
{
	struct curl_slist *more = curl_slist_append(list, line);

	return more != NULL ? more : list;
}

static struct curl_slist *
make_headers(const struct http_request *q)
{
	char id[32 + UUID_SIZE];
	struct curl_slist *list;

	snprintf(id, sizeof id, "client-request-id: %s", q->id);
	list = add_header(NULL, "Accept: application/json");
	list = add_header(list, id);
	if (q->header != NULL)
		list = add_header(list, q->header);
	/* Ask for no "100 Continue": it costs a second where nobody knows it. */
	return add_header(list, "Expect:");
}

static void
set_request(CURL *h, const struct http_request *q, struct http_response *r,
    struct curl_slist *headers)
{
	curl_easy_setopt(h, CURLOPT_URL, q->url);
	curl_easy_setopt(h, CURLOPT_USERAGENT,
	    PACKAGE_NAME "/" PACKAGE_VERSION);
	curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
	if (q->form != NULL) {
		curl_easy_setopt(h, CURLOPT_POST, 1L);
		curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE, (long)q->form->len);
		curl_easy_setopt(h, CURLOPT_POSTFIELDS, q->form->data);
	}
	/* What a proxy says to CONNECT is not the endpoint's word. */
	curl_easy_setopt(h, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(h, CURLOPT_HEADERDATA, r);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, r);
}

static CURLcode
perform(CURL *h, const struct http_request *q, struct http_response *r,
    char words[CURL_ERROR_SIZE])
{
	struct curl_slist *headers = make_headers(q);
	CURLcode code;
	long status = 0, proxy_status = 0;

	curl_easy_setopt(h, CURLOPT_ERRORBUFFER, words);
	set_limits(h, q);
	set_request(h, q, r, headers);
	code = curl_easy_perform(h);
	curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(h, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
	r->status = (int)status;
	r->proxy_status = (int)proxy_status;
	curl_slist_free_all(headers);
	return code;
}

int
http_ask(struct http_response *r, const struct http_request *q,
    const struct config *c, struct status *st)
{
	char words[CURL_ERROR_SIZE] = "", *ca_file = NULL;
	CURLcode code = CURLE_FAILED_INIT;
	CURL *h;

	http_release(r);
	if (c->ca_file != NULL &&
	    config_resolve_file(c->ca_file, &ca_file, st) == -1)
		return -1;
	/* The body may hold a token: it must not grow by copying. */
	buf_reserve(&r->body, HTTP_BODY_MAX);
	if ((h = curl_easy_init()) != NULL) {
		code = set_trust(h, q, c, ca_file);
		if (code == CURLE_OK)
			code = perform(h, q, r, words);
		curl_easy_cleanup(h);
	}
	free(ca_file);
	if (code == CURLE_OK || r->cut)
		return 0;
	r->status = 0;
	return say_failure(code, words, q->url, is_proxied(q, c) ?
	    explain_proxy(r->proxy_status) : FIX_CONNECT, st);
}
