/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot - a configuration on its way to a process, in a sealed memfd: every
 * option's text and the contents of the files it names, so that the process
 * opens none (SECURITY.md §5).
 *
 *   u32 magic | u32 options | path | machine | identities to clients |
 *   identity of HTTP | key of tickets | certificates |
 *   for each option:
 *   u8 1: text follows, 2: contents follow | [text] | [contents] | u32 line
 *
 * The machine's are four texts, before the third a u32; an identity's are two:
 * chain and key; those to clients are a u32 of how many, each with an OCSP
 * response, which may be empty, a text of its hosts, a u32 1: for the domain,
 * and its digest; certificates are a u32 of how many, a u32 of
 * how many were left out, and of each what is known. Texts are a u32 length and
 * bytes.
 *
 * It is made for one reader. Of what another is given it lacks the value: a
 * secret that is set is an empty text, a file has a name and no contents. The
 * machine is upstream's, the identities to clients a worker's, that of HTTP
 * control's, the key of tickets a worker's and the next reader's, what is known
 * of certificates the master's and control's; for others they are empty.
 */
#ifndef COMMON_PROCESS_SNAPSHOT_H
#define COMMON_PROCESS_SNAPSHOT_H

#include "common/process/config.h"

/* An empty one: the caller's descriptor, or -errno. */
MUST_CHECK int snapshot_new(void);
/* Writes and seals it; 0, or -errno. */
MUST_CHECK int snapshot_fill(int fd, const struct config *config,
    enum config_reader reader);
/* fd stays the caller's. 0, -EPROTO when it is no snapshot, or -errno. */
MUST_CHECK int snapshot_open(int fd, struct config **config_out);

/* Codec alone, for tests and fuzzing. Accepts any bytes; 0 or -EPROTO. */
struct buf;
void snapshot_encode(const struct config *config, enum config_reader reader,
    struct buf *out);
MUST_CHECK int snapshot_decode(const void *bytes, size_t len,
    struct config **config_out);

#endif
