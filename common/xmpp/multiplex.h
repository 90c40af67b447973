/* SPDX-License-Identifier: Apache-2.0 */
/*
 * multiplex - Openfire's connection-manager protocol: what goes up as bytes for
 * the wire, what comes down as typed items (PROTOCOL.md §2-§6).
 *
 * Everything rendered is in the safe profile, `from` is the bare manager name,
 * `to` the domain (item 85), so nothing rendered depends on a link except
 * header and handshake.
 */
#ifndef COMMON_XMPP_MULTIPLEX_H
#define COMMON_XMPP_MULTIPLEX_H

#include "common/base/buf.h"
#include "common/xmpp/element.h"

#define NS_MULTIPLEX    "jabber:connectionmanager"
#define NS_MULTIPLEX_IQ "http://jabber.org/protocol/connectionmanager"
/* What our module for Prosody sends and understands beyond Openfire's protocol
 * (contrib/prosody/README.md); no server that has not announced it gets any of
 * it.
 */
#define NS_MODULE "urn:cmanager:module:1"

/*
 * The server closes a link for one item of more than 1,048,576 characters
 * (PROTOCOL.md §6.7). A stanza that goes up may have MULTIPLEX_STANZA_MAX
 * bytes, those of its canonical text; the rest is for what comes to it on its
 * way: the <route/> around it, and a `to` that preparing has lengthened. A
 * server with a smaller limit must allow as much above the largest stanza of a
 * client.
 */
#define MULTIPLEX_ITEM_MAX   1048576u
#define MULTIPLEX_AROUND_MAX 16384u
#define MULTIPLEX_STANZA_MAX (MULTIPLEX_ITEM_MAX - MULTIPLEX_AROUND_MAX)

/* Behind the manager's name: a streamid that no session ever has. */
#define MULTIPLEX_BARRIER_SUFFIX "-barrier"

struct stanza_fault; /* stream.h */

/* Who we are; borrowed strings, already valid and escaped where needed. */
struct multiplex_names {
	const char *domain;
	const char *manager;
};

void multiplex_render_header(struct buf *out,
    const struct multiplex_names *names, const char *resource);
void multiplex_render_starttls(struct buf *out);
/* The digest is lower-case hex of SHA-1 over stream id and secret (PROTOCOL.md
 * §2.8). */
void multiplex_render_handshake(struct buf *out, const char *digest_hex);
/* What a client's connection to us is. */
struct multiplex_facts {
	bool encrypted;
	const char *tls_version; /* "TLSv1.3"; these two only if encrypted */
	const char *cipher;      /* name of the suite */
};
/* facts: NULL for a server that does not understand them. */
void multiplex_render_create(struct buf *out,
    const struct multiplex_names *names, const char *streamid, const char *id,
    const char *address, const struct multiplex_facts *facts);
void multiplex_render_close(struct buf *out,
    const struct multiplex_names *names, const char *streamid, const char *id);
/* An element that came for a client's stream, with the declaration of the
 * prefix `stream` if it may need that. Nothing of what is no element. */
void multiplex_render_standalone(struct buf *out, const uint8_t *element,
    size_t len);
/* message: canonical text of one <message>; gets xmlns="" (PROTOCOL.md §5.3).
 * 0, or -ENOENT and nothing appended when it is anything else or longer than
 * MULTIPLEX_STANZA_MAX. */
MUST_CHECK int multiplex_render_failed(struct buf *out,
    const struct multiplex_names *names, const char *streamid, const char *id,
    const uint8_t *message, size_t len);
void multiplex_render_packet_start(struct buf *out,
    const struct multiplex_names *names, const char *streamid);
void multiplex_render_packet_end(struct buf *out);
void multiplex_render_probe(struct buf *out,
    const struct multiplex_names *names, const char *streamid);
/* A close for a streamid that never existed: "<manager>-barrier" (PROTOCOL.md
 * §10.9). */
void multiplex_render_barrier(struct buf *out,
    const struct multiplex_names *names, const char *id);
void multiplex_render_iq_result(struct buf *out,
    const struct multiplex_names *names, const char *id);
/* service-unavailable, for requests of the server that we do not know. */
void multiplex_render_iq_error(struct buf *out,
    const struct multiplex_names *names, const char *id);
void multiplex_render_end(struct buf *out);

