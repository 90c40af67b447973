/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/lane_log.h"

#include "common/shm/pages.h"
#include "common/shm/seal.h"
#include "common/shm/store.h"
#include "common/shm/view.h"

#include <errno.h>
#include <string.h>

/* Entries that `keep` keeps free; for what upstream itself says. */
#define ENTRIES_KEPT 2048u

/* What a quiet log keeps of its pages. */
#define QUIET_BYTES VIEW_PAGE

/* What is given back of the bytes in a call: half of them in eleven. */
#define TRIM_SHARE 16u

/* Not worth a system call before so many were written. */
#define TRIM_ENTRIES 512u

/* In the region: a whole cache line. */
struct lane_record {
	struct lane_entry entry; /* marks: 0 */
	uint32_t seal;           /* over that */
	uint32_t bytes_seal;     /* over what it puts on the wire */
	_Atomic uint16_t marks;  /* and their complement */
	uint8_t spare[6];
};

_Static_assert(sizeof(struct lane_record) == 64, "part of the layout");
_Static_assert(sizeof(struct lane_entry) == 48, "part of the layout");

uint64_t
lane_log_bytes_needed(uint64_t capacity)
{
	return VIEW_PAGE + LANE_ENTRIES * sizeof(struct lane_record) + capacity;
}

void
lane_log_attach(struct lane_log *log, void *section, uint64_t capacity)
{
	uint8_t *at = section;

	CHECK(capacity >= VIEW_PAGE && (capacity & (capacity - 1)) == 0);
	*log = (struct lane_log){ .capacity = capacity, .touched = capacity };
	log->shared = section;
	log->records = (struct lane_record *)(void *)(at + VIEW_PAGE);
	log->bytes = at + VIEW_PAGE + LANE_ENTRIES * sizeof(struct lane_record);
}

/* --- cursors --- */

static void
publish(struct lane_log *log)
{
	shm_store(&log->shared->tail, log->tail, memory_order_release);
	shm_store(&log->shared->sent, log->sent, memory_order_release);
	shm_store(&log->shared->head, log->head, memory_order_release);
}

void
lane_log_reset(struct lane_log *log)
{
	log->head = log->sent = log->tail = 0;
	log->byte_head = log->byte_tail = 0;
	publish(log);
}

static bool
put_right(_Atomic uint64_t *word, uint64_t value)
{
	if (atomic_load_explicit(word, memory_order_relaxed) == value)
		return false;
	shm_store(word, value, memory_order_release);
	return true;
}

bool
lane_log_restore(struct lane_log *log)
{
	bool differed = put_right(&log->shared->tail, log->tail);

	differed |= put_right(&log->shared->sent, log->sent);
	differed |= put_right(&log->shared->head, log->head);
	return differed;
}

/* --- entries --- */

static struct lane_record *
record_of(const struct lane_log *log, uint64_t number)
{
	return &log->records[number % LANE_ENTRIES];
}

static uint16_t
with_complement(uint8_t marks)
{
	return (uint16_t)(marks | (uint16_t)((uint8_t)~marks << 8));
}

static bool
read_marks(const struct lane_record *record, uint8_t *marks_out)
{
	uint16_t word =
	    atomic_load_explicit(&record->marks, memory_order_relaxed);

	*marks_out = (uint8_t)word;
	return word == with_complement(*marks_out);
}

static uint32_t
seal_of(const struct lane_entry *entry)
{
	return (uint32_t)seal_bytes(0, entry, sizeof(*entry));
}

int
lane_log_read(const struct lane_log *log, uint64_t number,
    struct lane_entry *entry_out)
{
	const struct lane_record *record = record_of(log, number);

	if (number - log->tail >= log->head - log->tail)
		return -ENOENT;
	*entry_out = record->entry;
	if (record->seal != seal_of(entry_out) || entry_out->number != number ||
	    !read_marks(record, &entry_out->marks))
		return -EPROTO;
	return 0;
}

