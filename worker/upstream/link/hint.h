/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hint - what is likely wrong when the other end of a link does not behave as a
 * server's port for connection managers does (hint.def), and what to do.
 *
 * Each is logged once for each cause, not with each attempt. Pure, but for
 * hints_log().
 */
#ifndef WORKER_UPSTREAM_LINK_HINT_H
#define WORKER_UPSTREAM_LINK_HINT_H

#include "common/base/base.h"

enum hint {
	HINT_NONE,
#define HINT(symbol, what, advice) HINT_##symbol,
#include "worker/upstream/link/hint.def"
#undef HINT
	HINT_COUNT
};

/* The default namespace of the header that came, or NULL. */
enum hint hint_of_header(const char *namespace);
/* A stream error that came before the server took the secret; port: that we
 * have connected to. */
enum hint hint_of_error(const char *condition, uint16_t port);
/* The first bytes that came; in_tls: in answer to the beginning of TLS. */
enum hint hint_of_bytes(const uint8_t *bytes, size_t len, bool in_tls);
/* Nothing came, and the connection ended or the time was over. */
enum hint hint_of_silence(uint16_t port, bool in_tls);

/* Zeroes: none was logged. */
struct hints {
	uint32_t logged; /* a bit each */
	bool proven;     /* the port is the right one */
	unsigned foreign;
};

/* A line, a warning or, where the configuration cannot work, an error, unless
 * it was logged already, or is a mere guess about a port that was the right one
 * before; details: key=value, or "". */
void hints_log(struct hints *hints, enum hint hint, const char *details);
/* Its cause is gone: it would be logged again. */
void hints_forget(struct hints *hints, enum hint hint);
/* A link is up, so its port is the right one. */
void hints_prove_port(struct hints *hints);
/* The configuration has changed. */
void hints_distrust_port(struct hints *hints);

/*
 * An answer came to what another run of a manager of this name has sent. Those
 * of our own earlier run still come for `patience_s`; age_s: of this one. True
 * when there is another manager.
 */
bool hints_note_foreign(struct hints *hints, double age_s, double patience_s);

#endif
