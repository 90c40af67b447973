/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory - the sessions of all workers, found by streamid in one access.
 *
 * A session has a slot (the claiming worker writes it), routing (upstream) and
 * session info (the owning worker); MEMORY.md §6. A slot's number is
 * partition * slots_per_partition + n, so it alone leads to the partition. A
 * slot is free when generation == ended; the generation counts how often it was
 * claimed.
 *
 * A worker knows its own slots by itself, too: what it says of them, and which
 * are free, is never read from memory that others see.
 *
 * Pure: no fd, no clock. Random bytes come from the caller's function.
 */
#ifndef COMMON_SHM_DIRECTORY_H
#define COMMON_SHM_DIRECTORY_H

#include "common/base/base.h"
#include "common/shm/streamid.h"

#include <stdatomic.h>

struct region;
struct ledger;

struct session_slot {
	uint8_t nonce[SESSION_NONCE_BYTES];
	uint8_t reserved[2];
	_Atomic uint32_t generation; /* stored last (release) */
};

enum session_route_flag {   /* written by upstream only */
	ROUTE_CREATED = 1,  /* its create was given to a link */
	ROUTE_DEAD = 2,     /* the server answered item-not-found */
	ROUTE_CLOSING = 4,  /* its close was given to a link */
	ROUTE_ANSWERED = 8, /* the server has sent something for it */
	ROUTE_PAYS = 16,    /* links died of what it sent: it is being ended */
	ROUTE_LEFT = 32,    /* all up to its leave is confirmed */
};

struct session_route {
	_Atomic uint32_t ended; /* last generation that is over */
	/* Below, enum session_route_flag; above, the low half of whose they
	 * are: of the generation in the slot, or nobody's any more. */
	_Atomic uint32_t flags;
};

enum session_phase { /* what operators are told of a client */
	SESSION_OPENING,
	SESSION_NEGOTIATING,
	SESSION_AUTHENTICATED,
	SESSION_BOUND,
	SESSION_CLOSING,
};

enum session_presence { /* what its client has said of it, to anybody */
	PRESENCE_NONE,
	PRESENCE_AVAILABLE,
	PRESENCE_UNAVAILABLE,
};

struct session_info {
	uint32_t generation; /* whose info this is */
	uint8_t phase;
	uint8_t transport; /* enum session_transport bits */
	uint16_t tls_version;
	uint16_t tls_cipher;
	uint16_t peer_port;
	uint8_t peer_address[16]; /* IPv4 as mapped */
	uint32_t unused;
	uint32_t since_s;  /* of accept; steady_clock.h */
	uint32_t active_s; /* of the last byte from the client; likewise */
	uint64_t bytes_up;
	uint64_t bytes_down;
	uint32_t stanzas_up;
	uint32_t stanzas_down;
	uint32_t jid_offset; /* in the arena; 0 = none */
	uint16_t jid_len;
	uint8_t after_sasl; /* its headers show another id: stream_id.h */
	uint8_t presence;   /* enum session_presence */
	_Atomic uint32_t queue_first; /* clientq.h; 0 = none */
	_Atomic uint32_t queue_last;
};

enum session_transport {
	TRANSPORT_STARTTLS = 1,
	TRANSPORT_DIRECT_TLS = 2,
	TRANSPORT_OFFLOADED = 4, /* TLS ends at a load balancer */
};

struct directory;

/*
 * ledger may be NULL (tests). random_bytes fills from a CSPRNG. The name is
 * copied. Directory of the calling process: claims need a mapped partition.
 */
struct directory *directory_new(struct region *region, struct ledger *ledger,
    const char *name, void (*random_bytes)(void *bytes, size_t len));
void directory_free(struct directory **directory);

/* Worker: claims a free slot of its own partition, which is that of its first
 * claim. 0, or -ENOSPC when all are in use. The slot, the ledger entry and
 * cleared info are written. The slot stays taken until its info is wiped,
 * whatever upstream says of it. */
