/* SPDX-License-Identifier: ISC */
#include "cli/dsn.h"

#include <string.h>
#include <strings.h>

#define NOTIFY_MAX	32	/* all three conditions are 21 octets long */

static bool
is_condition(const char *word, size_t len)
{
	static const char *const conditions[] = {
		"SUCCESS", "FAILURE", "DELAY"
	};
	size_t i;

	for (i = 0; i < sizeof conditions / sizeof *conditions; i++)
		if (strlen(conditions[i]) == len &&
		    strncasecmp(word, conditions[i], len) == 0)
			return true;
	return false;
}

bool
dsn_is_notify(const char *value)
{
	size_t len;

	if (strcasecmp(value, "NEVER") == 0)
		return true;
	if (strlen(value) >= NOTIFY_MAX)
		return false;
	for (;; value += len + 1) {
		len = strcspn(value, ",");
		if (!is_condition(value, len))
			return false;
		if (value[len] == '\0')
			return true;
	}
}

bool
dsn_is_ret(const char *value)
{
	return strcasecmp(value, "FULL") == 0 || strcasecmp(value, "HDRS") == 0;
}

bool
dsn_is_envid(const char *value)
{
	static const char hex[] = "0123456789ABCDEF";
	const char *p;

	for (p = value; *p != '\0'; p++) {
		if (*p < '!' || *p > '~' || *p == '=')
			return false;
		if (*p != '+')
			continue;
		if (p[1] == '\0' || strchr(hex, p[1]) == NULL ||
		    p[2] == '\0' || strchr(hex, p[2]) == NULL)
			return false;
		p += 2;
	}
	return p != value && p - value <= DSN_ENVID_MAX;
}

void
dsn_upper_case(char *to, size_t size, const char *value)
{
	size_t i;

	for (i = 0; value[i] != '\0' && i + 1 < size; i++)
		to[i] = value[i] >= 'a' && value[i] <= 'z' ?
		    (char)(value[i] - 'a' + 'A') : value[i];
	to[i] = '\0';
}
