/* SPDX-License-Identifier: ISC */
#include "cli/dsn.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CONDITIONS 3

static const char *const conditions[CONDITIONS] = {
	"SUCCESS", "FAILURE", "DELAY"
};

static bool
is_condition(const char *word, size_t len)
{
	size_t i;

	for (i = 0; i < CONDITIONS; i++)
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
	if (strlen(value) >= DSN_NOTIFY_SIZE)
		return false;
	for (;; value += len + 1) {
		len = strcspn(value, ",");
		if (!is_condition(value, len))
			return false;
		if (value[len] == '\0')
			return true;
	}
}

/* RFC 3461 4.1: without NOTIFY failures are reported. */
static bool
wants(const char *notify, const char *condition)
{
	return strstr(notify[0] != '\0' ? notify : "FAILURE", condition) != NULL;
}

void
dsn_join_notify(char notify[DSN_NOTIFY_SIZE], const char *other)
{
	char joined[DSN_NOTIFY_SIZE] = "";
	size_t i, len = 0;

	if (strcmp(notify, other) == 0 || strcmp(other, "NEVER") == 0)
		return;
	if (strcmp(notify, "NEVER") == 0) {
		snprintf(notify, DSN_NOTIFY_SIZE, "%s", other);
		return;
	}
	for (i = 0; i < CONDITIONS; i++)
		if (wants(notify, conditions[i]) || wants(other, conditions[i]))
			len += (size_t)snprintf(joined + len, sizeof joined - len,
			    "%s%s", len > 0 ? "," : "", conditions[i]);
	memcpy(notify, joined, sizeof joined);
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
