/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_sockets - duplicates of the sockets of links, held so that a connection
 * survives the upstream process that uses it. One for each link; upstream sends
 * it once it has connected, and says when the connection is over. The next
 * upstream process inherits what is held. The master neither reads nor writes
 * there.
 *
 * While one is held a close() of upstream's does nothing to the connection, so
 * whoever ends one says how: by shutdown() in order, by endpoint_reset() else.
 */
#ifndef MASTER_LINK_SOCKETS_H
#define MASTER_LINK_SOCKETS_H

#include "common/process/heritage.h"
#include "common/shm/region.h"

struct channel_message;

struct link_sockets {
	struct heritage_link held[LINKS_MAX]; /* by number of the link */
};

void link_sockets_init(struct link_sockets *links);

/* Takes the message's descriptor, in any case. What was held for this link is
 * reset. 0; -EMFILE when the descriptor was lost on its way; -errno when it is
 * not what the message says. */
MUST_CHECK int link_sockets_hold(struct link_sockets *links,
    struct channel_message *message);
/* The connection that the message names is over, however it has ended. */
void link_sockets_drop(struct link_sockets *links,
    const struct channel_message *message);

/* All: nobody goes on with them. In order, or at once with what is unsent. */
void link_sockets_end(struct link_sockets *links);
void link_sockets_reset(struct link_sockets *links);

#endif
