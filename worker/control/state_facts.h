/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_facts - what the daemon's state amounts to, for whoever asks: the
 * control socket, HTTP.
 */
#ifndef WORKER_CONTROL_STATE_FACTS_H
#define WORKER_CONTROL_STATE_FACTS_H

#include "common/base/buf.h"
#include "worker/control/request.h"

/* unknown, serving, holding, gone (server_state.h). */
const char *state_server_phase(const struct commands_view *view);
/* What the server demands of its clients, which is not applied yet: bytes a
 * second (0: nothing), and for how many seconds they may be saved up. */
void state_server_limits(const struct commands_view *view, uint32_t *rate_out,
    uint32_t *burst_s_out);
/* Why clients should go elsewhere, in a word; NULL: they should not. */
const char *state_trouble(const struct commands_view *view);
/* All counters in Prometheus' text format. */
void state_metrics(const struct commands_view *view, struct buf *out);

#endif
