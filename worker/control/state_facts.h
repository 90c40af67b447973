/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_facts - what the daemon's state amounts to, for whoever asks: the
 * control socket, HTTP.
 */
#ifndef WORKER_CONTROL_STATE_FACTS_H
#define WORKER_CONTROL_STATE_FACTS_H

#include "common/base/buf.h"
#include "common/shm/server_state.h"
#include "worker/control/request.h"

#define STATE_PAUSED "paused"

/* unknown, serving, holding, gone (server_state.h), or paused. */
const char *state_server_phase(const struct commands_view *view);
/* How far a pause is, and when it ends at the latest (steady_clock.h). */
enum server_pause state_pause(const struct commands_view *view,
    uint32_t *until_s_out);
/* What the server demands of its clients, which is not applied yet: bytes a
 * second (0: nothing), and for how many seconds they may be saved up. */
void state_server_limits(const struct commands_view *view, uint32_t *rate_out,
    uint32_t *burst_s_out);
/* Why it is not as it should be, in a word; NULL: it is. Clients should go
 * elsewhere, unless it is paused. */
const char *state_trouble(const struct commands_view *view);
/* All counters in Prometheus' text format. */
void state_metrics(const struct commands_view *view, struct buf *out);

#endif
