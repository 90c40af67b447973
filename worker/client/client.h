/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client - one connection of a user, from its first byte to the end of its
 * session; client_state.h has the picture of its life.
 *
 * An idle client costs one of these and no timer, no parser, no buffer
 * (ARCHITECTURE.md).
 */
#ifndef WORKER_CLIENT_CLIENT_H
#define WORKER_CLIENT_CLIENT_H

#include "common/base/list.h"
#include "common/net/endpoint.h"
#include "common/net/transport.h"
#include "common/shm/clientq.h"
#include "common/shm/stats.h"
#include "common/xmpp/close.h"

#include <ev.h>

struct client_worker;
struct loan;
struct login_requests;
struct partial;
struct stall;

#define NO_SLOT UINT32_MAX

enum client_flag {
	CLIENT_DIRECT_TLS = 1,
	CLIENT_VERSION_1 = 2,     /* its header had 1.0 or more */
	CLIENT_HEADER_SENT = 4,   /* ours */
	CLIENT_CREATED = 8,       /* create is in the ring */
	CLIENT_SESSION_OVER = 16, /* close is in the ring or backlog */
	CLIENT_SASL_REFUSED = 32, /* one of its log-ins, by this worker */
	CLIENT_PINGED = 64,       /* our ping is out */
	CLIENT_BLOCKED = 128,     /* not read from: ring full or links lost */
	CLIENT_SHUT = 256,        /* our half is closed */
	CLIENT_PEER_DONE = 512,   /* theirs is */
	CLIENT_TRACED = 1024,     /* somebody watches what comes and goes */
	CLIENT_CUT_OFF = 2048,    /* upstream seemed to hold it for gone */
	CLIENT_PROXY_DUE = 4096,  /* its PROXY protocol header is */
	CLIENT_PROXIED = 8192,    /* that came */
	CLIENT_OFFLOADED = 16384, /* it speaks TLS with its load balancer */
	CLIENT_KIND_DUE = 32768,  /* its first byte: clear text or TLS */
};

struct client {
	struct transport transport;
	ev_io io;             /* its data: the worker */
	struct list all;      /* in client_worker.clients */
	struct list deadline; /* in a bucket of the wheel */
	struct list out;      /* in .dirty or .unacked, or alone */
	struct clientq queue;
	uint32_t slot; /* NO_SLOT before the header */
	union {
		uint32_t generation; /* with a slot */
		uint32_t newcomer;   /* without: newcomers.h */
	};
	union {
		uint32_t since_s; /* accepted; later, its state began */
		uint32_t sent_s;  /* while it is bound: last byte to it */
	};
	uint32_t active_s;        /* last byte from it */
	uint32_t partial_since_s; /* 0: no stanza is incomplete */
	uint32_t window_since_s;  /* in which the incomplete one is measured */
	uint32_t window_bytes;    /* that came in it */
	uint16_t flags;
	uint8_t state;  /* enum client_state; client_enter() only */
	uint8_t epoch;  /* disconnect_epoch of its time */
	uint8_t reason; /* enum close_reason, when closing */
	union {
		uint8_t steps; /* of its log-in that were answered */
		uint8_t ping;  /* while bound: keepalive.c */
		uint8_t leave; /* while closing: leave.c */
	};
	uint16_t scope;            /* what its header declares: scopes.h */
	uint32_t heap_place : 25;  /* weights.c */
	uint32_t names_domain : 1; /* its TLS was begun for it */
	uint32_t domain : 6;       /* client_domain.h */
	struct partial *partial;   /* owned: bytes that are not parsed yet */
	struct loan *loan;         /* a parser, while a stanza is incomplete */
	struct stall *stall; /* what waits behind a full ring: backlog.c */
	struct login_requests *login_requests; /* while it logs in */
};

_Static_assert(sizeof(struct client) <= 216,
    "an idle session's budget is 560 bytes in all");

/* What a file has to have done that lies above it; client_worker.c says by
 * whom. */
struct client_calls {
	void (*end)(struct client *client, enum close_reason reason,
	    const uint8_t *words, size_t len);
	void (*drop)(struct client *client, enum close_reason reason);
	void (*shed)(struct client *client, enum close_reason reason);
	/* <proceed/> is written. */
	void (*begin_tls)(struct client *client);
};

/* Whose client it is. */
static inline struct client_worker *
worker_of(const struct client *client)
{
	return client->io.data;
}

/* The address that it was accepted with, for as long as it lives. */
void client_peer(const struct client *client, struct endpoint *peer_out);
/* As text: every line about a client has it. */
const char *client_peer_text(const struct client *client,
    char text_out[ENDPOINT_TEXT_MAX]);
/* EV_READ, EV_WRITE or both; 0: none. */
void client_set_events(struct client *client, int events);
void client_set_read(struct client *client, bool on);
void client_set_write(struct client *client, bool on);
/* Nobody reads what it and we say: TLS here, or at a load balancer that we
 * trust. */
static inline bool
client_is_secure(const struct client *client)
{
	return transport_is_secure(&client->transport) ||
	       (client->flags & CLIENT_OFFLOADED);
}

/* Nothing can be sent to it: TLS begins, and what were written now would go out
 * in clear text or in the midst of the handshake; or its PROXY protocol header
 * is due. */
bool client_is_mute(const struct client *client);

/* --- its end: what these do is in ending.c --- */

/* Sends it the reason (close.def), answers nothing more, and ends. Harmless
 * twice. */
void client_close(struct client *client, enum close_reason reason);
/* The same with these bytes of the server instead of an error of ours. */
void client_end(struct client *client, enum close_reason reason,
    const uint8_t *words, size_t len);
/* At once, without words: the socket is gone. */
void client_drop(struct client *client, enum close_reason reason);
/* Ends it because it holds what others need, and frees at once its session and
 * what waits for it (messages go back to the server); the object lives until
 * the loop comes round. Also of one that is closing already. */
void client_shed(struct client *client, enum close_reason reason);

/* Something of its session goes no further: worker/dropped.h. */
void client_note_dropped(const struct client *client, enum statistic reason,
    uint8_t kind);
void client_note_late(const struct client *client, uint8_t kind);

/* Of one that is closing: nothing more will reach it. */
bool client_is_lost(const struct client *client);
/* Second at which a closing client's own end is no longer waited for. */
uint32_t client_end_due_s(const struct client *client);

#endif
