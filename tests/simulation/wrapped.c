/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wrapped - what upstream's code asks of the machine below struct platform, by
 * the linker's --wrap: nothing of it may cost a system call, or differ from run
 * to run.
 */
#include "common/base/base.h"
#include "common/shm/ring.h"
#include "tests/simulation/books.h"
#include "tests/simulation/chance.h"
#include "worker/upstream/core/ring_writer.h"

#include <string.h>

struct config;
struct XML_ParserStruct;

bool __wrap_pages_give_back(void *section, uint64_t from, uint64_t to);
bool __wrap_tcp_counters_work(void);
void __wrap_config_forget(struct config *config);
void __wrap_digest_random(void *bytes, size_t len);
void __wrap_framer_take_salt(struct XML_ParserStruct *parser);

int __real_ring_writer_push_of(struct ring_writer *writer,
    const struct ring_writer_cause *cause, const struct frame_id *id,
    const struct frame_fields *fields, const void *bytes, size_t len);
int __wrap_ring_writer_push_of(struct ring_writer *writer,
    const struct ring_writer_cause *cause, const struct frame_id *id,
    const struct frame_fields *fields, const void *bytes, size_t len);

/* An error that waits behind a full ring waits in the process alone. */
int
__wrap_ring_writer_push_of(struct ring_writer *writer,
    const struct ring_writer_cause *cause, const struct frame_id *id,
    const struct frame_fields *fields, const void *bytes, size_t len)
{
	int error =
	    __real_ring_writer_push_of(writer, cause, id, fields, bytes, len);

	if (!error && id->kind == FRAME_BOUNCE &&
	    ring_writer_is_blocked(writer))
		books_note_waiting(bytes, len);
	return error;
}

/* Of a log or a ring that is empty: its contents do not matter. */
bool
__wrap_pages_give_back(void *section, uint64_t from, uint64_t to)
{
	(void)section;
	(void)from;
	(void)to;
	return true;
}

bool
__wrap_tcp_counters_work(void)
{
	return true;
}

/* It is taken again and again. */
void
__wrap_config_forget(struct config *config)
{
	(void)config;
}

void
__wrap_digest_random(void *bytes, size_t len)
{
	chance_bytes(bytes, len);
}

void
__wrap_framer_take_salt(struct XML_ParserStruct *parser)
{
	(void)parser;
}
