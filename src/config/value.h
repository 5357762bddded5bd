/* SPDX-License-Identifier: ISC
 *
 * Values as they are written in the config: pure functions of a string.  Each
 * returns 0, or -1 and leaves its result alone.
 */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "30s", "5m", "12h", "5d", "2w"; "0" needs no unit. */
int	value_duration(const char *text, int64_t *seconds);
/* "512", "100K", "150M", "1G": units of 1024. */
int	value_size(const char *text, int64_t *bytes);
/* Decimal digits only. */
int	value_number(const char *text, int64_t *number);
/* "2027-01-31": midnight UTC as seconds since 1970; a day that exists. */
int	value_date(const char *text, int64_t *seconds);
/* true, yes, on; false, no, off; any case. */
int	value_flag(const char *text, bool *flag);
/* Index in a list that ends in NULL. */
int	value_choice(const char *text, const char *const *words, int *index);

/* The shortest way to write an amount, for people: of seconds for unit 's', of
 * bytes for 'B', of neither for '\0'. */
#define VALUE_SIZE 24
void	value_format(char text[VALUE_SIZE], int64_t n, char unit);

/* Names of apps and accounts: [A-Za-z0-9._-]{1,64}, not "." or "..": they
 * become file names. */
bool	value_is_name(const char *text);
/* The same bytes, up to 253: tenants and client ids, which become part of URLs. */
bool	value_is_id(const char *text);
/* Printable, no control characters; `spaces` allows them inside. */
bool	value_is_text(const char *text, bool spaces);
/* "localhost", 127.0.0.0/8 or ::1, the latter with or without brackets. */
bool	value_is_loopback(const char *host);
/* Whether a URL is https://HOST..., or http://HOST... where HOST is loopback or
 * link-local; no user part, no spaces, no fragment. */
bool	value_is_safe_url(const char *url);
/* SCHEME:..., the scheme in lower case, but neither file: nor credential: */
bool	value_is_uri(const char *text);
/* http:// or https://, host and port, nothing behind. */
bool	value_is_proxy(const char *url);
/* A plain local part: RFC 5321 Dot-string, or UTF-8; no quoted string. */
bool	value_is_local_part(const char *local, size_t len);
/* "local@domain" with a plain local part: a new string whose domain is in
 * A-labels, to be freed; NULL if it is no address, or stands for several: no
 * mailbox has a "*", which RFC 5322 allows, and patterns mean more by it. */
char	*value_address(const char *text);
/* A domain name as A-labels, to be freed; NULL if it is none. */
char	*value_domain(const char *text);

#endif
