/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane - what waits in a lane and goes up in order: frames that were collected
 * from workers, and what upstream itself says of sessions (lane_log.h).
 */
#ifndef WORKER_UPSTREAM_SEND_LANE_H
#define WORKER_UPSTREAM_SEND_LANE_H

#include "worker/upstream/core/session_facts.h"

/* What the layer above does about sessions whose entries have a fate;
 * up->lane_events. */
struct lane_events {
	/* Its close is confirmed, or nothing more is to be said of it. */
	void (*on_ended)(struct upstream *up, struct session session);
	/* Its leave is confirmed, and so is all before it. */
	void (*on_left)(struct upstream *up, struct session session);
	/* The entry's sender is to have an error, for it is not sent. */
	void (*on_returned)(struct upstream *up, struct lane *lane,
	    const struct lane_entry *entry);
	/* It was a SASL step that may or may not have arrived. */
	void (*on_auth_unconfirmed)(struct upstream *up,
	    struct session session);
	/* Its create may or may not have arrived. */
	void (*on_create_unconfirmed)(struct upstream *up, unsigned lane,
	    uint32_t slot);
	/* A frame of this kind is never sent: links die of it. */
	void (*on_given_up)(struct upstream *up, struct session session,
	    uint8_t kind);
};

/* Takes over what a predecessor has left in all lanes. */
void lanes_take_over(struct upstream *up);

/* The entry of this number; false behind the last one. A damaged log ends the
 * process: nobody else knows what was in it. */
bool lane_read(const struct lane *lane, uint64_t number,
    struct lane_entry *entry_out);
/* Its bytes are as they were appended, or the process ends. */
void lane_check(const struct lane *lane, const struct lane_entry *entry);
void lane_mark(struct lane *lane, uint64_t number, enum lane_mark mark);

/* Whose an entry is; of no partition's for upstream's own words. */
struct session lane_session(const struct lane_entry *entry);

/* True when it is of a session that this entry's worker has. */
bool lane_is_of_owner(const struct upstream *up,
    const struct lane_entry *entry);

/* Appends what is in up->scratch as upstream's own words, with up->origin, if a
 * predecessor has not said it already. False: there is no room now, or
 * rendering has failed. */
MUST_CHECK bool lane_say(struct upstream *up, unsigned number,
    enum frame_kind kind, struct session session);

/* The last place of low <= place <= high that own words were said because of,
 * and how often; 0: of none. */
uint64_t lanes_find_origin(const struct upstream *up, struct origin low,
    uint64_t high, unsigned *count_out);

/* The largest item finds room in it; in every lane. */
bool lane_has_room(struct lane *lane);
bool lanes_have_room(struct upstream *up);

/* There may be something to send. */
void lane_wake(struct upstream *up, unsigned number);

/* All that is in the lanes was sent and confirmed. */
bool lanes_are_drained(const struct upstream *up);

/* --- lane_publish.c: for operators, on a tick --- */
void lanes_publish(struct upstream *up);

/* Its sessions are being revalidated: nothing of it goes before that. */
bool lane_is_held(const struct upstream *up, unsigned number);

#endif
