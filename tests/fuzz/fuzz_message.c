/* SPDX-License-Identifier: ISC
 *
 * Any bytes as stdin, the first of them choosing the mode: what is kept is in
 * the stored form, which message_open() proves, and says the same of itself.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/safefile.h"
#include "mail/lines.h"
#include "mail/message.h"
#include "fuzz.h"

static int
file_of(const void *bytes, size_t len)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	FUZZ_PROMISE(fd != -1);
	FUZZ_PROMISE(safefile_write_all(fd, bytes, len) == 0);
	FUZZ_PROMISE(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static void
check_stored(const struct message *m)
{
	int fd = file_of(m->memory.data, (size_t)m->size);
	struct status st = STATUS_INIT;
	struct message again;

	FUZZ_PROMISE(m->fd == -1 && m->memory.len == (size_t)m->size);
	FUZZ_PROMISE(message_open(&again, fd, m->size, m->body_offset, &st) == 0);
	FUZZ_PROMISE(again.header.count == m->header.count);
	FUZZ_PROMISE(again.header_8bit == m->header_8bit);
	FUZZ_PROMISE(again.body_8bit == m->body_8bit);
	FUZZ_PROMISE(again.longest_body_line == m->longest_body_line);
	message_release(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message_options o = { .directory = -1 };
	struct message m = MESSAGE_INIT;
	struct status st = STATUS_INIT;
	struct line_source source;
	int fd;

	if (size == 0)
		return 0;
	o.dot_ends = data[0] & 1;
	o.smtp = data[0] & 2;
	o.max_size = data[0] & 4 ? 100 : 0;
	fd = file_of(data + 1, size - 1);
	line_source_init(&source, fd);
	if (message_read_from(&m, &source, &o, &st) == 0)
		check_stored(&m);
	else
		FUZZ_PROMISE(st.sysexit != EX_OK && m.fd == -1);
	FUZZ_PROMISE(o.smtp || source.eof);
	message_release(&m);
	line_source_release(&source);
	close(fd);
	return 0;
}
