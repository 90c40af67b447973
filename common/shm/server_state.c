/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/server_state.h"

#include "common/shm/region.h"
#include "common/shm/seal.h"
#include "common/shm/store.h"

#include <stdlib.h>
#include <string.h>

#define TRIES        1000
#define WORDS        (sizeof(struct server_state) / sizeof(uint32_t))
#define HEADER_WORDS (offsetof(struct server_state, offers) / sizeof(uint32_t))
#define OFFER_WORDS  (sizeof(struct server_offer) / sizeof(uint32_t))
/* Copied at once: of a whole state on the stack each page would stay. */
#define CHUNK_WORDS ((size_t)64)

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

static void
put_words(_Atomic uint32_t *to, size_t count, const struct server_state *state)
{
	uint32_t words[CHUNK_WORDS];
	size_t first, i, n;

	for (first = 0; first < count; first += n) {
		n = MIN(count - first, CHUNK_WORDS);
		memcpy(words, (const uint32_t *)state + first,
		    n * sizeof(words[0]));
		for (i = 0; i < n; i++)
			shm_store(&to[first + i], words[i],
			    memory_order_release);
	}
}

void
server_state_publish(struct region *region, const struct server_state *state)
{
	struct shared_state *to = shared(region);
	uint32_t count;

	count = atomic_load_explicit(&to->count, memory_order_relaxed) + 1;
	put_words(to->copies[count & 1], used_words(state->domain_count),
	    state);
	shm_store(&to->seals[count & 1], seal_of(count, state),
	    memory_order_release);
	shm_store(&to->count, count, memory_order_release);
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
take_words(const _Atomic uint32_t *from, size_t first, size_t last,
    struct server_state *to)
{
	uint32_t words[CHUNK_WORDS] = { 0 };
	size_t i, n;

	for (; first < last; first += n) {
		n = MIN(last - first, CHUNK_WORDS);
		for (i = 0; i < n; i++)
			words[i] = atomic_load_explicit(&from[first + i],
			    memory_order_acquire);
		memcpy((uint32_t *)to + first, words, n * sizeof(words[0]));
	}
}

/* False when the writer came by meanwhile, or something else did. What the
 * state has no domain for is left as it is. */
static bool
copy_current(const struct shared_state *from, struct server_state *copy_io)
{
	uint32_t count, seal;

	count = atomic_load_explicit(&from->count, memory_order_acquire);
	take_words(from->copies[count & 1], 0, HEADER_WORDS, copy_io);
	take_words(from->copies[count & 1], HEADER_WORDS,
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

/* Upstream seals what it says, but it may have been taken over. */
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
}

/* What the new state has no domain for is 0: who reads goes by its own number
 * of domains. The rest is touched by none, and takes up no memory. */
static void
take(struct server_state *to, const struct server_state *from)
{
	uint32_t i;

	for (i = from->domain_count; i < to->domain_count; i++)
		memset(&to->offers[i], 0, sizeof(to->offers[i]));
	memcpy(to, from, used_words(from->domain_count) * sizeof(uint32_t));
}

bool
server_state_read(struct region *region, struct server_state *state_io)
{
	const struct shared_state *from = shared(region);
	struct server_state *copy;
	bool read = false;
	int try;

	if (is_current(from, state_io->version))
		return false;
	copy = xmalloc(sizeof(*copy)); /* as far as it is used */
	for (try = 0; try < TRIES && !read; try++)
		read = copy_current(from, copy);
	read = read && copy->version != state_io->version;
	if (read) {
		bound(copy);
		take(state_io, copy);
	}
	free(copy);
	return read;
}

bool
server_state_is(struct region *region, const struct server_state *state)
{
	struct server_state *copy = xmalloc(sizeof(*copy));
	bool same;

	same = copy_current(shared(region), copy) &&
	       memcmp(copy, state,
		   used_words(copy->domain_count) * sizeof(uint32_t)) == 0;
	free(copy);
	return same;
}
