/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unconfirmed - what becomes of entries whose link died, and of those whose
 * session the server no longer knows (DELIVERY.md §2, §3).
 *
 * When a link dies every entry in flight goes back into the line: the lane's
 * sent cursor returns to its tail. What may have reached the peer is marked as
 * in doubt and judged by kind when its turn comes again; the rest is simply
 * sent again. "May have" is what was transmitted, not what was
 * acknowledged: a server reads before its kernel's delayed acknowledgement goes
 * out, and a reset then swallows it. Of a link that is given up while it lives
 * it is all that was written: more may leave until it is reset.
 */
#ifndef WORKER_UPSTREAM_SEND_UNCONFIRMED_H
#define WORKER_UPSTREAM_SEND_UNCONFIRMED_H

#include "worker/upstream/core/session_facts.h"

enum verdict {
	VERDICT_SEND,
	VERDICT_SKIP,
	VERDICT_BOUNCE,    /* skip; its sender gets an error */
	VERDICT_FAIL_AUTH, /* skip; its sender gets a SASL failure */
	VERDICT_END,       /* skip; the session is over without a word */
	VERDICT_GIVE_UP,   /* skip; links die of it: its session pays */
};

/* What is known of an entry whose turn it is. */
struct unconfirmed_facts {
	uint8_t kind;
	bool unconfirmed; /* may have reached the server already */
	bool resolved;    /* unconfirmed before, and its sender notified */
	bool abandoned;   /* its sender was sent away meanwhile */
	bool created;     /* the server has, or had, the session */
	bool uncreated;   /* its create had its turn, and was not sent */
	bool over;        /* its session has ended */
	bool dead;        /* the server said item-not-found */
	bool pays;        /* something else of its session was given up */
	bool notified;    /* ... and the sender has had its errors */
	bool given_up;    /* links die of it (isolation.h) */
};

/* Pure. */
enum verdict unconfirmed_judge(const struct unconfirmed_facts *facts);

/* True for kinds that are never sent again when unconfirmed. */
bool unconfirmed_is_sent_once(uint8_t kind);

/* True when unconfirmed_take() would have this entry sent; changes nothing. */
bool unconfirmed_would_send(const struct upstream *up, const struct lane *lane,
    const struct lane_entry *entry);

/* False while the answer that its sender would get has no room in his worker's
 * ring: what waits for that in this process alone is lost with it. */
bool unconfirmed_has_room(struct upstream *up, const struct lane *lane,
    const struct lane_entry *entry);

/* Judges and does what the verdict asks for beside sending. True: send. */
bool unconfirmed_take(struct upstream *up, struct lane *lane,
    const struct lane_entry *entry);

/* The link's entries in flight go back into the line. reachable: wire bytes
 * that its peer may have or get; nothing of the rest leaves any more. */
void unconfirmed_link_died(struct link *link, uint64_t reachable);

/* A predecessor may have noted a create as sent, and been killed before a
 * journal had it: it waits. The lane's sent cursor is as the journals say. */
void unconfirmed_take_over(struct upstream *up, unsigned number);

/* After a predecessor's death: what this lane had in flight becomes
 * unconfirmed; what was so already because a link died stays so. */
void unconfirmed_inherit_lane(struct upstream *up, unsigned number);

/* A kind whose sender gets an error when it cannot be delivered. */
bool unconfirmed_is_from_sender(uint8_t kind);

/* It is not sent, and nobody gets a word: noted where that is a loss. */
void unconfirmed_note_skipped(const struct upstream *up, struct session session,
    uint8_t kind);

#endif