enum multiplex_kind {
	MULTIPLEX_HEADER, /* id may be NULL: refused (PROTOCOL.md §2.5) */
	MULTIPLEX_FEATURES,
	MULTIPLEX_PROCEED,
	MULTIPLEX_TLS_FAILURE,
	MULTIPLEX_HANDSHAKE_OK,
	MULTIPLEX_CONFIGURATION,
	MULTIPLEX_CREATED,
	MULTIPLEX_CREATE_REFUSED,
	MULTIPLEX_CLOSED,         /* answer to our close: result or error */
	MULTIPLEX_BARRIER_ANSWER, /* iq answer for "<manager>-barrier" */
	MULTIPLEX_FAILED_ANSWER,
	MULTIPLEX_SESSION_CLOSE, /* server closes a session */
	MULTIPLEX_PACKET,        /* stanza for a session */
	MULTIPLEX_PACKET_ERROR,  /* condition says which */
	MULTIPLEX_STREAM_ERROR,  /* of the link itself */
	MULTIPLEX_UNKNOWN_IQ,    /* get or set we do not know: answer error */
	MULTIPLEX_IGNORED,       /* nothing to do; log at debug */
	MULTIPLEX_KIND_COUNT
};

/* What clients are offered before they have logged in. */
struct multiplex_offer {
	bool non_sasl_auth;
	bool in_band_register;
	bool channel_binding; /* a *-PLUS was among them */
	char mechanisms[512]; /* blank-separated; EXTERNAL and *-PLUS gone */
};

struct multiplex_configuration {
	bool starttls;
	bool starttls_required;
	/* The rest is sent by our module only, in NS_MODULE. */
	bool of_module;       /* it comes from that */
	bool of_default_host; /* who has one domain belongs to this one's */
	bool facts;           /* a create may carry a session's facts */
	bool unassigned;      /* a resource may have unassigned code points */
	bool has_clear; /* `clear` is given; else `offer` is for everybody */
	struct multiplex_offer offer;
	struct multiplex_offer clear; /* to clients without TLS */
	uint32_t limit_rate; /* bytes a second of a client; 0: no limit given */
	uint32_t limit_burst_s; /* for so long they may be saved up */
};

/* What a <route/> carries for a client's stream (PROTOCOL.md §6.4). */
enum multiplex_content {
	CONTENT_OTHER,
	CONTENT_MESSAGE,
	CONTENT_PRESENCE,
	CONTENT_IQ_REQUEST, /* type get or set */
	CONTENT_IQ_ANSWER,  /* any other type, or none */
	CONTENT_SUCCESS,    /* of SASL, as the next two */
	CONTENT_CHALLENGE,
	CONTENT_FAILURE,
	CONTENT_STREAM_ERROR,
	CONTENT_KIND_COUNT
};

struct multiplex_item {
	enum multiplex_kind kind;
	const char *id;        /* of the iq, or of the header; may be NULL */
	const char *namespace; /* of what the header holds; may be NULL */
	const char *streamid;  /* NULL when there is none */
	const char *condition; /* of errors; "" when none */
	enum multiplex_content content; /* PACKET */
	const uint8_t *bytes; /* PACKET: canonical stanza; SESSION_CLOSE: the
				 embedded stream error or NULL */
	size_t len;
	struct multiplex_configuration configuration;
	const char *from; /* CONFIGURATION: whose it is, or NULL */
	bool starttls;    /* FEATURES */
	bool starttls_required;
	bool mechanisms; /* of SASL; no link has any */
};

struct framer;

/*
 * Decodes what the framer (FRAMER_UNWRAP) just gave. Escaped text in a <route/>
 * is parsed through the same framer. Never fails: what makes no sense is
 * MULTIPLEX_IGNORED with `condition` saying why. What the item points at lives
 * until the framer goes on.
 */
void multiplex_decode(struct framer *framer, const struct element *element,
    const char *manager, struct multiplex_item *item_out);

/* What a <route/> that goes up holds. False: it is none, of ours at least. */
MUST_CHECK bool multiplex_unwrap(const uint8_t *packet, size_t len,
    const uint8_t **stanza_out, size_t *len_out);

/*
 * An error answer to a stanza that was to go up: for what is unconfirmed or
 * dropped. Appends the bare stanza, addresses swapped. 0, or -ENOENT when no
 * answer may be given (errors, answers, presence).
 */
MUST_CHECK int multiplex_render_bounce(struct buf *out, const uint8_t *stanza,
    size_t len, const struct stanza_fault *fault);

/*
 * The other way: an iq get/set that could not be delivered to its client, as
 * the answer to it in the client's name (PROTOCOL.md §10.6), to be wrapped into
 * a <route/>.
 */
MUST_CHECK int multiplex_render_undelivered(struct buf *out,
    const uint8_t *stanza, size_t len);

#endif
