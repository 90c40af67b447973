/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake - a stand-in for Openfire's multiplexer listener and for what little
 * of an XMPP server its sessions need (PROTOCOL.md §20).
 *
 * One process, one loop. Managers have links and sessions; links die, their
 * managers and sessions stay until the process ends or the dialect says so.
 */
#ifndef FAKE_OPENFIRE_FAKE_H
#define FAKE_OPENFIRE_FAKE_H

#include "common/base/buf.h"
#include "common/base/list.h"
#include "tests/support/fake_openfire/chunk.h"
#include "tests/support/fake_openfire/dialect.h"
#include "tests/support/fake_openfire/scanner.h"
#include "tests/support/fake_openfire/witness.h"

#include <ev.h>
#include <gnutls/gnutls.h>

#define HASH_ROWS     65536
#define NUMBERED_ROWS 4096

struct stats {
#define STAT(name) int64_t name;
#include "tests/support/fake_openfire/stats.def"
#undef STAT
};

enum refuse {
	REFUSE_NONE,
	REFUSE_SILENT, /* header without id, FIN */
	REFUSE_ERROR,  /* header without id, stream error, FIN */
	REFUSE_CLOSE,  /* FIN at once */
	REFUSE_SECRET, /* not-authorized for any handshake */
	REFUSE_MUTE,   /* says nothing at all */
};

enum tls_policy { TLS_DISABLED, TLS_OPTIONAL, TLS_REQUIRED };

struct manager {
	struct fake *fake;
	char *name;
	struct list links;    /* struct link.of_manager, packets go here */
	struct list sessions; /* struct session.of_manager */
	unsigned link_count;
	struct list in_fake;
};

enum link_phase {
	LINK_NEW,     /* no header yet */
	LINK_OPEN,    /* header answered */
	LINK_TLS,     /* TLS handshake */
	LINK_SECURE,  /* TLS is up, second header awaited */
	LINK_READY,   /* handshake accepted */
	LINK_LEAVING, /* end tag sent or received */
};

struct item { /* something sent that another link may have to send again */
	struct list in_link;
	uint64_t end; /* position behind it in the bytes of the wire */
	struct numbered *numbered; /* whose message or request it is, or NULL */
	long number;
	size_t len;
	char bytes[];
};

struct link {
	struct fake *fake;
	struct manager *manager;
	struct list in_fake, of_manager;
	unsigned number;
	unsigned barriers; /* it was asked */
	int fd;
	ev_io readable, writable;
	enum link_phase phase;
	char id[16];
	char *address;
	struct buf out;           /* bytes for the wire */
	uint64_t queued, written; /* bytes of the wire */
	struct buf held;          /* packets that wait for the end of TLS */
	struct list items;
	struct scanner scanner;
	struct witness witness;
	uint64_t read, scanned; /* bytes of this stream */
	struct buf ends;        /* where the scanner saw stanzas end */
	gnutls_session_t tls;
	struct buf cipher; /* received, not deciphered */
	bool secured, mute, dead, draining, close_when_flushed;
	bool stall_read, stall_write;
};

struct session {
	struct manager *manager;
	struct list of_manager, in_id_row, in_user_row;
	char *streamid;
	char *host;     /* address of its client, as create says it */
	char *user;     /* NULL: not logged in */
	char *resource; /* NULL: not bound */
	char *jid;      /* full, or what it is before binding */
	bool available;
	bool gone; /* it has said unavailable since */
	unsigned failures;
	unsigned up_link; /* by which it last said something */
};

struct offline {
	struct list in_fake;
	char *user;
	char *stanza;
};

/* Where a number was read, and behind how many of its link's barriers. */
struct arrival {
	unsigned link, barriers;
};

struct numbered { /* what a sender's numbered stanzas looked like here */
	struct list in_fake;
	char *jid;
	struct buf seen;      /* a byte for each number: times it came */
	struct buf via;       /* a uint16_t for each number: link it left by */
	struct buf unreached; /* a byte for each number: no link took it over */
	struct buf came;      /* a struct arrival for each number */
	int64_t last, disorder;
};

/* In which no numbered stanza came, by the steady clock. */
struct silence {
	uint64_t length_us, end_us; /* 0: there was none */
};

struct delivered { /* numbered messages to a session */
	struct list in_fake;
	char *jid;
	struct buf sent;     /* a byte for each number: times it was sent */
	struct buf returned; /* the same of `failed` */
	int64_t last, disorder;
};

struct fake {
	struct ev_loop *loop;
	const struct dialect *dialect;
	const char *domain, *secret;
	enum tls_policy tls_policy;
	enum refuse refuse;
	const char *starttls; /* of clients: optional, required, disabled */
	gnutls_certificate_credentials_t credentials;
	int listener, tls_listener; /* -1: off */
	unsigned port, tls_port;
	ev_io accepts, tls_accepts, commands;
	ev_prepare prepare;
	ev_idle awake; /* while numbered messages are made */
	ev_timer pace; /* ... so many rounds a second */
	struct list managers, links, offline;
	struct list numbered[NUMBERED_ROWS], delivered[NUMBERED_ROWS];
	struct list by_id[HASH_ROWS], by_user[HASH_ROWS];
	struct list spent_ids[HASH_ROWS];
	struct chunk chunk;
	struct buf judgement; /* lines: what the judge found */
	unsigned next_link, split, iq_counter;
	uint64_t random;
	unsigned packet_link; /* by which the last packet left; 0: by none */
	struct item *packet_item; /* which that was, or NULL */
	uint64_t numbered_at_us;  /* the last numbered stanza came; 0: none */
	struct silence silence;   /* the longest between two, since asked */
	bool forgets; /* numbered stanzas that a dead link did not take over */
	struct stats stats;
	struct buf command_line;
	char wait_for[64];
	char wait_op;
	int64_t wait_value;
	bool waiting;
	char poison[2][256]; /* what a link ends at; empty: nothing */
	bool poison_resets;
	struct numbered_job {
		int64_t next, count;
		size_t size;
		double interval; /* of rounds; 0: as fast as links take them */
		double next_at;
		bool active;
	} job;
};

