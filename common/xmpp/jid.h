/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jid - addresses checked and prepared with the XMPP stringprep profiles
 * (RFC 6122; libidn is used here only). Each part at most 1,023 bytes.
 */
#ifndef COMMON_XMPP_JID_H
#define COMMON_XMPP_JID_H

#include "common/base/base.h"

#define JID_PART_MAX 1023
#define JID_MAX      (3 * JID_PART_MAX + 2)

/* Writes the prepared form and a NUL. 0, or -EINVAL when malformed. */
MUST_CHECK int jid_prepare(const char *jid, char prepared_out[JID_MAX + 1]);

/* A manager's name as the server takes it: lower-cased letters, digits, '-'
 * and '.', shorter than cap (protocol.md §2.1). 0 or -EINVAL. */
MUST_CHECK int jid_prepare_manager_name(const char *name, char *prepared_out,
    size_t cap);

#endif
