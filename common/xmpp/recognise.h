/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recognise - the check of what a worker wants to send up. A worker talks to
 * the internet and may have been taken over, and what it hands over is written
 * to the server's link between `<route ...>` and `</route>`. Only bytes that
 * are exactly one element as our own writer makes it (framer_write.c), of a
 * kind that goes up, are recognised (PROTOCOL.md §6.1, §6.6):
 *
 *   - tags as canonical.h reads them, each end tag with the name of its start;
 *   - characters of XML 1.0 in UTF-8; no white space but blanks in values, and
 *     in text no carriage return; only the references that stream.c writes,
 *     '>' in text as it writes it;
 *   - names as expat takes them, with at most one colon; each prefix declared
 *     in the element itself, but `xml`, which never is; no declaration of
 *     `xmlns` or to nothing, none for the namespaces of XML itself;
 *   - no two attributes of a tag with the same name, or with the same local
 *     name in the same namespace;
 *   - a message, presence or iq without a prefix and without a default
 *     namespace, which is jabber:client in a <route/>; an iq with a type, and
 *     as a request with an id and exactly one child; `auth` and `response` of
 *     SASL, with or without a prefix.
 *
 * expat reads what is recognised as one element, wherever it stands. What
 * clients' options allow at most is within the limits here, so what an honest
 * worker makes is always recognised. Addresses are not looked at: the server
 * writes `from` itself, and a `to` that makes no sense harms its sender alone.
 *
 * Work for each byte is bounded by the logarithm of the limits. The bytes must
 * not change meanwhile: a copy, not the shared memory. Pure.
 */
#ifndef COMMON_XMPP_RECOGNISE_H
#define COMMON_XMPP_RECOGNISE_H

#include "common/base/base.h"
#include "common/xmpp/multiplex.h"

/*
 * Of bytes: a stanza of MULTIPLEX_STANZA_MAX with what comes to it on its way,
 * the prepared `to` and the stream's language; the rest of MULTIPLEX_AROUND_MAX
 * is for what upstream writes around it.
 */
#define RECOGNISE_WRAPPER_MAX 4096u
#define RECOGNISE_BYTES_MAX   (MULTIPLEX_ITEM_MAX - RECOGNISE_WRAPPER_MAX)

/* The most that the options xmpp.client.stanza.depth and .attributes can be: of
 * nesting below the top-level element, and of attributes of one element. What
 * our writer adds to these may come on top. */
#define RECOGNISE_DEPTH_MAX      1000u
#define RECOGNISE_ATTRIBUTES_MAX 1000u

enum recognised {
	RECOGNISED_NOTHING,
	RECOGNISED_MESSAGE,
	RECOGNISED_PRESENCE,
	RECOGNISED_IQ_REQUEST, /* type get or set */
	RECOGNISED_IQ_ANSWER,  /* type result or error */
	RECOGNISED_AUTH,       /* a step of SASL */
};

struct recogniser;

/* Never NULL; for any number of elements, one after the other. */
struct recogniser *recogniser_new(void);
void recogniser_free(struct recogniser **recogniser);

MUST_CHECK enum recognised recognise_element(struct recogniser *recogniser,
    const void *bytes, size_t len);

#endif
