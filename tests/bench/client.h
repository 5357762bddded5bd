/* SPDX-License-Identifier: ISC
 *
 * A client that does only what cannot be left out, for the yardsticks floor and
 * writer.  It knows the server, believes every reply that begins with 2 or 3,
 * and ends the program when anything goes wrong.
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stddef.h>

#define CLIENT_USAGE "PORT CA-DIRECTORY SESSION-FILE MAILBOX TOKEN-FILE"
#define CLIENT_ARGUMENTS 5

struct client_arguments {
	int		 port;		/* on 127.0.0.1, "localhost" by its name */
	const char	*ca_directory;	/* hashed: a bundle would be parsed */
	const char	*session_file;	/* a TLS session is kept and resumed here */
	const char	*mailbox;
	char		*token;
};

/* Reads the arguments from argv[1] on. */
void	client_arguments(struct client_arguments *a, char **argv);
/* From connect(2) to the answer to AUTH. */
void	client_open(const struct client_arguments *a);
/* One write(2) for each 16 KB. */
void	client_put(const void *bytes, size_t len);
/* Reads that many replies. */
void	client_expect(int replies);
/* All of a file, `len` octets, and a NUL behind them. */
char	*client_load(int fd, size_t *len);

#endif
