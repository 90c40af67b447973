/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/journal.h"

#include "common/base/breaks.h"
#include "common/shm/pages.h"
#include "common/shm/region.h"
#include "common/shm/seal.h"
#include "common/shm/store.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Not worth a system call before so many were written. */
#define TRIM_SPANS 512u

/* In the region; written by upstream alone, read by its successor. */
struct journal_page {
	_Atomic uint64_t head;
	_Atomic uint64_t tail;
	_Alignas(64) struct journal_span spans[JOURNAL_SPANS];
};

_Static_assert(sizeof(struct journal_page) <= JOURNAL_BYTES,
    "part of the layout");

struct journal {
	struct journal_page *page;
	uint64_t staged;
	uint64_t head, tail; /* as published */
	uint64_t trimmed;    /* spans before this number have no pages */
};

struct journal *
journal_attach(struct region *region, unsigned number)
{
	struct journal *journal = xcalloc(1, sizeof(*journal));

	journal->page = region_section(region, REGION_LINK, number);
	CHECK(journal->page);
	journal->head = atomic_load(&journal->page->head);
	journal->tail = atomic_load(&journal->page->tail);
	if (journal->head - journal->tail > JOURNAL_SPANS)
		journal->head = journal->tail = 0;
	journal->staged = journal->head;
	return journal;
}

void
journal_detach(struct journal **journal)
{
	free(*journal);
	*journal = NULL;
}

void
journal_restart(struct journal *journal)
{
	struct journal_page *page = journal->page;

	journal->head = journal->staged = journal->tail;
	/* Empty at every instant in between: tail first would not be. */
	shm_store(&page->head, journal->head, memory_order_seq_cst);
	shm_store(&page->tail, journal->tail, memory_order_seq_cst);
}

static uint32_t
seal_of(const struct journal_span *span)
{
	struct journal_span copy = *span;

	copy.seal = 0;
	return (uint32_t)seal_bytes(0, &copy, sizeof(copy));
}

/* In shared memory; the number behind it is within its bounds. */
static struct journal_span *
span_at(const struct journal *journal, uint64_t number)
{
	return &journal->page->spans[number % JOURNAL_SPANS];
}

uint64_t
journal_room(const struct journal *journal)
{
	return JOURNAL_SPANS - (journal->staged - journal_tail(journal));
}

int
journal_append(struct journal *journal, const struct journal_span *span)
{
	struct journal_span *place = span_at(journal, journal->staged);

	if (journal_room(journal) == 0)
		return -ENOSPC;
	kill_point("span");
	*place = *span;
	kill_point("seal");
	place->seal = seal_of(span);
	journal->staged++;
	return 0;
}

void
journal_commit(struct journal *journal)
{
	bool is_first = journal->head != journal->staged;

	journal->head = journal->staged;
	if (BREAK(JOURNAL_AFTER_WRITE) && is_first)
		return; /* the pump does it once more */
	shm_store(&journal->page->head, journal->head, memory_order_release);
}

uint64_t
journal_head(const struct journal *journal)
{
	return journal->head;
}

uint64_t
journal_tail(const struct journal *journal)
{
	return journal->tail;
}

int
journal_read(const struct journal *journal, uint64_t number,
    struct journal_span *span_out)
{
	if (number - journal->tail >= journal->head - journal->tail)
		return -ENOENT;
	*span_out = *span_at(journal, number);
	if (span_out->seal != seal_of(span_out))
		return -EPROTO;
	span_out->seal = 0;
	return 0;
}

void
journal_release(struct journal *journal, uint64_t number)
{
	CHECK(number - journal->tail <= journal->head - journal->tail);
	journal->tail = number;
	shm_store(&journal->page->tail, number, memory_order_release);
}

void
journal_trim(struct journal *journal)
{
	if (journal->staged - journal->trimmed < TRIM_SPANS ||
	    journal_tail(journal) != journal->staged)
		return;
	if (pages_give_back(journal->page->spans, 0,
		sizeof(journal->page->spans)))
		journal->trimmed = journal->staged;
}
