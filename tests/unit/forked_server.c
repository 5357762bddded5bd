/* SPDX-License-Identifier: ISC */
#include "forked_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int
listen_somewhere(int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || bind(fd, (struct sockaddr *)&a, len) == -1 ||
	    listen(fd, 1) == -1 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) == -1)
		abort();
	*port = ntohs(a.sin_port);
	return fd;
}

void
forked_server_start(struct forked_server *s, unsigned patience,
    void (*serve)(int fd, const void *context), const void *context)
{
	int fd = listen_somewhere(&s->port), connection;

	s->pid = fork();
	if (s->pid == 0) {
		alarm(patience);
		connection = accept(fd, NULL, NULL);
		close(fd);
		serve(connection, context);
		_exit(0);
	}
	close(fd);
}

int
forked_server_end(const struct forked_server *s)
{
	int how;

	if (waitpid(s->pid, &how, 0) == -1)
		return -1;
	return WIFEXITED(how) && WEXITSTATUS(how) == 0 ? 0 : -1;
}
