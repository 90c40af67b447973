/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot_tls - what of a snapshot is about TLS: identities opened, the key of
 * tickets, facts of certificates. Private to snapshot*.c.
 *
 * Each take_ is false for what no put_ writes. It fills what it is given all
 * the same, which the caller frees.
 */
#ifndef COMMON_PROCESS_SNAPSHOT_TLS_H
#define COMMON_PROCESS_SNAPSHOT_TLS_H

#include "common/base/certificate.h"
#include "common/base/cursor.h"
#include "common/net/tls.h"
#include "common/process/config.h"

struct buf;

/* One for which nothing is chosen; taken: chain and key, or neither. */
void snapshot_put_identity(const struct tls_identity *identity,
    struct buf *out);
bool snapshot_take_identity(struct cursor *cursor,
    struct tls_identity *identity);
void snapshot_put_identities(const struct tls_identities *identities,
    struct buf *out);
bool snapshot_take_identities(struct cursor *cursor,
    struct tls_identities *identities);
/* is_for: who reads it may have it; else it gets none. */
void snapshot_put_ticket_key(const struct config_client *client, bool is_for,
    struct buf *out);
bool snapshot_take_ticket_key(struct cursor *cursor,
    struct config_client *client);
void snapshot_put_certificates(const struct certificate_list *list,
    struct buf *out);
bool snapshot_take_certificates(struct cursor *cursor,
    struct certificate_list *list);

#endif
