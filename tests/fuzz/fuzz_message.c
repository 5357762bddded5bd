/* SPDX-License-Identifier: ISC
 *
 * Any bytes as stdin, the first of them choosing the mode: what is kept is what
 * the model makes of them, is in the stored form, which message_open() proves,
 * and says the same of itself; and what stands behind the message stays there.
 *
 * Also built as fuzz_pieces, whose buffers are so small that every line comes in
 * pieces and every message goes to a file.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/safefile.h"
#include "base/xalloc.h"
#include "fuzz.h"
#include "mail/lines.h"
#include "mail/message.h"
#include "mail/utf8.h"
#include "model.h"

static int
file_of(const void *bytes, size_t len)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	FUZZ_PROMISE(fd != -1);
	FUZZ_PROMISE(safefile_write_all(fd, bytes, len) == 0);
	FUZZ_PROMISE(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

/* Where pieces go that are too long for memory; the real limit is beyond what a
 * fuzzer makes up. */
static int
directory(void)
{
	static int fd = -1;

	if (MESSAGE_MEMORY_MAX < 4096 && fd == -1)
		fd = open(P_tmpdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd;
}

static void
check_reopened(const struct message *m, const char *bytes)
{
	int fd = file_of(bytes, (size_t)m->size);
	struct status st = STATUS_INIT;
	struct message again;

	FUZZ_PROMISE(message_open(&again, fd, m->size, m->body_offset, &st) == 0);
	FUZZ_PROMISE(again.header.count == m->header.count);
	FUZZ_PROMISE(again.header_8bit == m->header_8bit);
	FUZZ_PROMISE(again.body_8bit == m->body_8bit);
	FUZZ_PROMISE(again.longest_body_line == m->longest_body_line);
	message_release(&again);
}

static void
check_stored(const struct message *m, const struct model *model)
{
	size_t size = (size_t)m->size, body = (size_t)m->body_offset;
	char *bytes = xmalloc(size + 1);
	struct status st = STATUS_INIT;

	FUZZ_PROMISE(size == model->stored.len && body == model->body_offset);
	FUZZ_PROMISE(message_pread(m, bytes, size, 0, &st) == (ssize_t)size);
	FUZZ_PROMISE(memcmp(bytes, model->stored.data, size) == 0);
	FUZZ_PROMISE(m->header_8bit == utf8_has_8bit(bytes, body));
	FUZZ_PROMISE(m->body_8bit == utf8_has_8bit(bytes + body, size - body));
	FUZZ_PROMISE(m->had_nul == model->had_nul);
	FUZZ_PROMISE(m->had_bare_cr == model->had_bare_cr);
	check_reopened(m, bytes);
	free(bytes);
}

/* In -bs the next command is found behind the message, whatever came of it; of
 * a pipe nothing is left. */
static void
check_rest(struct line_source *source, const char *rest, size_t len)
{
	struct status st = STATUS_INIT;
	const char *text;
	ssize_t n;

	while ((n = line_source_peek(source, &text, &st)) > 0) {
		FUZZ_PROMISE((size_t)n <= len && memcmp(text, rest, (size_t)n) == 0);
		line_source_take(source, (size_t)n);
		rest += n;
		len -= (size_t)n;
	}
	FUZZ_PROMISE(n == 0 && len == 0);
}

static void
read_message(const struct message_options *o, bool crlf, const char *text,
    size_t len)
{
	struct model model = { .dots = o->dot_ends || o->smtp,
	    .smtp = o->smtp, .strict = o->smtp && crlf };
	struct message m = MESSAGE_INIT;
	struct status st = STATUS_INIT;
	struct line_source source;
	int fd = file_of(text, len);
	bool good;

	model_read(&model, text, len);
	line_source_init(&source, fd);
	source.crlf = crlf;
	good = message_read_from(&m, &source, o, &st) == 0;
	if (good)
		check_stored(&m, &model);
	else
		FUZZ_PROMISE(st.sysexit != EX_OK && m.fd == -1);
	FUZZ_PROMISE(good == ((model.ended || !o->smtp) && (o->max_size == 0 ||
	    model.stored.len <= (size_t)o->max_size)));
	check_rest(&source, text + model.used, o->smtp ? len - model.used : 0);
	message_release(&m);
	line_source_release(&source);
	model_release(&model);
	close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message_options o = { .directory = directory() };

	if (size == 0 || !model_covers((const char *)data, size))
		return 0;
	o.dot_ends = data[0] & 1;
	o.smtp = data[0] & 2;
	o.max_size = data[0] & 4 ? 100 : 0;
	read_message(&o, data[0] & 8, (const char *)data + 1, size - 1);
	return 0;
}
