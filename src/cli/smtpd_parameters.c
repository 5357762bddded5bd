/* SPDX-License-Identifier: ISC */
#include "cli/smtpd_parameters.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/xalloc.h"
#include "cli/dsn.h"

#define BAD_VALUE	"501 5.5.4 Bad parameter value"

char *
smtpd_split_path(char *args, const char *keyword, char **path)
{
	size_t len = strlen(keyword);
	bool quoted = false;
	char *p;

	if (strncasecmp(args, keyword, len) != 0)
		return NULL;
	args += len;
	args += strspn(args, " \t");
	*path = args;
	for (p = args; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted && (*p == ' ' || *p == '\t'))
			break;
	}
	if (*p != '\0')
		*p++ = '\0';
	return p + strspn(p, " \t");
}

static const char *
take_size(struct smtpd_parameters *p, const char *value)
{
	unsigned long long size;
	char *end;

	if (!isdigit((unsigned char)*value))
		return BAD_VALUE;
	size = strtoull(value, &end, 10);
	if (*end != '\0')
		return BAD_VALUE;
	if (size > (unsigned long long)p->max_size)
		return "552 5.3.4 Message too large";
	return NULL;
}

static const char *
take_body(struct smtpd_parameters *p, const char *value)
{
	(void)p;	/* the message itself is looked at */
	return strcasecmp(value, "7BIT") == 0 ||
	    strcasecmp(value, "8BITMIME") == 0 ? NULL : BAD_VALUE;
}

static const char *
take_ret(struct smtpd_parameters *p, const char *value)
{
	if (!dsn_is_ret(value))
		return BAD_VALUE;
	dsn_upper_case(p->ret, sizeof p->ret, value);
	return NULL;
}

static const char *
take_notify(struct smtpd_parameters *p, const char *value)
{
	if (!dsn_is_notify(value))
		return BAD_VALUE;
	dsn_upper_case(p->notify, sizeof p->notify, value);
	return NULL;
}

static const char *
take_envid(struct smtpd_parameters *p, const char *value)
{
	if (!dsn_is_envid(value))
		return BAD_VALUE;
	free(p->envid);
	p->envid = xstrdup(value);
	return NULL;
}

/* We write an ORCPT of our own where one is asked for, and know no user but the
 * one who called us: these are taken and forgotten. */
static const char *
take_text(struct smtpd_parameters *p, const char *value)
{
	(void)p;
	for (; *value != '\0'; value++)
		if ((unsigned char)*value < '!' || *value == 0x7f)
			return BAD_VALUE;
	return NULL;
}

static const struct {
	const char	*name;
	enum smtpd_verb	 verb;
	const char	*(*take)(struct smtpd_parameters *p, const char *value);
} parameters[] = {
	{ "SIZE", SMTPD_MAIL, take_size },
	{ "BODY", SMTPD_MAIL, take_body },
	{ "SMTPUTF8", SMTPD_MAIL, take_text },
	{ "RET", SMTPD_MAIL, take_ret },
	{ "ENVID", SMTPD_MAIL, take_envid },
	{ "AUTH", SMTPD_MAIL, take_text },
	{ "NOTIFY", SMTPD_RCPT, take_notify },
	{ "ORCPT", SMTPD_RCPT, take_text },
};

static const char *
take_parameter(struct smtpd_parameters *p, enum smtpd_verb verb,
    const char *name, const char *value)
{
	size_t i;

	for (i = 0; i < sizeof parameters / sizeof *parameters; i++)
		if (parameters[i].verb == verb &&
		    strcasecmp(parameters[i].name, name) == 0)
			return parameters[i].take(p, value);
	return "555 5.5.4 Parameter not recognized";
}

const char *
smtpd_parameters_take(struct smtpd_parameters *p, enum smtpd_verb verb,
    char *text)
{
	const char *wrong;
	char *word, *rest = NULL, *value;

	for (word = strtok_r(text, " \t", &rest); word != NULL;
	    word = strtok_r(NULL, " \t", &rest)) {
		value = strchr(word, '=');
		if (value != NULL)
			*value++ = '\0';
		if ((wrong = take_parameter(p, verb, word,
		    value != NULL ? value : "")) != NULL)
			return wrong;
	}
	return NULL;
}

void
smtpd_parameters_apply(const struct smtpd_parameters *p, struct envelope *e)
{
	if (p->envid != NULL) {
		free(e->envid);
		e->envid = xstrdup(p->envid);
	}
	if (p->ret[0] != '\0')
		memcpy(e->ret, p->ret, sizeof e->ret);
	if (p->notify[0] != '\0')
		memcpy(e->notify, p->notify, sizeof e->notify);
}

void
smtpd_parameters_reset(struct smtpd_parameters *p)
{
	free(p->envid);
	p->envid = NULL;
	p->ret[0] = p->notify[0] = '\0';
}
