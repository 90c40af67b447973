/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the ledger and its processes, whoever looks at them. */
#include "common/shm/ledger.h"

#include "common/shm/ledger_layout.h"
#include "common/shm/store.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* --- parts --- */

/* One claim or end, in whole or in part. */
struct claim {
	_Atomic uint32_t *generation; /* stored last */
	uint8_t *nonce;
	_Atomic uint16_t
	    *ended; /* low 16 bits of the last generation that is over */
};

static uint32_t
main_rows(const struct ledger *ledger)
{
	return ledger->shape.partition_count *
	       ledger->shape.slots_per_partition;
}

/* False when this process does not map both halves of it. */
static bool
find_claim(const struct ledger *ledger, uint32_t row, struct claim *claim_out)
{
	uint32_t slots = ledger->shape.slots_per_partition;
	_Atomic uint16_t *ends;
	uint8_t *claims;

	if (row >= main_rows(ledger))
		return false;
	claims = ledger_part(ledger, LEDGER_CLAIMS, row / slots);
	ends = ledger_part(ledger, LEDGER_ENDS, row / slots);
	if (!claims || !ends)
		return false;
	row %= slots;
	claim_out->generation = (_Atomic uint32_t *)(void *)claims + row;
	claim_out->nonce = claims + (size_t)slots * sizeof(uint32_t) +
			   (size_t)row * SESSION_NONCE_BYTES;
	claim_out->ended = ends + row;
	return true;
}

/* NULL when there is none, or this process does not map it. */
static _Atomic uint16_t *
former_end(const struct ledger *ledger, uint32_t row)
{
	_Atomic uint16_t *ends;

	if (row < main_rows(ledger) ||
	    row - main_rows(ledger) >= ledger->shape.former_count)
		return NULL;
	ends = ledger_part(ledger, LEDGER_FORMER_ENDS, 0);
	return ends ? ends + (row - main_rows(ledger)) : NULL;
}

static bool
may_write(const struct ledger *ledger, enum view_area area, uint32_t number)
{
	return view_access(&ledger->viewer, area, number,
		   ledger->spans[LEDGER_PART_OF(area)].count) == VIEW_WRITE;
}

/* --- rows --- */