bool
lane_log_mark(struct lane_log *log, uint64_t number, enum lane_mark mark)
{
	struct lane_record *record = record_of(log, number);
	uint8_t marks;

	if (!read_marks(record, &marks))
		return false;
	shm_store(&record->marks,
	    with_complement((uint8_t)(marks | (uint8_t)mark)),
	    memory_order_relaxed);
	return true;
}

const uint8_t *
lane_log_bytes(const struct lane_log *log, const struct lane_entry *entry)
{
	return log->bytes + (entry->at & (log->capacity - 1));
}

static uint32_t
bytes_seal_of(const struct lane_log *log, const struct lane_entry *entry)
{
	return (uint32_t)seal_bytes(entry->number, lane_log_bytes(log, entry),
	    entry->len);
}

bool
lane_log_is_whole(const struct lane_log *log, const struct lane_entry *entry)
{
	return record_of(log, entry->number)->bytes_seal ==
	       bytes_seal_of(log, entry);
}

/* --- a predecessor's --- */

/* The bytes of all entries lie within the store, one behind the other. */
static bool
find_bytes(struct lane_log *log)
{
	uint64_t number = log->tail;
	struct lane_entry entry;

	for (; number != log->head; number++) {
		if (lane_log_read(log, number, &entry) != 0)
			return false;
		if (number == log->tail)
			log->byte_tail = log->byte_head = entry.at;
		if (entry.at < log->byte_head ||
		    entry.at + entry.len - log->byte_tail > log->capacity ||
		    (entry.at & (log->capacity - 1)) + entry.len >
			log->capacity ||
		    !lane_log_is_whole(log, &entry))
			return false;
		log->byte_head = entry.at + entry.len;
	}
	return true;
}

int
lane_log_inherit(struct lane_log *log)
{
	struct lane_cursors *shared = log->shared;

	log->head = atomic_load_explicit(&shared->head, memory_order_acquire);
	log->sent = atomic_load_explicit(&shared->sent, memory_order_relaxed);
	log->tail = atomic_load_explicit(&shared->tail, memory_order_relaxed);
	log->byte_head = log->byte_tail = 0;
	/* Of an impossible `sent` nothing is known: all may have been. */
	if (log->sent - log->tail > log->head - log->tail)
		log->sent = log->head;
	log->trimmed = log->tail;
	if (log->head - log->tail <= LANE_ENTRIES && find_bytes(log)) {
		publish(log);
		return 0;
	}
	lane_log_reset(log);
	return -EPROTO;
}

/* --- appending --- */

/* The cursor at which `len` bytes lie in one piece. */
static uint64_t
place_for(const struct lane_log *log, uint32_t len)
{
	uint64_t at = log->byte_head, position = at & (log->capacity - 1);

	/* An empty one begins at its first pages again: a quiet lane costs
	 * little. */
	if (position + len > log->capacity ||
	    (log->head == log->tail && position >= QUIET_BYTES))
		at += log->capacity - position;
	return at;
}

uint8_t *
lane_log_reserve(struct lane_log *log, uint32_t len, uint64_t keep)
{
	uint64_t at = place_for(log, len);
	uint64_t first = log->head == log->tail ? at : log->byte_tail;
	uint64_t entries = log->head - log->tail + (keep ? ENTRIES_KEPT : 0);

	if (entries >= LANE_ENTRIES || len > log->capacity ||
	    at + len - first + (log->head == log->tail ? 0 : keep) >
		log->capacity)
		return NULL;
	log->reserved = at;
	log->used = MAX(log->used, (at & (log->capacity - 1)) + len);
	log->touched = MAX(log->touched, log->used);
	return log->bytes + (at & (log->capacity - 1));
}

