/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jid - addresses checked and prepared with the XMPP stringprep profiles
 * (RFC 6122; libidn is used here only). Each part at most 1,023 bytes. The dot
 * that may end a domain is no part of it (RFC 6122 section 2.2).
 *
 * Unicode 3.2 is what these profiles know. What has been assigned since, emoji
 * for example, they call unassigned: a query may hold it (RFC 3454 section 7),
 * but not every server copes with it.
 */
#ifndef COMMON_XMPP_JID_H
#define COMMON_XMPP_JID_H

#include "common/base/base.h"

#define JID_PART_MAX 1023
#define JID_MAX      (3 * JID_PART_MAX + 2)

/* Writes the prepared form and a NUL. 0, -EINVAL when malformed, or -EILSEQ
 * when unassigned code points make it so. */
MUST_CHECK int jid_prepare(const char *jid, char prepared_out[JID_MAX + 1]);

/* The server's own domain: the spelling that the server is to see, borrowed,
 * and a form of it in which all its spellings are alike. */
struct jid_domain {
	const char *spelling;
	char folded[JID_PART_MAX + 1];
	bool has_ace; /* one of its labels is an A-label in that form */
};

/* spelling: prepared. */
void jid_domain_init(struct jid_domain *domain, const char *spelling);
/* Whether `text` is that domain in any spelling: upper case, A-labels or
 * U-labels (RFC 3490), a dot at the end. */
bool jid_domain_is(const struct jid_domain *domain, const char *text);
/* Which of so many it is; their count: none. `text` is folded once, however
 * many there are: it may be long, and from anybody. */
unsigned jid_domain_find(const struct jid_domain *domains, unsigned count,
    const char *text);

/*
 * An address that a client writes to: as jid_prepare(), but the own domain, and
 * what ends in it, is spelt as the server spells it, and the resource may hold
 * unassigned code points if `unassigned`.
 */
MUST_CHECK int jid_prepare_target(const char *jid, const struct jid_domain *own,
    bool unassigned, char prepared_out[JID_MAX + 1]);

/*
 * The address that an answer goes to: one that the server itself wrote into the
 * question, by rules that need not be ours, so it stays as it is. Only another
 * spelling of the own domain, which the server does not use, is prepared. 0, or
 * -EINVAL for what cannot have come from a server: a part that is empty or too
 * long, or a domain with what none has.
 */
MUST_CHECK int jid_prepare_answer(const char *jid, const struct jid_domain *own,
    char prepared_out[JID_MAX + 1]);

/* A manager's name as the server takes it: lower-cased letters, digits, '-'
 * and '.', shorter than cap (PROTOCOL.md §2.1). 0 or -EINVAL. */
MUST_CHECK int jid_prepare_manager_name(const char *name, char *prepared_out,
    size_t cap);

#endif
