/* SPDX-License-Identifier: ISC */
#include "token/libraries.h"

#include <curl/curl.h>
#include <openssl/crypto.h>

#include "base/wiping.h"

/* OpenSSL wants to tell where it was. */
static void *
openssl_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return wiping_malloc(size);
}

static void *
openssl_realloc(void *block, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return wiping_realloc(block, size);
}

static void
openssl_free(void *block, const char *file, int line)
{
	(void)file;
	(void)line;
	wiping_free(block);
}

int
libraries_start(struct status *st)
{
	/* Where another library has made OpenSSL allocate already it says no, and
	 * goes on as it is. */
	(void)CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc,
	    openssl_free);
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, wiping_malloc,
	    wiping_free, wiping_realloc, wiping_strdup, wiping_calloc) != 0)
		return status_set(st, EX_OSERR, "libcurl cannot start");
	return 0;
}