void
ledger_claim(struct ledger *ledger, uint32_t row,
    const uint8_t nonce[SESSION_NONCE_BYTES], uint32_t generation)
{
	uint32_t before;
	struct claim claim;

	if (ledger->shape.version != LEDGER_VERSION ||
	    !find_claim(ledger, row, &claim) ||
	    !may_write(ledger, LEDGER_CLAIMS,
		row / ledger->shape.slots_per_partition))
		return;
	/* One that lives belongs to a claim or an end that was cut short. It
	 * dies first: its generation must not be read with the new
	 * nonce. */
	before = atomic_load_explicit(claim.ended, memory_order_relaxed);
	if ((uint16_t)atomic_load_explicit(claim.generation,
		memory_order_relaxed) != before)
		shm_store(claim.generation, before, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	memcpy(claim.nonce, nonce, SESSION_NONCE_BYTES);
	shm_store(claim.generation, generation, memory_order_release);
}

void
ledger_end(struct ledger *ledger, uint32_t row, uint32_t generation)
{
	_Atomic uint16_t *ended = former_end(ledger, row);
	struct claim claim;

	if (ledger->shape.version != LEDGER_VERSION)
		return;
	if (!ended && find_claim(ledger, row, &claim) &&
	    may_write(ledger, LEDGER_ENDS,
		row / ledger->shape.slots_per_partition))
		ended = claim.ended;
	if (ended)
		shm_store(ended, (uint16_t)generation, memory_order_release);
}

static bool
read_claim(const struct claim *claim, struct ledger_entry *entry)
{
	entry->generation =
	    atomic_load_explicit(claim->generation, memory_order_acquire);
	memcpy(entry->nonce, claim->nonce, SESSION_NONCE_BYTES);
	/* Whoever is being claimed at this moment is nobody yet. */
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(claim->generation, memory_order_relaxed) ==
		   entry->generation &&
	       atomic_load_explicit(claim->ended, memory_order_acquire) !=
		   (uint16_t)entry->generation;
}

static bool
read_former(const struct ledger *ledger, uint32_t row,
    struct ledger_entry *entry)
{
	const _Atomic uint16_t *ended = former_end(ledger, row);
	const struct ledger_former *all = ledger_part(ledger, LEDGER_FORMER, 0);
	struct ledger_former former;

	if (!ended || !all)
		return false;
	former = all[row - main_rows(ledger)];
	if (former.name >= LEDGER_NAMES || former.slot >= LEDGER_SLOT_MAX)
		return false;
	entry->name = ledger->shape.names[former.name];
	entry->slot = former.slot;
	entry->generation = LEDGER_FORMER_GENERATION;
	memcpy(entry->nonce, former.nonce, SESSION_NONCE_BYTES);
	return entry->name[0] &&
	       atomic_load_explicit(ended, memory_order_acquire) !=
		   LEDGER_FORMER_GENERATION;
}

static bool
read_version_1(const struct ledger *ledger, uint32_t row,
    struct ledger_entry *entry)
{
	struct ledger_row_1 copy;

	memcpy(&copy, ledger->base + VIEW_PAGE + (size_t)row * sizeof(copy),
	    sizeof(copy));
	entry->generation = copy.generation;
	memcpy(entry->nonce, copy.nonce, SESSION_NONCE_BYTES);
	return (uint16_t)copy.generation != copy.ended;
}

bool
ledger_is_live(const struct ledger *ledger, uint32_t row,
    struct ledger_entry *entry_out)
{
	struct claim claim;

	*entry_out = (struct ledger_entry){ .name = ledger->shape.names[0],
		.slot = row };
	if (row >= ledger_row_count(ledger))
		return false;
	if (ledger->shape.version == 1)
		return read_version_1(ledger, row, entry_out);
	if (row >= main_rows(ledger))
		return read_former(ledger, row, entry_out);
	return find_claim(ledger, row, &claim) && read_claim(&claim, entry_out);
}

uint32_t
ledger_row_count(const struct ledger *ledger)
{
	return main_rows(ledger) + ledger->shape.former_count;
}

/* What was written stays in the file's pages; only a private mapping would lose
 * it. Parts that this process does not map are passed over. */
void
ledger_let_go(const struct ledger *ledger)
{
	if (ledger->base && ledger->shape.version != 1)
		(void)madvise(ledger->base, ledger->bytes, MADV_DONTNEED);
}

/* --- processes --- */

/* NULL: there is no such entry for this process. */
static struct ledger_process_entry *
process_entry(const struct ledger *ledger, uint32_t number)
{
	struct ledger_process_entry *all = NULL;

	if (number >= LEDGER_PROCESS_MAX || !ledger->base)
		return NULL;
	if (ledger->shape.version == 1)
		all =
		    ((struct ledger_header_1 *)(void *)ledger->base)->processes;
	else
		all = ledger_part(ledger, LEDGER_PROCESSES, 0);
	return all ? &all[number] : NULL;
}

void
ledger_set_process(struct ledger *ledger, uint32_t number, pid_t pid,
    uint64_t start_ticks)
{
	struct ledger_process_entry *entry = process_entry(ledger, number);

	if (!entry)
		return;
	entry->pid = 0;
	entry->start_ticks = start_ticks;
	entry->pid = (uint32_t)pid;
}

uint32_t
ledger_process_count(const struct ledger *ledger)
{
	(void)ledger;
	return LEDGER_PROCESS_MAX;
}

void
ledger_process(const struct ledger *ledger, uint32_t number, pid_t *pid_out,
    uint64_t *start_ticks_out)
{
	const struct ledger_process_entry *entry =
	    process_entry(ledger, number);

	*pid_out = entry ? (pid_t)entry->pid : 0;
	*start_ticks_out = entry ? entry->start_ticks : 0;
}

/* --- views --- */

static int
become(struct ledger *ledger, struct viewer viewer)
{
	const struct view_map map = {
		.base = ledger->base,
		.readonly = ledger->readonly,
		.first = LEDGER_HEADER,
		.area_count = LEDGER_PARTS,
		.spans = ledger->spans,
	};
	int error = view_apply(&map, &viewer);

	if (error)
		return error;
	ledger->viewer = viewer;
	close(ledger->fd);
	close(ledger->readonly);
	ledger->fd = ledger->readonly = -1;
	return 0;
}

int
ledger_become_worker(struct ledger *ledger, uint32_t partition)
{
	if (partition >= ledger->shape.partition_count)
		return -EINVAL;
	return become(ledger, (struct viewer){ .worker = (int32_t)partition });
}

int
ledger_become_upstream(struct ledger *ledger)
{
	return become(ledger,
	    (struct viewer){ .worker = -1, .upstream = true });
}

int
ledger_become_control(struct ledger *ledger)
{
	return become(ledger, (struct viewer){ .worker = -1, .control = true });
}
