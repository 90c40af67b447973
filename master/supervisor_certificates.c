/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor_certificates - the certificates of a configuration are looked at
 * when it is taken, and again and again while it is in force.
 */
#include "master/supervisor_state.h"

#include "common/base/log.h"
#include "common/base/steady_clock.h"
#include "common/process/config.h"
#include "master/certificates.h"

static void
look(struct supervisor *supervisor)
{
	certificates_watch(&supervisor->certificate_watch, supervisor->config,
	    certificates_now_s(), steady_clock_s());
}

static void
on_looking(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	look(timer->data);
}

void
supervisor_take_certificates(struct supervisor *supervisor)
{
	const struct certificate_list *list = &supervisor->config->certificates;

	if (list->left_out > 0)
		log_at(LOG_INFO,
		    "only those certificates are watched that expire first"
		    " watched=%u left_out=%u",
		    list->count, list->left_out);
	look(supervisor);
}

void
supervisor_start_looking(struct supervisor *supervisor)
{
	ev_timer_init(&supervisor->looking, on_looking, CERTIFICATE_LOOK_S,
	    CERTIFICATE_LOOK_S);
	supervisor->looking.data = supervisor;
	ev_timer_start(supervisor->loop, &supervisor->looking);
	supervisor_take_certificates(supervisor);
}
