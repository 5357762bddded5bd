/* SPDX-License-Identifier: ISC */
#include "config/pattern.h"

#include <string.h>
#include <strings.h>

#include "base/idna.h"
#include "base/text.h"
#include "base/xalloc.h"
#include "config/value.h"

/* A name in lower-case A-labels, or as it is if IDNA refuses it. */
static const char *
fold(const char *domain, char ascii[IDNA_DOMAIN_SIZE])
{
	return idna_to_ascii(domain, ascii) == 0 ? ascii : domain;
}

bool
pattern_same_domain(const char *a, const char *b)
{
	char fa[IDNA_DOMAIN_SIZE], fb[IDNA_DOMAIN_SIZE];

	if (strcasecmp(a, b) == 0)
		return true;
	/* Between ASCII names there is nothing more to find. */
	if (text_is_ascii(a) && text_is_ascii(b))
		return false;
	return strcasecmp(fold(a, fa), fold(b, fb)) == 0;
}

struct pattern_address
pattern_split(const char *address)
{
	struct pattern_address a = { .local = address };
	const char *at = strrchr(address, '@');

	a.local_len = at == NULL ? strlen(address) : (size_t)(at - address);
	a.domain = at == NULL ? NULL : at + 1;
	return a;
}

bool
pattern_is_wild(const char *pattern)
{
	return strchr(pattern, '*') != NULL;
}

/* "*.b" against a name: at least one label in front of ".b". */
static bool
is_below(const char *domain, const char *suffix)
{
	char fd[IDNA_DOMAIN_SIZE], fs[IDNA_DOMAIN_SIZE];
	size_t dl, sl;

	if (!text_is_ascii(domain) || !text_is_ascii(suffix)) {
		domain = fold(domain, fd);
		suffix = fold(suffix, fs);
	}
	dl = strlen(domain);
	sl = strlen(suffix);
	return dl > sl + 1 && domain[dl - sl - 1] == '.' && domain[0] != '.' &&
	    strcasecmp(domain + dl - sl, suffix) == 0;
}

static bool
domain_fits(const char *pattern, const char *domain)
{
	return strncmp(pattern, "*.", 2) == 0 ? is_below(domain, pattern + 2) :
	    pattern_same_domain(pattern, domain);
}

/* The same for an address without a domain, which stands for that name at each
 * name of this host. */
static bool
host_fits(const char *pattern, const struct config *c)
{
	size_t i;

	if (c == NULL)
		return false;
	if (strncmp(pattern, "*.", 2) != 0)
		return config_is_host_name(c, pattern);
	for (i = 0; c->host_names[i] != NULL; i++)
		if (is_below(c->host_names[i], pattern + 2))
			return true;
	return false;
}

static bool
local_fits(const struct pattern_address *p, const struct pattern_address *a)
{
	if (p->local_len == 1 && p->local[0] == '*')
		return true;
	return p->local_len == a->local_len &&
	    strncasecmp(p->local, a->local, a->local_len) == 0;
}

/* The length without wildcards, and then that of the domain: no two patterns
 * that fit one address come out equal. */
static int
wild_fit(const struct pattern_address *p)
{
	size_t local = p->local[0] == '*' ? 0 : p->local_len;
	size_t domain = strlen(p->domain) - (p->domain[0] == '*');

	return (int)((local + domain) * (IDNA_DOMAIN_SIZE + 1) + domain);
}

/* Whether both have a domain, and the address's fits. */
static bool
domains_fit(const struct pattern_address *p, const struct pattern_address *a)
{
	return p->domain != NULL && a->domain != NULL &&
	    domain_fits(p->domain, a->domain);
}

/* Whether one of the two is a bare name, and the other is at this host. */
static bool
is_at_host(const struct pattern_address *p, const struct pattern_address *a,
    const struct config *c)
{
	if (p->domain == NULL && a->domain != NULL)
		return c != NULL && config_is_host_name(c, a->domain);
	return p->domain != NULL && a->domain == NULL &&
	    host_fits(p->domain, c);
}

int
pattern_fit(const char *pattern, const struct pattern_address *a,
    const struct config *c)
{
	struct pattern_address p = pattern_split(pattern);
	int fit;

	if (!local_fits(&p, a))
		return PATTERN_NONE;
	if ((p.domain == NULL && a->domain == NULL) || domains_fit(&p, a))
		fit = PATTERN_EXACT;
	else if (is_at_host(&p, a, c))
		fit = PATTERN_HOST;
	else
		return PATTERN_NONE;
	return p.domain != NULL && pattern_is_wild(pattern) ? wild_fit(&p) : fit;
}

bool
pattern_matches(const char *pattern, const char *address,
    const struct config *c)
{
	struct pattern_address a = pattern_split(address);

	return pattern_fit(pattern, &a, c) != PATTERN_NONE;
}

/* Where the domain proper begins: behind "*.". */
static const char *
past_wildcard(const char *domain)
{
	return strncmp(domain, "*.", 2) == 0 ? domain + 2 : domain;
}

static const char *
domain_error(const char *domain)
{
	char ascii[IDNA_DOMAIN_SIZE];

	domain = past_wildcard(domain);
	if (strchr(domain, '*') != NULL)
		return "in a domain, \"*.\" may only stand at its beginning";
	if (*domain == '[' || text_is_ip(domain) ||
	    idna_to_ascii(domain, ascii) == -1)
		return "what stands behind the @ is no domain name";
	return NULL;
}

const char *
pattern_error(const char *pattern)
{
	struct pattern_address p = pattern_split(pattern);

	if (strcmp(pattern, "*") == 0)
		return "\"*\" alone would be everybody: use default-account";
	if (p.domain != NULL && p.local_len == 1 && *pattern == '*')
		return domain_error(p.domain);
	if (memchr(pattern, '*', p.local_len) != NULL)
		return "before the @, \"*\" stands for the whole local part or "
		    "not at all";
	if (!value_is_local_part(pattern, p.local_len))
		return "a pattern is an address, *@DOMAIN, *@*.DOMAIN, or a "
		    "bare name";
	return p.domain == NULL ? NULL : domain_error(p.domain);
}

char *
pattern_canonical(const char *pattern)
{
	struct pattern_address p = pattern_split(pattern);
	char ascii[IDNA_DOMAIN_SIZE];
	const char *domain;

	if (p.domain == NULL)
		return xstrdup(pattern);
	domain = past_wildcard(p.domain);
	return xasprintf("%.*s%s", (int)(domain - pattern), pattern,
	    fold(domain, ascii));
}
