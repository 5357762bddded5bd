/* SPDX-License-Identifier: ISC
 *
 * Every key of mailbearer.conf, once: the scanner, libconfuse, the conversion
 * into structs, the errors and the check of the manual page all read from here.
 * Adding a key is adding a row.
 */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a key stands: outside of blocks, or inside one of this kind. */
enum key_level { LEVEL_TOP, LEVEL_APP, LEVEL_ACCOUNT, LEVEL_COUNT };

#define LEVEL_KEYS_MAX	28	/* keys of one level */

/* What a value must look like, and what it is stored as. */
enum key_type {
	KEY_TEXT,		/* printable text: char * */
	KEY_ID,			/* letters, digits, dot, dash, underscore: char * */
	KEY_NAME,		/* name of an app or account: char * */
	KEY_FLAG,		/* bool */
	KEY_NUMBER,		/* int, min to max */
	KEY_DURATION,		/* int64_t seconds, min to max */
	KEY_SIZE,		/* int64_t bytes, min to max */
	KEY_DATE,		/* int64_t seconds since 1970, UTC midnight */
	KEY_WORD,		/* one of `words`: char * */
	KEY_CHOICE,		/* one of `words`: its index + min, int or enum */
	KEY_DOMAIN,		/* domain name as A-labels: char * */
	KEY_HOST,		/* the same, or an IP address: char * */
	KEY_LITERAL,		/* an IP address: char * */
	KEY_ADDRESS,		/* local@domain, the domain as A-labels: char * */
	KEY_PATH,		/* absolute path: char * */
	KEY_PATH_OR_NONE,	/* the same, or "", which is kept as NULL */
	KEY_FILE,		/* absolute path or credential:NAME: char * */
	KEY_FILE_OR_URI,	/* the same, or SCHEME:... of an OpenSSL provider,
				 * but file: (which would escape our checks) */
	KEY_LOG,		/* syslog, stderr or an absolute path: char * */
	KEY_URL,		/* https, or http to this machine: char * */
	KEY_PROXY,		/* http or https URL of a proxy: char * */
	/* Lists: char **, ending in NULL. */
	KEY_FILES,		/* of KEY_FILE */
	KEY_PATTERNS,		/* config/account.h, domains as A-labels */
	KEY_USERS,		/* login names, numeric uids, @groups */
	KEY_COMMAND		/* absolute path of a program, its arguments */
};

struct key {
	const char	*name;
	enum key_type	 type;
	size_t		 offset;	/* in struct config, app or account */
	const char	*standard;	/* default as it would be written, or NULL */
	int64_t		 min, max;
	const char *const *words;	/* ending in NULL */
	const char	*help;		/* one line, for people */
};

struct key_table {
	const char	*where;		/* "app", "account"; "" outside of blocks */
	const struct key *keys;
	size_t		 count;		/* at most LEVEL_KEYS_MAX */
};

extern const struct key_table key_tables[LEVEL_COUNT];

/* The key of that name at that level, or NULL; exact, not prefix. */
const struct key *key_find(enum key_level level, const char *name);
/* The known name most like `name` (block names and keys of `level`), or NULL
 * if nothing is near. */
const char *key_nearest(enum key_level level, const char *name);
/* Whether the field is a char **, or a char *; else it is a number. */
bool	key_is_list(const struct key *k);
bool	key_is_string(const struct key *k);

#endif