void
lane_log_append(struct lane_log *log, const struct lane_entry *entry,
    uint32_t len)
{
	struct lane_record *record = record_of(log, log->head);

	kill_point("entry");
	record->entry = *entry;
	record->entry.number = log->head;
	record->entry.at = log->reserved;
	record->entry.len = len;
	record->entry.marks = 0;
	kill_point("seal");
	record->seal = seal_of(&record->entry);
	record->bytes_seal = bytes_seal_of(log, &record->entry);
	shm_store(&record->marks, with_complement(entry->marks),
	    memory_order_relaxed);
	if (log->head == log->tail)
		log->byte_tail = log->reserved;
	log->byte_head = log->reserved + len;
	log->head++;
	shm_store(&log->shared->head, log->head, memory_order_release);
}

/* --- cursors move --- */

uint64_t
lane_log_head(const struct lane_log *log)
{
	return log->head;
}

uint64_t
lane_log_sent(const struct lane_log *log)
{
	return log->sent;
}

uint64_t
lane_log_tail(const struct lane_log *log)
{
	return log->tail;
}

/* Who reads a damaged entry next will say so; here it has no bytes. */
static uint64_t
begin_of(const struct lane_log *log, uint64_t number)
{
	struct lane_entry entry;

	return lane_log_read(log, number, &entry) == 0 ? entry.at : 0;
}

static uint64_t
end_of(const struct lane_log *log, uint64_t number)
{
	struct lane_entry entry;

	if (number + 1 == log->head)
		return log->byte_head;
	if (lane_log_read(log, number, &entry) != 0)
		return 0;
	return entry.at + entry.len;
}

/* The first entry after `from` whose bytes lie at `at` or behind; `to` if none
 * does. */
static uint64_t
first_at(const struct lane_log *log, uint64_t from, uint64_t to, uint64_t at)
{
	while (from + 1 < to) {
		uint64_t middle = from + (to - from) / 2;

		if (begin_of(log, middle) < at)
			from = middle;
		else
			to = middle;
	}
	return to;
}

/* Of entries from <= number < to. What is left free at the end of the store,
 * once at most among so few, is not counted. */
static uint64_t
bytes_between(const struct lane_log *log, uint64_t from, uint64_t to)
{
	uint64_t begin, end, turn, first;

	if (from == to)
		return 0;
	begin = begin_of(log, from);
	end = end_of(log, to - 1);
	turn = (begin & ~(log->capacity - 1)) + log->capacity;
	if (end <= begin)
		return 0;
	if (end <= turn)
		return end - begin;
	first = first_at(log, from, to, turn);
	return end_of(log, first - 1) - begin + end - turn;
}

uint64_t
lane_log_unsent(const struct lane_log *log)
{
	return bytes_between(log, log->sent, log->head);
}

uint64_t
lane_log_unconfirmed(const struct lane_log *log)
{
	return bytes_between(log, log->tail, log->sent);
}

void
lane_log_set_sent(struct lane_log *log, uint64_t number)
{
	log->sent = number;
	shm_store(&log->shared->sent, number, memory_order_release);
}

void
lane_log_release(struct lane_log *log, uint64_t number)
{
	struct lane_entry entry;

	if (log->sent < number)
		lane_log_set_sent(log, number);
	log->tail = number;
	shm_store(&log->shared->tail, number, memory_order_release);
	if (number == log->head)
		log->byte_tail = log->byte_head;
	else if (lane_log_read(log, number, &entry) == 0)
		log->byte_tail = entry.at;
}

static void
trim_bytes(struct lane_log *log)
{
	uint64_t kept = MAX(log->used, QUIET_BYTES);

	if (log->touched > kept &&
	    pages_give_back(log->bytes, kept, log->touched))
		log->touched = kept;
}

static void
trim_entries(struct lane_log *log)
{
	if (log->head - log->head_then < TRIM_ENTRIES &&
	    log->head - log->trimmed >= TRIM_ENTRIES &&
	    pages_give_back(log->records, 0,
		LANE_ENTRIES * sizeof(*log->records)))
		log->trimmed = log->head;
}

void
lane_log_trim(struct lane_log *log)
{
	if (log->head == log->tail) {
		trim_bytes(log);
		trim_entries(log);
	}
	log->used -= log->used / TRIM_SHARE;
	log->head_then = log->head;
}
