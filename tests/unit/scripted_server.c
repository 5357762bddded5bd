/* SPDX-License-Identifier: ISC */
#include "scripted_server.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 20	/* seconds until a server gives up altogether */

static char heard[256 * 1024];	/* not yet looked at */
static size_t heard_len;

static void
fail(const char *step, const char *what)
{
	fprintf(stderr, "scripted server: at \"%s\": %s: \"%.*s\"\n", step,
	    what, (int)(heard_len > 200 ? 200 : heard_len), heard);
	_exit(1);
}

/* False when the client has closed. */
static bool
listen_more(int fd)
{
	ssize_t n = read(fd, heard + heard_len, sizeof heard - heard_len);

	if (n > 0)
		heard_len += (size_t)n;
	return n > 0;
}

static void
forget(size_t len)
{
	heard_len -= len;
	memmove(heard, heard + len, heard_len);
}

static void
say(int fd, const char *text, const char *end)
{
	char line[8192];
	int len = snprintf(line, sizeof line, "%s%s", text, end);

	if (send(fd, line, (size_t)len, MSG_NOSIGNAL) == -1)
		return;		/* the client may have had enough */
}

static void
hear_line(int fd, const char *step)
{
	const char *end;
	size_t want = strlen(step + 1);

	while ((end = memmem(heard, heard_len, "\r\n", 2)) == NULL)
		if (!listen_more(fd))
			fail(step, "the client closed");
	if ((size_t)(end - heard) < want ||
	    memcmp(heard, step + 1, want) != 0)
		fail(step, "the client said");
	forget((size_t)(end - heard) + 2);
}

static void
hear_data(int fd, const char *step)
{
	const char *end;
	size_t len;

	while ((end = memmem(heard, heard_len, "\r\n.\r\n", 5)) == NULL &&
	    (heard_len < 3 || memcmp(heard, ".\r\n", 3) != 0))
		if (!listen_more(fd))
			fail(step, "the client closed in the data");
	len = end == NULL ? 3 : (size_t)(end - heard) + 5;
	if (step[1] != '\0' && (len != strlen(step + 1) ||
	    memcmp(heard, step + 1, len) != 0))
		fail(step, "the data was");
	forget(len);
}

static void
hear_octets(int fd, const char *step)
{
	size_t want = (size_t)atol(step + 1);

	while (heard_len < want)
		if (!listen_more(fd))
			fail(step, "the client closed in the chunk");
	forget(want);
}

static void
pause_ms(const char *ms)
{
	struct timespec t = { .tv_nsec = atol(ms) * 1000000 };

	nanosleep(&t, NULL);
}

static void
flood(int fd, const char *text)
{
	char line[8192];
	int len = snprintf(line, sizeof line, "%s\r\n", text);

	while (send(fd, line, (size_t)len, MSG_NOSIGNAL) != -1)
		;
}

static void
hear_goodbye(int fd, const char *step)
{
	while (listen_more(fd))
		if (heard_len == 6 && memcmp(heard, "QUIT\r\n", 6) == 0) {
			say(fd, "221 bye", "\r\n");
			heard_len = 0;
		}
	if (heard_len != 0)
		fail(step, "the client said at the end");
}

static void
play(int fd, const char *const *steps)
{
	const char *step;

	for (; (step = *steps) != NULL; steps++)
		switch (*step) {
		case '<': say(fd, step + 1, "\r\n"); break;
		case '(': say(fd, step + 1, ""); break;
		case '>': hear_line(fd, step); break;
		case '.': hear_data(fd, step); break;
		case '[': hear_octets(fd, step); break;
		case '=': pause_ms(step + 1); break;
		case '*': flood(fd, step + 1); _exit(0);
		case '^': _exit(0);
		case '!':
			if (heard_len != 0)
				fail(step, "the client also said");
			_exit(0);
		case '~':
			while (listen_more(fd))
				heard_len = 0;
			_exit(0);
		default: fail(step, "no such step");
		}
	hear_goodbye(fd, "end");
	_exit(0);
}

static void
serve(int fd, const void *steps)
{
	play(fd, steps);
}

void
scripted_server_start(struct forked_server *s, const char *const *steps)
{
	forked_server_start(s, PATIENCE, serve, steps);
}
