/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/server_state.h"

#include "common/shm/region.h"
#include "common/shm/seal.h"

#include <string.h>

#define TRIES        1000
#define WORDS        (sizeof(struct server_state) / sizeof(uint32_t))
#define HEADER_WORDS (offsetof(struct server_state, offers) / sizeof(uint32_t))
#define OFFER_WORDS  (sizeof(struct server_offer) / sizeof(uint32_t))
#define COUNT_WORD \
	(offsetof(struct server_state, domain_count) / sizeof(uint32_t))

/*
 * The writer fills the copy that is not current and then counts. A word of the
 * current copy is changed only after the next count is out; and as words are
 * stored with release and loaded with acquire, a reader that met such a word
 * sees that count, too, and begins again. Of a copy only what its domain_count
 * covers is written and read, so that one domain costs no more than it needs.
 */
struct shared_state {
	_Atomic uint32_t count; /* of publications; its last bit: the copy */
	uint32_t reserved;
	_Atomic uint32_t seals[2]; /* over the words and the count */
	_Atomic uint32_t copies[2][WORDS];
};

_Static_assert(sizeof(struct server_state) == WORDS * sizeof(uint32_t) &&
		   sizeof(struct server_offer) ==
		       OFFER_WORDS * sizeof(uint32_t),
    "copied by words");
_Static_assert(sizeof(struct shared_state) == SERVER_STATE_BYTES,
    "what the region has for it");
_Static_assert(offsetof(struct server_state, version) == 0,
    "the first word decides whether to read on");

static struct shared_state *
shared(struct region *region)
{
	return region_section(region, REGION_SERVER_STATE, 0);
}

/* Of a state with so many domains, whoever says so. */
static size_t
used_words(uint32_t domain_count)
{
	return HEADER_WORDS +
	       OFFER_WORDS * (size_t)(domain_count < SERVER_DOMAINS_MAX
					  ? domain_count
					  : SERVER_DOMAINS_MAX);
}

static uint32_t
seal_of(uint32_t count, const struct server_state *state)
{
	return (uint32_t)seal_bytes(count, state,
	    used_words(state->domain_count) * sizeof(uint32_t));
}

void
server_state_publish(struct region *region, const struct server_state *state)
{
	struct shared_state *to = shared(region);
	size_t i, used = used_words(state->domain_count);
	uint32_t count, words[WORDS];

	count = atomic_load_explicit(&to->count, memory_order_relaxed) + 1;
	memcpy(words, state, used * sizeof(words[0]));
	for (i = 0; i < used; i++)
		atomic_store_explicit(&to->copies[count & 1][i], words[i],
		    memory_order_release);
	atomic_store_explicit(&to->seals[count & 1], seal_of(count, state),
	    memory_order_release);
	atomic_store_explicit(&to->count, count, memory_order_release);
}

/* Before the first publication all is zero, and so is the seal. */
static bool
is_blank(uint32_t count, uint32_t seal, const struct server_state *state)
{
	static const struct server_state nothing;

	return count == 0 && seal == 0 &&
	       memcmp(state, &nothing, HEADER_WORDS * sizeof(uint32_t)) == 0;
}

/* Words of a copy, from the first to before the last. */
static void
copy_words(const _Atomic uint32_t *from, size_t first, size_t last,
    struct server_state *to)
{
	uint32_t words[WORDS];
	size_t i;

	for (i = first; i < last; i++)
		words[i] = atomic_load_explicit(&from[i], memory_order_acquire);
	memcpy((char *)to + first * sizeof(words[0]), words + first,
	    (last - first) * sizeof(words[0]));
}

/* False when the writer came by meanwhile, or something else did. What the
 * state has no domain for is left as it is. */
static bool
copy_current(const struct shared_state *from, struct server_state *copy_io)
{
	uint32_t count, seal;

	count = atomic_load_explicit(&from->count, memory_order_acquire);
	copy_words(from->copies[count & 1], 0, HEADER_WORDS, copy_io);
	copy_words(from->copies[count & 1], HEADER_WORDS,
	    used_words(copy_io->domain_count), copy_io);
	seal =
	    atomic_load_explicit(&from->seals[count & 1], memory_order_acquire);
	return (seal == seal_of(count, copy_io) ||
		   is_blank(count, seal, copy_io)) &&
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

/* Upstream seals what it says, but it may have been taken over. What has no
 * domain may be the rest of a copy with more of them that was torn: who reads
 * goes by its own number of domains. */
static void
bound(struct server_state *state)
{
	struct server_offer *offer = state->offers;

	if (state->domain_count > SERVER_DOMAINS_MAX)
		state->domain_count = SERVER_DOMAINS_MAX;
	for (; offer < state->offers + state->domain_count; offer++) {
		offer->mechanisms[SERVER_MECHANISMS_MAX - 1] = '\0';
		offer->clear_mechanisms[SERVER_MECHANISMS_MAX - 1] = '\0';
	}
	memset(offer, 0,
	    (SERVER_DOMAINS_MAX - state->domain_count) * sizeof(*offer));
}

bool
server_state_read(struct region *region, struct server_state *state_io)
{
	const struct shared_state *from = shared(region);
	struct server_state copy = { 0 };
	int try;

	if (is_current(from, state_io->version))
		return false;
	for (try = 0; try < TRIES; try++) {
		if (!copy_current(from, &copy))
			continue;
		if (copy.version == state_io->version)
			return false;
		bound(&copy);
		*state_io = copy;
		return true;
	}
	return false;
}

bool
server_state_is(struct region *region, const struct server_state *state)
{
	struct server_state copy = { 0 };

	return copy_current(shared(region), &copy) &&
	       memcmp(&copy, state,
		   used_words(copy.domain_count) * sizeof(uint32_t)) == 0;
}
