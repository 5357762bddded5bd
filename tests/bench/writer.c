/* SPDX-License-Identifier: ISC
 *
 *	writer PORT CA-DIRECTORY SESSION-FILE MAILBOX TOKEN-FILE RECIPIENT
 *	    CONNECTIONS COUNT [DIRECTORY] <MESSAGE
 *
 * The yardstick for a queue: sends the message COUNT times, over so many
 * connections at once, MAIL, RCPT and BDAT of the next before the last is
 * answered.  Prints the microseconds from the first connect to the last answer.
 *
 * Without DIRECTORY it reads nothing and writes nothing but to the wire: no
 * queue could do that.  With it each message lies there in a file of its own; it
 * is read, a line is added to it and synced before the message leaves, and it is
 * removed after the 250: what a plain queue does which a crash does not make send
 * twice.
 */
#include <sys/wait.h>

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client.h"

#define OUT_MAX		(64 * 1024)
#define WINDOW		64	/* messages that no answer has come for */

struct batch {
	const char	*mailbox, *recipient, *directory;
	char		*message;
	size_t		 len;
	int		 first, end;	/* numbers of its messages */
};

static char out[OUT_MAX];
static size_t used;

static void
flush_out(void)
{
	if (used != 0)
		client_put(out, used);
	used = 0;
}

static void
queue(const char *bytes, size_t len)
{
	size_t n;

	for (; len != 0; bytes += n, len -= n) {
		if (used == OUT_MAX)
			flush_out();
		n = OUT_MAX - used < len ? OUT_MAX - used : len;
		memcpy(out + used, bytes, n);
		used += n;
	}
}

static void
path_of(const struct batch *b, int number, char *path, size_t size)
{
	snprintf(path, size, "%s/%d", b->directory, number);
}

static void
make_files(const struct batch *b)
{
	char path[4096];
	int i, fd;

	for (i = b->first; i < b->end; i++) {
		path_of(b, i, path, sizeof path);
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		if (fd == -1 || write(fd, b->message, b->len) !=
		    (ssize_t)b->len || fsync(fd) == -1)
			err(73, "%s", path);
		close(fd);
	}
}

/* Reads the message and has it on the disk that it was sent. */
static void
take_from_disk(struct batch *b, int number)
{
	char path[4096];
	int fd;

	path_of(b, number, path, sizeof path);
	fd = open(path, O_RDWR);
	if (fd == -1 || read(fd, b->message, b->len) != (ssize_t)b->len ||
	    write(fd, "sent\n", 5) != 5 || fdatasync(fd) == -1)
		err(74, "%s", path);
	close(fd);
}

static void
put_message(struct batch *b, int number)
{
	char head[1024];

	if (b->directory != NULL)
		take_from_disk(b, number);
	snprintf(head, sizeof head, "MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\n"
	    "BDAT %zu LAST\r\n", b->mailbox, b->recipient, b->len);
	queue(head, strlen(head));
	queue(b->message, b->len);
}

static void
take_answer(const struct batch *b, int number)
{
	char path[4096];

	client_expect(3);
	if (b->directory == NULL)
		return;
	path_of(b, number, path, sizeof path);
	unlink(path);
}

/* A window's half is awaited at a time, so that both sides have work. */
static void
send_batch(struct batch *b)
{
	int sent = b->first, answered = b->first, until;

	while (answered < b->end) {
		while (sent < b->end && sent - answered < WINDOW)
			put_message(b, sent++);
		flush_out();
		until = sent == b->end ? sent : sent - WINDOW / 2;
		while (answered < until)
			take_answer(b, answered++);
	}
	client_put("QUIT\r\n", 6);
	client_expect(1);
}

static long long
microseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Each connection in a process of its own. */
static int
send_all(const struct client_arguments *a, const struct batch *all,
    int connections)
{
	int i, status, failed = 0, count = all->end;
	struct batch b = *all;

	for (i = 0; i < connections; i++) {
		b.first = i * count / connections;
		b.end = (i + 1) * count / connections;
		switch (fork()) {
		case -1:
			err(71, "fork");
		case 0:
			client_open(a);
			send_batch(&b);
			_exit(0);
		}
	}
	while (wait(&status) != -1)
		failed |= status != 0;
	return failed;
}

int
main(int argc, char **argv)
{
	struct client_arguments a;
	struct batch all = { 0 };
	long long start;
	int failed;

	if (argc != CLIENT_ARGUMENTS + 4 && argc != CLIENT_ARGUMENTS + 5)
		errx(64, "usage: writer " CLIENT_USAGE
		    " RECIPIENT CONNECTIONS COUNT [DIRECTORY] <MESSAGE");
	client_arguments(&a, argv);
	argv += CLIENT_ARGUMENTS;
	all.mailbox = a.mailbox;
	all.recipient = argv[1];
	all.end = atoi(argv[3]);
	all.directory = argv[4];
	all.message = client_load(STDIN_FILENO, &all.len);
	if (all.directory != NULL)
		make_files(&all);
	start = microseconds();
	failed = send_all(&a, &all, atoi(argv[2]));
	printf("%lld\n", microseconds() - start);
	return failed;
}
