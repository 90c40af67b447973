/* SPDX-License-Identifier: Apache-2.0 */
/*
 * books - what was said by whom, what came of it, and the rules that this has
 * to keep to (worker/upstream/DELIVERY.md).
 *
 * A stanza that goes up bears the mark u:CLIENT:NUMBER as its id, one that
 * comes down d:CLIENT:NUMBER.
 */
#ifndef TESTS_SIMULATION_BOOKS_H
#define TESTS_SIMULATION_BOOKS_H

#include "common/base/base.h"
#include "common/shm/streamid.h"

#define CLIENTS_MAX 192u
#define ITEMS_MAX   96u

struct up_item {
	uint8_t kind; /* enum frame_kind */
	uint8_t seen; /* by the server */
	uint8_t errors;
	bool is_sure; /* its frame is in the ring */
	bool waits;   /* its error does, in upstream's own memory */
};

struct down_item {
	uint8_t kind;
	uint8_t delivered;
	uint8_t returned;
	bool late; /* it came when its client had been closed */
	unsigned connection;
	uint64_t end; /* on that */
};

/* As the server has the session. */
enum server_session {
	SESSION_NEVER,
	SESSION_OPEN,
	SESSION_CLOSED,    /* by our close */
	SESSION_ENDED,     /* by the server, in whatever way */
	SESSION_FORGOTTEN, /* as SESSION_ENDED: with all others */
};

/* worker/client/leave.h */
enum client_leave {
	LEAVE_NOT,
	LEAVE_SENT, /* what comes goes back */
	LEAVE_OVER,
};

struct client {
	unsigned number;
	char streamid[STREAMID_MAX + 1];
	uint32_t slot, generation;
	unsigned partition;
	/* At its worker. */
	bool is_created; /* the frame is out */
	bool saw_dead;   /* its routing says so */
	bool is_leaving; /* close is to be said */
	enum client_leave leave;
	double leave_until;
	bool has_left;  /* it was told so in time */
	bool is_closed; /* ... is out */
	bool is_gone;   /* its worker has let it go, or died */
	bool is_torn;   /* ... in the midst of something */
	bool is_over;   /* as upstream has it */
	/* At the server. */
	enum server_session session;
	bool was_ended;      /* by the server, ever */
	bool is_unavailable; /* nothing is sent to it any more */
	unsigned closes;
	unsigned auth_failures; /* that its client was told */
	unsigned next_seen;     /* above all that were seen */
	unsigned up_count, down_count;
	struct up_item up[ITEMS_MAX];
	struct down_item down[ITEMS_MAX];
};

void books_begin(void);
/* NULL when there is no room. */
struct client *books_open(uint32_t slot, uint32_t generation,
    const char *streamid, unsigned partition);
unsigned books_count(void);
struct client *books_client(unsigned number);
/* By streamid; NULL. */
struct client *books_find(const char *streamid, size_t len);

/* A connection, or a process, was lost: what was under way may come again. */
void books_note_death(void);
void books_note_kill(void);
void books_note_worker_death(void);
/* A worker closes all its clients, since no server is there. */
void books_note_sent_away(void);
/* An error was made that finds no room in a ring. */
void books_note_waiting(const char *text, size_t len);

/* --- at the server --- */

/* A text with a mark has come for this session. */
void books_server_got(struct client *client, const char *text, size_t len);
void books_server_created(struct client *client);
void books_server_closed(struct client *client);
/* `failed`: a message goes back. */
void books_server_returned(struct client *client, const char *text, size_t len);

/* --- at a worker --- */

void books_delivered(struct client *client, const char *text, size_t len);
/* It came, but its client had been closed. */
void books_late(struct client *client, const char *text, size_t len);
/* A step of its log-in has failed. */
void books_auth_failed(struct client *client);
/* All up to its leave is confirmed. */
void books_left(struct client *client);
/* An error of upstream's. */
void books_bounced(struct client *client, const char *text, size_t len);

/* --- at our end --- */

/* This generation of the slot is over. */
void books_session_over(uint32_t slot, uint32_t generation);

/* All has come to rest. */
void books_close(void);

/* Notes a breach of a rule; the first one counts. */
void books_breach(const char *format, ...) PRINTF_LIKE(1, 2);
/* NULL: none. */
const char *books_first_breach(void);

#endif