MUST_CHECK int directory_claim(struct directory *directory, uint32_t partition,
    uint32_t *slot_out);

/* Upstream: looks a streamid up. 0, slot and generation, or -ENOENT (foreign
 * name, out of range, other nonce, or ended). Accepts any bytes. */
MUST_CHECK int directory_find(const struct directory *directory,
    const char *streamid, size_t len, uint32_t *slot_out,
    uint32_t *generation_out);

/* The slot that a text of the form of a streamid names, whatever its nonce and
 * whether or not it is mapped here; -ENOENT: none. Accepts any bytes. */
MUST_CHECK int directory_named_slot(const struct directory *directory,
    const char *text, size_t len, uint32_t *slot_out);

/* Writes the streamid and a NUL; returns its length. */
size_t directory_streamid(const struct directory *directory, uint32_t slot,
    char streamid_out[STREAMID_MAX + 1]);

/* Upstream: this generation is over; idempotent, ignores an older one. */
void directory_end(struct directory *directory, uint32_t slot,
    uint32_t generation);

/* Slots come from rings: -ERANGE when it is impossible or not mapped here,
 * -ENOENT when this generation is not the living one. */
MUST_CHECK int directory_check(const struct directory *directory, uint32_t slot,
    uint32_t generation, uint32_t *nonce32_out, uint8_t *lane_out);

/* Worker: writes an own slot and its claim anew when they are not as it
 * wrote them; then true. */
bool directory_restore(struct directory *directory, uint32_t slot);

uint32_t directory_slot_count(const struct directory *directory);
uint32_t directory_generation(const struct directory *directory, uint32_t slot);
bool directory_is_live(const struct directory *directory, uint32_t slot);
/* The partition its frames go to. */
uint16_t directory_owner(const struct directory *directory, uint32_t slot);
uint16_t directory_flags(const struct directory *directory, uint32_t slot);
void directory_set_flags(struct directory *directory, uint32_t slot,
    uint16_t flags);

/* Calls fn for each live slot whose owner is `partition`, or of all (-1). */
typedef void directory_each_fn(void *context, uint32_t slot,
    uint32_t generation);
void directory_each_live(struct directory *directory, int partition,
    directory_each_fn *fn, void *context);

/* Owner: the info of a slot of its own partition. */
struct session_info *directory_info(struct directory *directory, uint32_t slot);

/* Owner: the bound JID, kept in the partition's arena. 0 or -ENOSPC. */
MUST_CHECK int directory_set_jid(struct directory *directory, uint32_t slot,
    const char *jid, size_t len);
const char *directory_jid(struct directory *directory, uint32_t slot,
    size_t *len_out);

/* Owner: wipes info and JID when its client is gone. */
void directory_wipe_info(struct directory *directory, uint32_t slot);

/*
 * A session as a process sees it that owns nothing of it: control, for those
 * who ask. Its worker writes on meanwhile, or was killed in the midst of it, so
 * nothing that is read is trusted.
 */
#define SESSION_JID_MAX 3072 /* with the final NUL */

struct session_view {
	uint32_t slot, generation;
	uint16_t owner; /* partition */
	uint8_t lane;
	uint8_t phase;            /* enum session_phase */
	uint8_t transport;        /* enum session_transport bits */
	uint8_t peer_address[16]; /* IPv4 as mapped */
	uint16_t peer_port;
	uint32_t since_s, active_s; /* steady_clock.h */
	uint64_t bytes_up, bytes_down;
	uint32_t stanzas_up, stanzas_down;
	char jid[SESSION_JID_MAX]; /* "": not bound */
};

/* False when the slot has no living session, or its info is another's. */
MUST_CHECK bool directory_view(struct directory *directory, uint32_t slot,
    struct session_view *view_out);
const char *session_phase_name(enum session_phase phase);

#endif