/* link.c */
void link_accept(struct fake *fake, int fd, bool direct_tls);
void link_send(struct link *link, const void *bytes, size_t len);
void link_printf(struct link *link, const char *format, ...) PRINTF_LIKE(2, 3);
/* Kept until the peer's TCP has it, so that a cut link's is sent elsewhere;
 * NULL when it waits for the end of TLS. */
struct item *link_send_item(struct link *link, const void *bytes, size_t len);
void link_flush(struct link *link);
void link_watch(struct link *link);
/* The server ends it: flushes, FIN. */
void link_finish(struct link *link);
/* Ends it now: by FIN or by RST. What was not acknowledged goes elsewhere. */
void link_cut(struct link *link, bool reset);
void link_free(struct link *link);

/* tls.c */
void tls_start(struct link *link);
void tls_end(struct link *link);
/* Queues cleartext; deciphers what came. False: the link is broken. */
void tls_send(struct link *link, const void *bytes, size_t len);
bool tls_receive(struct link *link, const void *bytes, size_t len);

/* negotiate.c */
void negotiate_header(struct link *link);
void negotiate_starttls(struct link *link);
void negotiate_secured(struct link *link);
void negotiate_handshake(struct link *link);
void send_configuration(struct link *link);

/* judge.c */
void judge_bytes(struct link *link, const void *bytes, size_t len);
void judge_note(struct link *link, int64_t *count, const char *what,
    const void *bytes, size_t len);
/* The server closes the link because of what it read. */
void judge_kill(struct link *link, const char *why, const void *bytes,
    size_t len);

/* manager.c */
struct manager *manager_get(struct fake *fake, const char *address);
void manager_join(struct link *link);
void manager_leave(struct link *link);
/* The link for a session's packets, or any; NULL when there is none. */
struct link *manager_link(struct manager *manager, const char *streamid);
void manager_end_sessions(struct manager *manager);

/* top.c: what comes on a link */
void top_iq(struct link *link);
void top_packet(struct link *link);
void packet_error(struct link *link, const char *streamid, const char *error);

/* session.c */
struct session *session_find(struct fake *fake, const struct manager *manager,
    const char *streamid);
struct session *session_by_jid(struct fake *fake, const char *jid);
void session_create(struct manager *manager, const char *streamid,
    const char *host);
/* True when the id was ever used before; remembers it. */
bool session_id_spent(struct fake *fake, const char *streamid);
/* user@domain/resource, or domain/resource without a user; to be freed. */
char *session_make_jid(const char *user, const char *domain,
    const char *resource);
void session_bind(struct fake *fake, struct session *session,
    const char *resource);
void session_login(struct fake *fake, struct session *session,
    const char *user);
void session_end(struct fake *fake, struct session *session);
void session_kick(struct fake *fake, struct session *session,
    const char *condition);
void session_close_iq(struct fake *fake, const struct session *session,
    const char *error);
/* Sends to the client: a stanza, or raw text in the dialect's manner. */
void session_send(struct fake *fake, const struct session *session,
    const void *bytes, size_t len);
void session_raw(struct fake *fake, const struct session *session,
    const char *text);
unsigned hash_text(const char *text);

/* stanza.c: what a session says; user.c: where it goes */
void stanza_from(struct link *link, struct session *session);
void sasl_from(struct link *link, struct session *session);
void presence_broadcast(struct fake *fake, const struct session *session,
    bool available);
/* Returns false when nobody is there to get it. */
bool deliver(struct fake *fake, const char *to, const void *bytes, size_t len,
    bool fall_back);
void offline_store(struct fake *fake, const char *user, const void *bytes,
    size_t len);
void offline_flush(struct fake *fake, const struct session *session);

/* numbers.c */
/* -1: not a numbered message's id. */
long numbers_of(const char *id);
/* Of a row of those, which grows as it must; all new ones are 0. */
void *numbers_cell(struct buf *cells, long number, size_t size);
void numbers_note(struct link *link, const char *jid, const char *id);
/* A numbered stanza of this sender's was the last packet. */
void numbers_left(struct fake *fake, const char *jid, const char *id);
/* This item was not acknowledged, and nothing sends it again. */
void numbers_unreached(const struct item *item);
void numbers_job(struct fake *fake);
void numbers_report(struct fake *fake, struct buf *out);
/* The longest time between two numbered stanzas since it was asked last. */
struct silence numbers_take_silence(struct fake *fake);

/* deliveries.c */
void deliveries_sent(struct fake *fake, const char *jid, const char *id);
void deliveries_returned(struct fake *fake, const char *jid, const char *id);
void deliveries_report(struct fake *fake, struct buf *out);

/* report.c: a JSON string, and commands; each answers and returns true */
void report_string(struct buf *out, const char *text);
bool report_stats(struct fake *fake, char *rest);
bool report_links(struct fake *fake, char *rest);
bool report_sessions(struct fake *fake, char *rest);
bool report_judge(struct fake *fake, char *rest);
bool report_numbers(struct fake *fake, char *rest);
bool report_deliveries(struct fake *fake, char *rest);
int64_t *fake_counter(struct fake *fake, const char *name); /* or NULL */

/* control.c */
void control_start(struct fake *fake);
void control_check(struct fake *fake);

/* main.c */
void fake_listen(struct fake *fake, bool on);
uint64_t fake_random(struct fake *fake);

#endif
