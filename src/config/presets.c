/* SPDX-License-Identifier: ISC */
#include "config/presets.h"

#include <string.h>

#define COUNT(array)	(sizeof (array) / sizeof *(array))

/* The scope and host of usgov-dod are not confirmed by Microsoft's pages; each
 * can be overridden. */
static const struct cloud clouds[] = {
	{ "public", "https://login.microsoftonline.com",
	    "https://outlook.office365.com/.default",
	    "https://outlook.office.com/SMTP.Send offline_access",
	    "smtp.office365.com" },
	{ "usgov", "https://login.microsoftonline.us",
	    "https://outlook.office365.us/.default",
	    "https://outlook.office365.us/SMTP.Send offline_access",
	    "smtp.office365.us" },
	{ "usgov-dod", "https://login.microsoftonline.us",
	    "https://outlook-dod.office365.us/.default",
	    "https://outlook-dod.office365.us/SMTP.Send offline_access",
	    "outlook-dod.office365.us" },
	{ "china", "https://login.partner.microsoftonline.cn",
	    "https://partner.outlook.cn/.default",
	    "https://partner.outlook.cn/SMTP.Send offline_access",
	    "smtp.partner.outlook.cn" },
};

const char *const cloud_names[] = {
	"public", "usgov", "usgov-dod", "china", NULL
};
_Static_assert(COUNT(cloud_names) == COUNT(clouds) + 1, "a name for each");

/* High Volume Email refuses a token in its last ten minutes (5.5.127).  Relay
 * by connector and Direct Send are not bound by a mailbox's limits. */
static const struct preset presets[] = {
	{ .name = "exchange-online", .host_source = HOST_OF_CLOUD,
	    .port = 587, .auth = AUTH_XOAUTH2, .max_connections = 3,
	    .messages_per_minute = 30, .max_recipients = 500,
	    .token_margin = 300 },
	{ .name = "high-volume-email", .host = "smtp.hve.mx.microsoft",
	    .port = 587, .auth = AUTH_XOAUTH2, .max_connections = 10,
	    .messages_per_minute = 0, .max_recipients = 50,
	    .token_margin = 600 },
	{ .name = "azure-communication-services",
	    .host = "smtp.azurecomm.net",
	    .port = 587, .auth = AUTH_XOAUTH2, .max_connections = 3,
	    .messages_per_minute = 30, .max_recipients = 50,
	    .token_margin = 300,
	    .scope = "https://communication.azure.com/.default" },
	{ .name = "relay", .host_source = HOST_OF_TENANT,
	    .port = 25, .auth = AUTH_NONE, .max_connections = 10,
	    .messages_per_minute = 0, .max_recipients = 500,
	    .token_margin = 300 },
	{ .name = "direct-send", .host_source = HOST_OF_TENANT,
	    .port = 25, .auth = AUTH_NONE, .max_connections = 10,
	    .messages_per_minute = 0, .max_recipients = 500,
	    .token_margin = 300 },
	{ .name = "smtp", .host_source = HOST_GIVEN,
	    .port = 587, .auth = AUTH_PLAIN, .max_connections = 10,
	    .messages_per_minute = 0, .max_recipients = 100,
	    .token_margin = 300 },
};

const char *const preset_names[] = {
	"exchange-online", "high-volume-email", "azure-communication-services",
	"relay", "direct-send", "smtp", NULL
};
_Static_assert(COUNT(preset_names) == COUNT(presets) + 1, "a name for each");

const struct cloud *
cloud_find(const char *name)
{
	size_t i;

	for (i = 0; i < COUNT(clouds); i++)
		if (strcmp(clouds[i].name, name) == 0)
			return &clouds[i];
	return NULL;
}

const struct preset *
preset_find(const char *name)
{
	size_t i;

	for (i = 0; i < COUNT(presets); i++)
		if (strcmp(presets[i].name, name) == 0)
			return &presets[i];
	return NULL;
}
