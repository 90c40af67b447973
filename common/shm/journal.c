/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/journal.h"

#include "common/shm/pages.h"
#include "common/shm/region.h"
#include "common/shm/seal.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Not worth a system call before so many were written. */
#define TRIM_ENTRIES 512u

/* In the region; written by upstream alone, read by its successor. */
struct journal_page {
	_Atomic uint64_t head;
	_Atomic uint64_t tail;
	_Alignas(64) struct journal_entry entries[JOURNAL_ENTRIES];
};

_Static_assert(sizeof(struct journal_page) <= JOURNAL_BYTES,
    "part of the layout");

struct journal {
	struct journal_page *page;
	uint64_t staged;
	uint64_t head, tail; /* as published */
	uint64_t trimmed;    /* entries before this number have no pages */
};

struct journal *
journal_attach(struct region *region, unsigned number)
{
	struct journal *journal = xcalloc(1, sizeof(*journal));

	journal->page = region_section(region, REGION_LINK, number);
	CHECK(journal->page);
	journal->head = atomic_load(&journal->page->head);
	journal->tail = atomic_load(&journal->page->tail);
	if (journal->head - journal->tail > JOURNAL_ENTRIES)
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
	atomic_store(&page->head, journal->head);
	atomic_store(&page->tail, journal->tail);
}

static uint32_t
seal_of(const struct journal_entry *entry)
{
	struct journal_entry copy = *entry;

	copy.seal = 0;
	return (uint32_t)seal_bytes(0, &copy, sizeof(copy));
}

/* In shared memory; the number behind it is within its bounds. */
static struct journal_entry *
entry_at(const struct journal *journal, uint64_t number)
{
	return &journal->page->entries[number % JOURNAL_ENTRIES];
}

uint64_t
journal_room(const struct journal *journal)
{
	return JOURNAL_ENTRIES - (journal->staged - journal_tail(journal));
}

int
journal_append(struct journal *journal, const struct journal_entry *entry)
{
	struct journal_entry *place = entry_at(journal, journal->staged);

	if (journal_room(journal) == 0)
		return -ENOSPC;
	*place = *entry;
	place->seal = seal_of(entry);
	journal->staged++;
	return 0;
}

void
journal_commit(struct journal *journal)
{
	journal->head = journal->staged;
	atomic_store_explicit(&journal->page->head, journal->head,
	    memory_order_release);
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
    struct journal_entry *entry_out)
{
	if (number - journal->tail >= journal->head - journal->tail)
		return -ENOENT;
	*entry_out = *entry_at(journal, number);
	if (entry_out->seal != seal_of(entry_out))
		return -EPROTO;
	entry_out->seal = 0;
	return 0;
}

void
journal_set_end(struct journal *journal, uint64_t number, uint64_t end)
{
	struct journal_entry entry;

	CHECK(number - journal->tail < JOURNAL_ENTRIES);
	if (journal_read(journal, number, &entry) != 0)
		return; /* damaged: who reads it next will say so */
	entry.end = end;
	entry.seal = seal_of(&entry);
	*entry_at(journal, number) = entry;
}

void
journal_release(struct journal *journal, uint64_t number)
{
	CHECK(number - journal->tail <= journal->head - journal->tail);
	journal->tail = number;
	atomic_store_explicit(&journal->page->tail, number,
	    memory_order_release);
}

void
journal_trim(struct journal *journal)
{
	if (journal->staged - journal->trimmed < TRIM_ENTRIES ||
	    journal_tail(journal) != journal->staged)
		return;
	if (pages_give_back(journal->page->entries, 0,
		sizeof(journal->page->entries)))
		journal->trimmed = journal->staged;
}
