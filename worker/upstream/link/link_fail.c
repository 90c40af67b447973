/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_fail - a link's end is marked here, and carried out by link_bury().
 */
#include "worker/upstream/link/link.h"

#include "worker/upstream/core/pause_stage.h"

#include <stdarg.h>
#include <stdio.h>

#define RETIRING_S 5.0 /* for the lanes to leave */

/* Each link that served has a line of its own. */
static void
log_failure(struct link *link, enum log_level level, const char *address,
    const char *reason)
{
	char words[ATTEMPT_WORDS_MAX];

	snprintf(words, sizeof(words), "address=%s reason=\"%s\"", address,
	    reason);
	if (link->joined || level >= LOG_DEBUG)
		log_at(level, "link down link=%u %s", link->number, words);
	else
		attempt_log_failure(&link->up->attempt_log, link->number, level,
		    words);
}

void
link_fail(struct link *link, enum log_level level, const char *format, ...)
{
	char reason[256], text[ENDPOINT_TEXT_MAX];
	va_list arguments;

	if (link->lost)
		return;
	link->lost = true;
	va_start(arguments, format);
	vsnprintf(reason, sizeof(reason), format, arguments);
	va_end(arguments);
	log_failure(link, pause_log_level(link->up, link, level),
	    link->fd >= 0 ? endpoint_print(&link->peer, text) : "-", reason);
}

void
link_retire(struct link *link)
{
	struct link_set *set = &link->up->set;

	if (link->state == LINK_ENDING) {
		link_fail(link, LOG_NOTICE, "ended in order");
	} else if (link->state != LINK_SERVING ||
		   !link_set_retire(set, link->number)) {
		link_fail(link, LOG_NOTICE, "the server ended the stream");
	} else {
		log_at(LOG_NOTICE, "link leaves link=%u", link->number);
		link->deadline = upstream_now(link->up) + RETIRING_S;
		link->up->link_events->on_leaving(link->up);
	}
}
