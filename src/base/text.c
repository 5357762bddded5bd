/* SPDX-License-Identifier: ISC */
#include "base/text.h"

#include <arpa/inet.h>
#include <netinet/in.h>

bool
text_is_ascii(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s > 0x7f)
			return false;
	return true;
}

bool
text_is_visible(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return false;
	return true;
}

bool
text_is_ip(const char *s)
{
	struct in6_addr any;

	return inet_pton(AF_INET, s, &any) == 1 ||
	    inet_pton(AF_INET6, s, &any) == 1;
}
