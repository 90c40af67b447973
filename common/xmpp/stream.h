/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream - renders what we send ourselves on a client's stream; all escaping of
 * values happens here. Every function appends to a buf (check buf->failed).
 */
#ifndef COMMON_XMPP_STREAM_H
#define COMMON_XMPP_STREAM_H

#include "common/base/buf.h"

#define NS_STREAM  "http://etherx.jabber.org/streams"
#define NS_CLIENT  "jabber:client"
#define NS_TLS     "urn:ietf:params:xml:ns:xmpp-tls"
#define NS_SASL    "urn:ietf:params:xml:ns:xmpp-sasl"
#define NS_BIND    "urn:ietf:params:xml:ns:xmpp-bind"
#define NS_IQ_AUTH "jabber:iq:auth"
#define NS_SESSION "urn:ietf:params:xml:ns:xmpp-session"
#define NS_STREAMS "urn:ietf:params:xml:ns:xmpp-streams"
#define NS_STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"
/* Of XML itself: no other prefix than xml and xmlns may name them. */
#define NS_XML   "http://www.w3.org/XML/1998/namespace"
#define NS_XMLNS "http://www.w3.org/2000/xmlns/"

/* Escapes as PROTOCOL.md §6.6 demands, in text or in a double-quoted value. A
 * '>' in text stays as it is unless it would end "]]>", of which the beginning
 * may be what `out` ends with. */
void stream_escape_text(struct buf *out, const char *text, size_t len);
void stream_escape_value(struct buf *out, const char *text, size_t len);
/* The first byte of canonical text, len > 0, which has no other references than
 * &amp; &lt; &gt; and &#13;; *width_out: bytes that it takes there. */
char stream_unescape_next(const char *text, size_t len, size_t *width_out);

/* All of it. */
void stream_unescape(struct buf *out, const char *text, size_t len);

/* One attribute with the blank before it; nothing when value is NULL. */
void stream_attribute(struct buf *out, const char *name, const char *value);

struct stream_header {
	const char *from;
	const char *to; /* NULL: the client has not named itself */
	const char *id;
	const char *language; /* NULL: "en" */
	bool version;         /* version="1.0", else none (PROTOCOL.md §8.2) */
};
void stream_render_header(struct buf *out, const struct stream_header *header);

enum stream_stage { STAGE_BEFORE_AUTH, STAGE_AFTER_AUTH };
struct stream_features {
	enum stream_stage stage;
	bool starttls;
	bool starttls_required; /* then nothing else is offered, and nothing
				   at all without starttls */
	const char *mechanisms; /* blank-separated; "" for none */
	bool non_sasl_auth;
	bool in_band_register;
	bool roster_versioning;
	size_t max_stanza_bytes; /* XEP-0478; 0: not announced */
	unsigned idle_s;         /* XEP-0478; 0: not announced */
};
void stream_render_features(struct buf *out,
    const struct stream_features *features);

/* What went wrong, in English, for a person: <text/> of an error of that
 * namespace. Nothing when it is NULL. */
void stream_render_text(struct buf *out, const char *namespace,
    const char *text);

/* RFC 6120 section 4.9.3.19: <see-other-host> with a host and port in it. */
void stream_render_other_host(struct buf *out, const char *host,
    const char *text);

/* <stream:error> with an optional text, without the end tag. */
void stream_render_error(struct buf *out, const char *condition,
    const char *text);
void stream_render_end(struct buf *out); /* </stream:stream> */

/* Why a stanza is refused. */
struct stanza_fault {
	const char *type; /* RFC 6120 §8.3.2: "modify", ... */
	const char *condition;
	const char *text; /* or NULL */
};
/* <error> with that in it. */
void stream_render_fault(struct buf *out, const struct stanza_fault *fault);

/*
 * Error answer to a stanza: addresses swapped, id kept, escaped. name is
 * "iq", "message" or "presence". Any of to, from, id may be NULL.
 */
struct stanza_error {
	const char *name;
	const char *to;   /* of the answer */
	const char *from; /* of the answer */
	const char *id;
	struct stanza_fault fault;
};
void stream_render_stanza_error(struct buf *out,
    const struct stanza_error *error);

/* Longest language tag that is kept. There is no longest one: 35 characters
 * are the least that should be (RFC 5646 §4.4.1), and some have more. */
#define LANGUAGE_MAX 255

/* RFC 5646 shape, at most LANGUAGE_MAX characters: safe to echo. */
bool stream_is_language(const char *tag);

#endif
