/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/server_state.h"

#include "common/shm/region.h"
#include "common/shm/seal.h"

#include <string.h>

#define TRIES 1000
#define WORDS (sizeof(struct server_state) / sizeof(uint32_t))

/*
 * The writer fills the copy that is not current and then counts. A word of the
 * current copy is changed only after the next count is out; and as words are
 * stored with release and loaded with acquire, a reader that met such a word
 * sees that count, too, and begins again.
 */
struct shared_state {
	_Atomic uint32_t count; /* of publications; its last bit: the copy */
	uint32_t reserved;
	_Atomic uint32_t copies[2][WORDS];
	_Atomic uint32_t seals[2]; /* over the words and the count */
};

_Static_assert(sizeof(struct server_state) % sizeof(uint32_t) == 0,
    "copied by words");
_Static_assert(offsetof(struct server_state, version) == 0,
    "the first word decides whether to read on");
_Static_assert(sizeof(struct shared_state) <= 4096, "one page");

static struct shared_state *
shared(struct region *region)
{
	return region_section(region, REGION_SERVER_STATE, 0);
}

static uint32_t
seal_of(uint32_t count, const uint32_t words[WORDS])
{
	return (uint32_t)seal_bytes(count, words, WORDS * sizeof(words[0]));
}

void
server_state_publish(struct region *region, const struct server_state *state)
{
	struct shared_state *to = shared(region);
	uint32_t count, words[WORDS];
	size_t i;

	count = atomic_load_explicit(&to->count, memory_order_relaxed) + 1;
	memcpy(words, state, sizeof(*state));
	for (i = 0; i < WORDS; i++)
		atomic_store_explicit(&to->copies[count & 1][i], words[i],
		    memory_order_release);
	atomic_store_explicit(&to->seals[count & 1], seal_of(count, words),
	    memory_order_release);
	atomic_store_explicit(&to->count, count, memory_order_release);
}

/* Before the first publication all is zero, and so is the seal. */
static bool
is_blank(uint32_t count, uint32_t seal, const uint32_t words[WORDS])
{
	static const uint32_t nothing[WORDS];

	return count == 0 && seal == 0 &&
	       memcmp(words, nothing, sizeof(nothing)) == 0;
}

/* False when the writer came by meanwhile, or something else did. */
static bool
copy_current(const struct shared_state *from, struct server_state *copy_out)
{
	uint32_t count, seal, words[WORDS] = { 0 };
	size_t i;

	count = atomic_load_explicit(&from->count, memory_order_acquire);
	for (i = 0; i < WORDS; i++)
		words[i] = atomic_load_explicit(&from->copies[count & 1][i],
		    memory_order_acquire);
	seal =
	    atomic_load_explicit(&from->seals[count & 1], memory_order_acquire);
	memcpy(copy_out, words, sizeof(*copy_out));
	return (seal == seal_of(count, words) ||
		   is_blank(count, seal, words)) &&
	       atomic_load_explicit(&from->count, memory_order_relaxed) ==
		   count;
}

/* One word decides for nearly every call. */
static bool
is_current(const struct shared_state *from, uint32_t version)
{
	uint32_t count =
	    atomic_load_explicit(&from->count, memory_order_acquire);

	return atomic_load_explicit(&from->copies[count & 1][0],
		   memory_order_acquire) == version;
}

bool
server_state_read(struct region *region, struct server_state *state_io)
{
	const struct shared_state *from = shared(region);
	struct server_state copy;
	int try;

	if (is_current(from, state_io->version))
		return false;
	for (try = 0; try < TRIES; try++) {
		if (!copy_current(from, &copy))
			continue;
		if (copy.version == state_io->version)
			return false;
		copy.mechanisms[SERVER_MECHANISMS_MAX - 1] = '\0';
		copy.clear_mechanisms[SERVER_MECHANISMS_MAX - 1] = '\0';
		*state_io = copy;
		return true;
	}
	return false;
}

bool
server_state_is(struct region *region, const struct server_state *state)
{
	struct server_state copy;

	return copy_current(shared(region), &copy) &&
	       memcmp(&copy, state, sizeof(copy)) == 0;
}
