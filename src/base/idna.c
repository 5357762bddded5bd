/* SPDX-License-Identifier: ISC */
#include "base/idna.h"

#include <dlfcn.h>
#include <idn2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>

#include "base/log.h"
#include "base/text.h"
#include "base/xalloc.h"

#define DOMAIN_MAX	253	/* RFC 1035 2.3.4, less the root's two octets */
#define LABEL_MAX	63

/* Longer input cannot become a domain; libidn2 need not find that out. */
#define INPUT_MAX	(4 * DOMAIN_MAX)

static bool
has_a_label(const char *domain)
{
	const char *label = domain;

	while (label != NULL) {
		if (strncasecmp(label, "xn--", 4) == 0)
			return true;
		if ((label = strchr(label, '.')) != NULL)
			label++;
	}
	return false;
}

/* RFC 5321 4.1.3: "[192.0.2.1]", "[IPv6:2001:db8::1]", printable ASCII. */
static int
copy_literal(const char *literal, char out[IDNA_DOMAIN_SIZE])
{
	size_t len = strlen(literal), i;

	if (len < 3 || len > DOMAIN_MAX || literal[len - 1] != ']')
		return -1;
	for (i = 1; i < len - 1; i++)
		if (literal[i] <= ' ' || literal[i] >= 0x7f ||
		    strchr("[]\\", literal[i]) != NULL)
			return -1;
	memcpy(out, literal, len + 1);
	return 0;
}

/* Lower-cases a domain in ASCII, whatever the locale, and judges its form. */
static int
copy_ascii(const char *domain, char out[IDNA_DOMAIN_SIZE])
{
	size_t i, label = 0;
	char c;

	for (i = 0; (c = domain[i]) != '\0'; i++) {
		if (i == DOMAIN_MAX)
			return -1;
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (c == '.') {
			if (label == 0)
				return -1;
			label = 0;
		} else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		    c == '-' || c == '_') {
			if (++label > LABEL_MAX)
				return -1;
		} else
			return -1;
		out[i] = c;
	}
	out[i] = '\0';
	return label == 0 ? -1 : 0;
}

/* Hardly any mail needs it, and with libunistring behind it the library would
 * be a twentieth of a small message's CPU time: it is loaded for the first domain
 * that is not ASCII, as the GNU C library does for AI_IDN. */
#ifdef __linux__
#define LIBRARY	"libidn2.so.0"

static struct {
	__typeof__(idn2_lookup_u8) *lookup;
	__typeof__(idn2_free) *release;
} library;

static void	give_up(void) __attribute__((noreturn));

/* Where there is no memory for it, or it was taken off the host, no domain is to
 * be called wrong for that: as with xmalloc(), the caller keeps his message. */
static void
give_up(void)
{
	char text[512];

	snprintf(text, sizeof text, "%s\nmailbearer: hint: install libidn2, or "
	    "allow this process more memory; see ulimit -a", dlerror());
	log_line(LOG_ERR, "no domains but in ASCII: %.*s",
	    (int)strcspn(text, "\n"), text);
	xalloc_give_up(text);
}

static void
load_library(void)
{
	void *handle, *lookup, *release;

	if (library.lookup != NULL)
		return;
	if ((handle = dlopen(LIBRARY, RTLD_NOW)) == NULL ||
	    (lookup = dlsym(handle, "idn2_lookup_u8")) == NULL ||
	    (release = dlsym(handle, "idn2_free")) == NULL)
		give_up();
	/* C knows no cast from an object to a function. */
	memcpy(&library.lookup, &lookup, sizeof lookup);
	memcpy(&library.release, &release, sizeof release);
}
#else
static const struct {
	__typeof__(idn2_lookup_u8) *lookup;
	__typeof__(idn2_free) *release;
} library = { idn2_lookup_u8, idn2_free };

static void
load_library(void)
{
}
#endif

int
idna_to_ascii(const char *domain, char out[IDNA_DOMAIN_SIZE])
{
	uint8_t *ascii = NULL;
	int r;

	if (domain[0] == '[')
		return copy_literal(domain, out);
	/* Plain ASCII is not IDNA's business (RFC 5891 5.3): names such as
	 * "r3---x.example" exist, and libidn2 would refuse them. */
	if (text_is_ascii(domain) && !has_a_label(domain))
		return copy_ascii(domain, out);
	if (strnlen(domain, INPUT_MAX + 1) > INPUT_MAX)
		return -1;
	load_library();
	r = library.lookup((const uint8_t *)domain, &ascii,
	    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (r == IDN2_MALLOC)
		xalloc_give_up(NULL);
	if (r != IDN2_OK)
		return -1;
	r = copy_ascii((const char *)ascii, out);
	library.release(ascii);
	return r;
}
