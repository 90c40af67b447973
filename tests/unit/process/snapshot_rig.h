/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_rig - configurations to send, and a snapshot of one. */
#ifndef TESTS_UNIT_PROCESS_SNAPSHOT_RIG_H
#define TESTS_UNIT_PROCESS_SNAPSHOT_RIG_H

#include "common/process/snapshot.h"

/* With little more than what is required. */
extern const char plain[];

struct config *parse(const char *text);
/* The plain one, as if a certificate with these contents had been opened. */
struct config *with_certificate(const char *contents);
/* The caller's descriptor. */
int seal(const struct config *config, enum config_reader reader);
/* Whether that reader is sent the text. */
bool is_sent(const struct config *config, enum config_reader reader,
    const char *text);

#endif
