/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot - a configuration on its way from the master to a running child, in
 * a sealed memfd: every option's text and the contents of the files it names,
 * so that the child opens none (design.md §7).
 *
 *   u32 magic | u32 options | path | machine | for each option:
 *   u8 1: text follows, 2: contents follow | [text] | [contents]
 *
 * The machine's are four texts, before the third a u32. Texts are a u32 length
 * and bytes. Secrets are in it: its memory is wiped.
 */
#ifndef COMMON_PROCESS_SNAPSHOT_H
#define COMMON_PROCESS_SNAPSHOT_H

#include "common/process/config.h"

/* The caller's descriptor, or -errno. */
MUST_CHECK int snapshot_seal(const struct config *config);
/* fd stays the caller's. 0, -EPROTO when it is no snapshot, or -errno. */
MUST_CHECK int snapshot_open(int fd, struct config **config_out);

/* Codec alone, for tests and fuzzing. Accepts any bytes; 0 or -EPROTO. */
struct buf;
void snapshot_encode(const struct config *config, struct buf *out);
MUST_CHECK int snapshot_decode(const void *bytes, size_t len,
    struct config **config_out);

#endif
