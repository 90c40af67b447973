/* SPDX-License-Identifier: Apache-2.0 */
/*
 * early - judges the first bytes of what a client sends while the server has
 * its log-in to answer. Nearly all of it waits for that answer.
 */
#ifndef WORKER_CLIENT_EARLY_H
#define WORKER_CLIENT_EARLY_H

#include "common/base/base.h"

/* True when the bytes begin with what needs no answer of the server: the end of
 * the stream or of the exchange, or <starttls/>, for which it is too late. The
 * prefix of a name is passed over; a name that may go on is none of them. */
bool early_is_urgent(const uint8_t *bytes, size_t len);

#endif
