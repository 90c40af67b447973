/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mask - canonical XML for people's eyes: credentials out, all else as it is.
 *
 * Text goes where SASL exchanges, jabber:iq:auth, registration (XEP-0077) or
 * private form fields (XEP-0004 §3.3) may bear passwords; `password` and
 * `token` attributes go everywhere (XEP-0215). Rather too much than too little:
 * what merely mentions such a namespace loses its text, too. From where a text
 * is not canonical (canonical.h) nothing of it is shown.
 */
#ifndef COMMON_XMPP_MASK_H
#define COMMON_XMPP_MASK_H

#include "common/base/buf.h"

/* Appends it to out. Accepts any bytes. */
void mask_secrets(const void *bytes, size_t len, struct buf *out);

#endif
