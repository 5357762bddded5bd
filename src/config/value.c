/* SPDX-License-Identifier: ISC */
#include "config/value.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/idna.h"
#include "base/text.h"
#include "base/xalloc.h"

#define LOCAL_PART_MAX	64	/* octets, RFC 5321 4.5.3.1.1 */

struct unit {
	char	letter;
	int64_t	factor;
};

/* Ascending, ending in a row without a letter. */
static const struct unit durations[] = {
	{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
	{ 'w', 604800 }, { '\0', 0 }
}, sizes[] = {
	{ 'K', 1 << 10 }, { 'M', 1 << 20 }, { 'G', 1 << 30 }, { '\0', 0 }
};

/* Digits at *text, which moves past them. */
static int
digits(const char **text, int64_t *number)
{
	int64_t n = 0;

	if (**text < '0' || **text > '9')
		return -1;
	for (; **text >= '0' && **text <= '9'; (*text)++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, **text - '0', &n))
			return -1;
	*number = n;
	return 0;
}

/* Digits and one of these units; `bare` is the factor without any, 0 if only
 * zero may go without. */
static int
scaled(const char *text, const struct unit *units, int64_t bare,
    int64_t *result)
{
	int64_t n;

	if (digits(&text, &n) == -1)
		return -1;
	if (*text == '\0') {
		if (bare == 0 && n != 0)
			return -1;
		*result = n;
		return 0;
	}
	for (; units->letter != '\0'; units++)
		if (*text == units->letter && text[1] == '\0')
			return __builtin_mul_overflow(n, units->factor,
			    result) ? -1 : 0;
	return -1;
}

int
value_duration(const char *text, int64_t *seconds)
{
	int64_t n;

	if (scaled(text, durations, 0, &n) == -1)
		return -1;
	*seconds = n;
	return 0;
}

int
value_size(const char *text, int64_t *bytes)
{
	int64_t n;

	if (scaled(text, sizes, 1, &n) == -1)
		return -1;
	*bytes = n;
	return 0;
}

void
value_format(char text[VALUE_SIZE], int64_t n, char unit)
{
	const struct unit *u = unit == 's' ? durations :
	    unit == 'B' ? sizes : NULL, *best = NULL;

	for (; n != 0 && u != NULL && u->letter != '\0'; u++)
		if (n % u->factor == 0)
			best = u;
	if (best == NULL)
		snprintf(text, VALUE_SIZE, "%" PRId64, n);
	else
		snprintf(text, VALUE_SIZE, "%" PRId64 "%c", n / best->factor,
		    best->letter);
}

int
value_number(const char *text, int64_t *number)
{
	int64_t n;

	if (digits(&text, &n) == -1 || *text != '\0')
		return -1;
	*number = n;
	return 0;
}

/* Reads `count` digits. */
static int
fixed(const char *text, int count)
{
	int n = 0;

	for (; count > 0; count--, text++) {
		if (*text < '0' || *text > '9')
			return -1;
		n = n * 10 + (*text - '0');
	}
	return n;
}

int
value_date(const char *text, int64_t *seconds)
{
	struct tm tm = { 0 };
	int year, month, day;
	time_t t;

	if (strlen(text) != 10 || text[4] != '-' || text[7] != '-' ||
	    (year = fixed(text, 4)) < 1970 ||
	    (month = fixed(text + 5, 2)) < 1 ||
	    (day = fixed(text + 8, 2)) < 1)
		return -1;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	tm.tm_mday = day;
	t = timegm(&tm);
	/* timegm() carries a 31st of April over into May. */
	if (tm.tm_mon != month - 1 || tm.tm_mday != day)
		return -1;
	*seconds = t;
	return 0;
}

int
value_flag(const char *text, bool *flag)
{
	static const char *const words[] = {
		"false", "true", "no", "yes", "off", "on"
	};
	size_t i;

	for (i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasecmp(text, words[i]) == 0) {
			*flag = i % 2 != 0;
			return 0;
		}
	return -1;
}

int
value_choice(const char *text, const char *const *words, int *index)
{
	int i;

	for (i = 0; words[i] != NULL; i++)
		if (strcmp(text, words[i]) == 0) {
			*index = i;
			return 0;
		}
	return -1;
}

