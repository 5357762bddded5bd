/* SPDX-License-Identifier: ISC */
/* ERR_load_*_strings() are in every OpenSSL to 3.x, "not required now" by its
 * manual; configure looks whether the one at hand has them. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "smtp/tls_error.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/status.h"

#define REFUSED_OWN	"the server does not accept our certificate"
#define FIX_OWN		true, "see tls-certificate"
#define OTHER_KEY	"it is not the key of tls-certificate", false, \
			"tls-private-key has to belong to tls-certificate"

#define NO_VERSION	false, "the server offers nothing as new as tls-minimum"
#define TLS(reason)	ERR_LIB_SSL, SSL_R_##reason

/* OpenSSL's reasons that an administrator can do something about. */
static const struct reason {
	int		 library, reason;
	const char	*words;
	bool		 own;
	const char	*hint;
} reasons[] = {
	{ TLS(UNSUPPORTED_PROTOCOL), "the server's TLS is too old",
	  NO_VERSION },
	{ TLS(TLSV1_ALERT_PROTOCOL_VERSION), "no TLS version in common",
	  NO_VERSION },
	{ TLS(WRONG_VERSION_NUMBER), "what the server sent is not TLS", false,
	  "see whether `port` and `tls` (implicit or starttls) fit together" },
	{ TLS(SSLV3_ALERT_HANDSHAKE_FAILURE), "no cipher in common, or the "
	  "server wants a client certificate", FIX_OWN },
	{ TLS(TLSV13_ALERT_CERTIFICATE_REQUIRED), "the server wants a client "
	  "certificate", FIX_OWN },
	{ TLS(TLSV1_ALERT_UNKNOWN_CA), "the server does not know who issued "
	  "our certificate", FIX_OWN },
	{ TLS(SSLV3_ALERT_CERTIFICATE_EXPIRED), "our certificate has expired",
	  FIX_OWN },
	{ TLS(SSLV3_ALERT_BAD_CERTIFICATE), REFUSED_OWN, FIX_OWN },
	{ TLS(SSLV3_ALERT_UNSUPPORTED_CERTIFICATE), REFUSED_OWN, FIX_OWN },
	{ TLS(SSLV3_ALERT_CERTIFICATE_REVOKED), REFUSED_OWN, FIX_OWN },
	{ TLS(SSLV3_ALERT_CERTIFICATE_UNKNOWN), REFUSED_OWN, FIX_OWN },
	{ TLS(DH_KEY_TOO_SMALL), "the server's key exchange is too weak",
	  false, "the server needs better Diffie-Hellman parameters" },
	/* Of another kind, and another one of the same kind. */
	{ TLS(NO_CERTIFICATE_ASSIGNED), OTHER_KEY },
	{ ERR_LIB_X509, X509_R_KEY_VALUES_MISMATCH, OTHER_KEY },
};

static const struct reason *
find_reason(unsigned long error)
{
	size_t i;

	for (i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (ERR_GET_LIB(error) == reasons[i].library &&
		    ERR_GET_REASON(error) == reasons[i].reason)
			return &reasons[i];
	return NULL;
}

#if HAVE_DECL_ERR_LOAD_SSL_STRINGS
uint64_t
tls_error_options(void)
{
	return OPENSSL_INIT_NO_LOAD_SSL_STRINGS |
	    OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS;
}

/* Of what a handshake and the files of a certificate go through. */
static void
load_texts(void)
{
	ERR_load_ERR_strings();
	ERR_load_SSL_strings();
	ERR_load_X509_strings();
	ERR_load_PEM_strings();
	ERR_load_ASN1_strings();
	ERR_load_EVP_strings();
	ERR_load_RSA_strings();
	ERR_load_EC_strings();
#ifndef OPENSSL_NO_DH
	ERR_load_DH_strings();
#endif
}
#else
uint64_t
tls_error_options(void)
{
	return OPENSSL_INIT_LOAD_SSL_STRINGS |
	    OPENSSL_INIT_LOAD_CRYPTO_STRINGS;
}

static void
load_texts(void)
{
}
#endif

static const char *
find_text(unsigned long error)
{
	if (error == 0)
		return "OpenSSL gives no reason";
	if (ERR_GET_LIB(error) == ERR_LIB_SYS)
		return strerror(ERR_GET_REASON(error));
	load_texts();
	return ERR_reason_error_string(error);
}

/* What the server says, which has a text as long as somebody has thought of it:
 * RFC 8446 6.2. */
static bool
is_alert(unsigned long error)
{
	return ERR_GET_LIB(error) == ERR_LIB_SSL &&
	    ERR_GET_REASON(error) >= SSL_AD_REASON_OFFSET;
}

void
tls_error_read(struct tls_error *e)
{
	unsigned long error = ERR_peek_error();
	const struct reason *r = find_reason(error);
	const char *text = r != NULL ? r->words : find_text(error);

	memset(e, 0, sizeof *e);
	if (text == NULL)
		text = find_text(ERR_peek_last_error());
	if (text != NULL)
		status_printable(e->words, sizeof e->words, text);
	else if (is_alert(error))
		snprintf(e->words, sizeof e->words, "the server sent the TLS "
		    "alert %d", ERR_GET_REASON(error) - SSL_AD_REASON_OFFSET);
	else
		snprintf(e->words, sizeof e->words, "OpenSSL's error %08lX "
		    "(what it means: openssl errstr %08lX)", error, error);
	if (r != NULL) {
		e->hint = r->hint;
		e->own = r->own;
	}
}

bool
tls_error_is_of_tls(void)
{
	return ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_SSL;
}
