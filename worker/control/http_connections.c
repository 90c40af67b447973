/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control/http_connections.h"

#include "common/base/steady_clock.h"

#include <stdlib.h>
#include <sys/socket.h>

struct http_connection {
	struct http_connections *all;
	struct list row; /* by itself once it is evicted */
	int fd;          /* the library's */
	double since;    /* of accept, or of its last answer; steady clock */
};

static struct http_connection *
first_of(const struct http_connections *all)
{
	return container_of(all->list.next, struct http_connection, row);
}

static void
evict_idlest(struct http_connections *all)
{
	struct http_connection *idlest = first_of(all);

	list_remove(&idlest->row);
	all->count--;
	(void)shutdown(idlest->fd, SHUT_RDWR);
}

static void
arm_deadline(struct http_connections *all)
{
	ev_timer_stop(all->loop, &all->deadline);
	if (list_is_empty(&all->list))
		return;
	ev_timer_set(&all->deadline,
	    MAX(first_of(all)->since + HTTP_REQUEST_S - steady_clock_s(), 0.),
	    0.);
	ev_timer_start(all->loop, &all->deadline);
}

static void
on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct http_connections *all = timer->data;
	double now = steady_clock_s();

	(void)loop;
	(void)events;
	while (!list_is_empty(&all->list) &&
	       first_of(all)->since + HTTP_REQUEST_S <= now)
		evict_idlest(all);
	arm_deadline(all);
}

void
http_connections_init(struct http_connections *all, struct ev_loop *loop)
{
	*all = (struct http_connections){ .loop = loop };
	list_init(&all->list);
	ev_init(&all->deadline, on_deadline);
	all->deadline.data = all;
}

void
http_connections_destroy(struct http_connections *all)
{
	ev_timer_stop(all->loop, &all->deadline);
}

struct http_connection *
http_connections_begin(struct http_connections *all,
    struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection,
		MHD_CONNECTION_INFO_CONNECTION_FD);
	struct http_connection *own = xcalloc(1, sizeof(*own));

	*own = (struct http_connection){
		.all = all, .fd = info->connect_fd, .since = steady_clock_s()
	};
	if (all->count == HTTP_CONNECTIONS_MAX)
		evict_idlest(all);
	list_append(&all->list, &own->row);
	all->count++;
	arm_deadline(all);
	return own;
}

void
http_connections_answered(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection,
		MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct http_connection *own = info ? info->socket_context : NULL;

	if (!own || list_is_empty(&own->row))
		return;
	own->since = steady_clock_s();
	list_remove(&own->row);
	list_append(&own->all->list, &own->row);
	arm_deadline(own->all);
}

void
http_connections_end(struct http_connection *own)
{
	struct http_connections *all;

	if (!own)
		return;
	all = own->all;
	if (!list_is_empty(&own->row))
		all->count--;
	list_remove(&own->row);
	free(own);
	arm_deadline(all);
}
