/* SPDX-License-Identifier: ISC
 *
 * What the servers of unit tests have in common: each is a process of its own on
 * a port of 127.0.0.1, for one connection.
 */
#ifndef FORKED_SERVER_H
#define FORKED_SERVER_H

#include <sys/types.h>

struct forked_server {
	pid_t	pid;
	int	port;
};

/* Starts it: `serve` gets the connection, and exits, with 0 if all went well; it
 * is killed after `patience` seconds. */
void	forked_server_start(struct forked_server *s, unsigned patience,
	    void (*serve)(int fd, const void *context), const void *context);
/* Waits for its end: 0 if all went well, -1. */
int	forked_server_end(const struct forked_server *s);

#endif
