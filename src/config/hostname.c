/* SPDX-License-Identifier: ISC */
#include "config/hostname.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "config/pattern.h"
#include "config/value.h"

#define FILE_MAX	(64 * 1024)	/* of /etc/hosts; the rest is unseen */
#define NODE_SIZE	256
#define NAMES_MAX	100		/* names of this host in /etc/hosts */
#define WORDS_MAX	64		/* names in one line of it */

/* What /etc/hosts says of us, read when first asked for. */
struct hosts {
	const struct host_source *source;
	char		 node[NODE_SIZE];	/* gethostname(2) */
	bool		 read;
	char		*names[NAMES_MAX];
	size_t		 count;
	const char	*full;		/* the one with a dot, or NULL */
};

const struct host_source host_source_system = {
	.hosts = "/etc/hosts", .mailname = "/etc/mailname"
};

/* The first bytes of a system file; nothing if it cannot be read. */
static void
read_file(const char *path, struct buf *out)
{
	char chunk[4096];
	struct stat sb;
	ssize_t got;
	int fd;

	buf_init(out, FILE_MAX);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1)
		return;
	if (fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode))
		while (!out->overflow &&
		    (got = read(fd, chunk, sizeof chunk)) > 0)
			buf_add(out, chunk, (size_t)got);
	close(fd);
}

static bool
is_localhost(const char *name)
{
	return strncasecmp(name, "localhost", 9) == 0 &&
	    (name[9] == '\0' || name[9] == '.');
}

static void
add_name(struct hosts *h, const char *name, bool may_be_full)
{
	if (h->count == NAMES_MAX)
		return;
	h->names[h->count] = xstrdup(name);
	if (may_be_full && h->full == NULL && strchr(name, '.') != NULL &&
	    !is_localhost(name))
		h->full = h->names[h->count];
	h->count++;
}

/* hosts(5): an address and its names.  A line is about us if the address is
 * loopback or one of the names is ours. */
static void
read_line(struct hosts *h, char *line)
{
	char *words[WORDS_MAX], *rest = line, *word;
	bool named = false, loopback;
	size_t count = 0, i;

	line[strcspn(line, "#")] = '\0';
	while (count < WORDS_MAX &&
	    (word = strtok_r(rest, " \t\r", &rest)) != NULL)
		words[count++] = word;
	if (count < 2)
		return;
	loopback = value_is_loopback(words[0]);
	for (i = 1; i < count; i++)
		named |= strcasecmp(words[i], h->node) == 0;
	for (i = 1; (loopback || named) && i < count; i++)
		add_name(h, words[i], named);
}

static void
read_hosts(struct hosts *h)
{
	struct buf text;
	char *line, *rest;

	if (h->read)
		return;
	h->read = true;
	read_file(h->source->hosts, &text);
	rest = text.data;
	while ((line = strsep(&rest, "\n")) != NULL)
		read_line(h, line);
	buf_release(&text);
}

static void
find_node(struct hosts *h)
{
	if (h->source->node != NULL)
		strncat(h->node, h->source->node, NODE_SIZE - 1);
	else if (gethostname(h->node, NODE_SIZE - 1) == -1)
		h->node[0] = '\0';
}

/* The host's own idea of its full name, or NULL. */
static char *
full_name(struct hosts *h)
{
	if (strchr(h->node, '.') != NULL && !is_localhost(h->node))
		return value_domain(h->node);
	read_hosts(h);
	return h->full == NULL ? NULL : value_domain(h->full);
}

/* The first line of /etc/mailname, as Debian's policy (11.6) has it. */
static char *
mail_name(const struct host_source *source)
{
	struct buf text;
	char *name;

	read_file(source->mailname, &text);
	text.data[strcspn(text.data, " \t\r\n")] = '\0';
	name = value_domain(text.data);
	buf_release(&text);
	return name;
}

static char *
first_label(const char *name)
{
	return xmemdup(name, strcspn(name, "."));
}

/* What the administrator calls this host comes before what the kernel does. */
static char *
short_name(const struct config *c, const char *node)
{
	return first_label(c->hostname != NULL ? c->hostname :
	    *node != '\0' ? node : "localhost");
}

/* The names that are known without /etc/hosts. */
static char **
cheap_names(const struct config *c, const char *node)
{
	char *label = first_label(node);
	const char *names[] = {
		"localhost", "localhost.localdomain", c->short_hostname,
		label, strchr(node, '.') != NULL ? node : NULL, c->hostname
	};
	char **list = xcalloc(sizeof names / sizeof *names + 1, sizeof *list);
	size_t i, count = 0;

	for (i = 0; i < sizeof names / sizeof *names; i++) {
		list[count] = names[i] == NULL ? NULL : value_domain(names[i]);
		if (list[count] != NULL)
			count++;
	}
	free(label);
	return list;
}

void
hostname_complete(struct config *c, const struct host_source *source)
{
	struct hosts *h = xcalloc(1, sizeof *h);

	h->source = source;
	find_node(h);
	c->hosts = h;
	if (c->hostname == NULL)
		c->hostname = full_name(h);
	c->short_hostname = short_name(c, h->node);
	if (c->domain == NULL)
		c->domain = mail_name(source);
	if (c->domain == NULL)
		c->domain = xstrdup(c->hostname != NULL ? c->hostname :
		    c->short_hostname);
	c->host_names = cheap_names(c, h->node);
}

void
hostname_release(struct config *c)
{
	size_t i;

	for (i = 0; c->hosts != NULL && i < c->hosts->count; i++)
		free(c->hosts->names[i]);
	free(c->hosts);
	c->hosts = NULL;
}

bool
config_is_host_name(const struct config *c, const char *domain)
{
	size_t i;

	for (i = 0; c->host_names[i] != NULL; i++)
		if (pattern_same_domain(c->host_names[i], domain))
			return true;
	read_hosts(c->hosts);
	for (i = 0; i < c->hosts->count; i++)
		if (pattern_same_domain(c->hosts->names[i], domain))
			return true;
	return false;
}
