/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_state - what upstream knows of the server, published to every worker.
 *
 * Upstream is the only writer; it fills one of two copies and then makes it the
 * current one, so its death leaves the state before. Readers copy and try again
 * when another became current meanwhile. Carries the server's configuration
 * (PROTOCOL.md §4, and what our module for Prosody adds to it), which is each
 * domain's own, and whether sessions can be served.
 */
#ifndef COMMON_SHM_SERVER_STATE_H
#define COMMON_SHM_SERVER_STATE_H

#include "common/base/base.h"

struct region;

enum server_phase {
	SERVER_UNKNOWN, /* no link or no configuration yet: refuse clients */
	SERVER_SERVING,
	SERVER_HOLDING, /* all links lost, grace runs: hold, accept nothing; or
			 * a pause: hold, log-ins begin and wait */
	SERVER_GONE,    /* grace over or system-shutdown: all disconnected */
};

/* Of a restart of the server that an operator has planned: clients are held
 * before it begins (worker/upstream/service/pause.h). */
enum server_pause {
	PAUSE_NONE,
	PAUSE_SETTLING, /* what is under way goes out and is confirmed */
	PAUSE_HOLDING,  /* nothing more goes out */
	PAUSE_AWAITING, /* it is over as soon as the server is back */
};

#define SERVER_PAUSE_MAX_S 3600u

enum server_tls_policy {
	SERVER_TLS_DISABLED,
	SERVER_TLS_OPTIONAL,
	SERVER_TLS_REQUIRED,
};

#define SERVER_MECHANISMS_MAX 512
#define SERVER_DOMAINS_MAX    64u

/* What clients of one domain are offered before they have logged in. */
struct server_offer {
	uint8_t known; /* the server has said it since its first link is up */
	uint8_t tls_policy;
	uint8_t non_sasl_auth; /* advertise jabber:iq:auth */
	uint8_t in_band_register;
	/* What our module for Prosody adds to it (multiplex.h). */
	uint8_t has_clear; /* clients without TLS are offered clear_*, only */
	uint8_t clear_non_sasl_auth;
	uint8_t clear_in_band_register;
	uint8_t reserved;    /* 0; instead of padding: it is compared whole */
	uint32_t limit_rate; /* bytes a second of a client; 0: no limit given */
	uint32_t limit_burst_s; /* for so long they may be saved up */
	char mechanisms[SERVER_MECHANISMS_MAX]; /* blank-separated, filtered */
	char clear_mechanisms[SERVER_MECHANISMS_MAX]; /* likewise */
};

struct server_state {
	uint32_t version;          /* grows with every change */
	uint32_t disconnect_epoch; /* grows: all clients get system-shutdown */
	uint32_t domain_count;     /* at most SERVER_DOMAINS_MAX */
	uint32_t pause_until_s;    /* steady_clock.h; 0: there is no pause */
	uint8_t phase;
	/* Of our module for Prosody. */
	uint8_t facts;      /* it takes a session's facts with its create */
	uint8_t unassigned; /* it bears code points that are not assigned */
	uint8_t pause;      /* enum server_pause */
	/* By the order of xmpp.domain; what lies behind domain_count is
	 * neither published nor compared. */
	struct server_offer offers[SERVER_DOMAINS_MAX];
};

/* Its section in the region: two copies, and which is the current one. */
#define SERVER_STATE_BYTES (16 + 2 * sizeof(struct server_state))

void server_state_publish(struct region *region,
    const struct server_state *state);

/* Copies the state when its version is another than that of *state_io (which
 * this has filled before, or all 0), which is cheap to find out. True when it
 * was copied. It gives up (false) only when the state changes at every try, or
 * is damaged. */
bool server_state_read(struct region *region, struct server_state *state_io);

/* Upstream: true when what lies there is this state, undamaged. */
bool server_state_is(struct region *region, const struct server_state *state);

#endif