bool
value_is_id(const char *text)
{
	size_t len = strlen(text);

	return len >= 1 && len <= 253 && strcmp(text, ".") != 0 &&
	    strcmp(text, "..") != 0 &&
	    strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"abcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

bool
value_is_name(const char *text)
{
	return strlen(text) <= 64 && value_is_id(text);
}

bool
value_is_text(const char *text, bool spaces)
{
	const unsigned char *p = (const unsigned char *)text;

	if (*p == '\0')
		return false;
	for (; *p != '\0'; p++)
		if (*p < 0x20 || *p == 0x7f || (*p == ' ' && !spaces))
			return false;
	return true;
}

bool
value_is_loopback(const char *host)
{
	struct in_addr address;

	if (strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	    strcmp(host, "[::1]") == 0)
		return true;
	return inet_pton(AF_INET, host, &address) == 1 &&
	    ntohl(address.s_addr) >> 24 == 127;
}

/* 169.254/16 never leaves the link: App Service has its identity endpoint
 * there. */
static bool
is_link_local(const char *host)
{
	struct in_addr address;

	return inet_pton(AF_INET, host, &address) == 1 &&
	    ntohl(address.s_addr) >> 16 == 0xa9fe;
}

/* Copies what stands between "://" and the port or path.  An "@" there would
 * make another host of it than people read. */
static int
url_host(const char *authority, char *host, size_t size)
{
	size_t len = strcspn(authority, "/?");

	if (memchr(authority, '@', len) != NULL ||
	    memchr(authority, '\\', len) != NULL)
		return -1;
	len = authority[0] == '[' ? strcspn(authority, "]") + 1 :
	    strcspn(authority, ":/?");
	if (len == 0 || len >= size || len > strlen(authority))
		return -1;
	memcpy(host, authority, len);
	host[len] = '\0';
	return 0;
}

bool
value_is_safe_url(const char *url)
{
	char host[IDNA_DOMAIN_SIZE];

	if (!value_is_text(url, false) || strchr(url, '#') != NULL)
		return false;
	if (strncmp(url, "https://", 8) == 0)
		return url_host(url + 8, host, sizeof host) == 0;
	return strncmp(url, "http://", 7) == 0 &&
	    url_host(url + 7, host, sizeof host) == 0 &&
	    (value_is_loopback(host) || is_link_local(host));
}

/* RFC 3986 3.1; one letter is no scheme but a slip of the pen. */
bool
value_is_uri(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+.-");

	return len > 1 && text[len] == ':' && text[len + 1] != '\0' &&
	    value_is_text(text, false) && strncmp(text, "file:", 5) != 0 &&
	    strncmp(text, "credential:", 11) != 0;
}

bool
value_is_proxy(const char *url)
{
	char host[IDNA_DOMAIN_SIZE];
	const char *authority = strstr(url, "://");
	size_t len;

	if (authority == NULL || !value_is_text(url, false) ||
	    (strncmp(url, "http://", 7) != 0 &&
	    strncmp(url, "https://", 8) != 0))
		return false;
	authority += 3;
	len = strcspn(authority, "/?#");
	return url_host(authority, host, sizeof host) == 0 &&
	    (authority[len] == '\0' || strcmp(authority + len, "/") == 0);
}

char *
value_domain(const char *text)
{
	char domain[IDNA_DOMAIN_SIZE];

	if (text[0] == '[' || text_is_ip(text) ||
	    idna_to_ascii(text, domain) == -1)
		return NULL;
	return xstrdup(domain);
}

/* RFC 5321 4.1.2 Dot-string; bytes past ASCII as RFC 6531 3.3 allows. */
bool
value_is_local_part(const char *local, size_t len)
{
	size_t i;

	if (len == 0 || len > LOCAL_PART_MAX || local[0] == '.' ||
	    local[len - 1] == '.')
		return false;
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)local[i];

		if (c <= ' ' || c == 0x7f ||
		    strchr("()<>[]:;@\\,\"", c) != NULL ||
		    (c == '.' && local[i + 1] == '.'))
			return false;
	}
	return true;
}

char *
value_address(const char *text)
{
	const char *at = strrchr(text, '@');
	char *domain, *address;

	if (at == NULL || strchr(text, '*') != NULL ||
	    !value_is_local_part(text, (size_t)(at - text)) ||
	    (domain = value_domain(at + 1)) == NULL)
		return NULL;
	address = xasprintf("%.*s@%s", (int)(at - text), text, domain);
	free(domain);
	return address;
}
