/* SPDX-License-Identifier: Apache-2.0 */
/* Accepting clients, and pausing when there is no descriptor left. */
#include "worker/client/listener.h"

#include "common/base/log.h"
#include "common/net/endpoint.h"
#include "common/net/fd.h"
#include "common/process/config.h"
#include "common/shm/stats.h"
#include "worker/client/client_io.h"
#include "worker/client/proxied.h"
#include "worker/client/state.h"
#include "worker/client/unauthenticated.h"
#include "worker/spare.h"

#include <errno.h>
#include <ev.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ACCEPTS_MAX 64 /* in one turn of the loop */
/* Before a socket is closed: more than wait on any. */
#define CLOSING_ACCEPTS_MAX 65536
#define RESUME_S            1.0 /* another process may have freed descriptors */
#define USER_TIMEOUT_S      900 /* for clients without an idle limit */

struct worker_listener {
	ev_io io;
	int fd;
	uint32_t id;
	bool direct_tls;
	bool lent; /* false: given back; the descriptor stays, see below */
};

static void
pause_accepting(struct client_worker *worker, int error)
{
	unsigned i;

	log_limited(LOG_WARNING, 1, "accepting connections pauses error=\"%s\"",
	    strerror(error));
	stats_add(STAT_ACCEPT_PAUSES, 1);
	worker->accepting_paused = true;
	for (i = 0; i < worker->listener_count; i++)
		ev_io_stop(worker->loop, &worker->listeners[i]->io);
	ev_timer_stop(worker->loop, &worker->accept_resume);
	ev_timer_set(&worker->accept_resume, RESUME_S, 0.);
	ev_timer_start(worker->loop, &worker->accept_resume);
}

void
listeners_resume(struct client_worker *worker)
{
	unsigned i;

	if (!worker->accepting_paused || worker->stopping)
		return;
	worker->accepting_paused = false;
	ev_timer_stop(worker->loop, &worker->accept_resume);
	for (i = 0; i < worker->listener_count; i++)
		if (worker->listeners[i]->lent)
			ev_io_start(worker->loop, &worker->listeners[i]->io);
}

/* A peer that vanished is noticed by TCP well before the idle limit. */
static void
set_options(const struct client_worker *worker, int fd,
    const struct endpoint *peer)
{
	char address[ENDPOINT_TEXT_MAX];
	double idle = worker->config->client.idle_s;
	unsigned timeout =
	    idle > 0 ? (unsigned)(idle * 500) : USER_TIMEOUT_S * 1000;
	int one = 1;

	if (worker->config->client.tcp_nodelay)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
		    sizeof(one));
	if (endpoint_set_user_timeout(fd, timeout) != 0)
		log_limited(LOG_DEBUG, 1,
		    "cannot set TCP_USER_TIMEOUT address=%s",
		    endpoint_print(peer, address));
}

static bool
is_passing(int error)
{
	return error == EINTR || error == ECONNABORTED || error == EPROTO ||
	       error == ENETDOWN || error == EHOSTUNREACH ||
	       error == ENETUNREACH;
}

/* accept() asks for a descriptor before it looks for a connection: without one
 * it fails even where nobody waits. */
static bool
somebody_waits(const struct worker_listener *listener)
{
	struct pollfd poll_fd = { .fd = listener->fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) > 0;
}

static void
accept_some(struct client_worker *worker,
    const struct worker_listener *listener, int most)
{
	struct endpoint peer;
	int i, fd, error;

	for (i = 0; i < most; i++) {
		peer.len = sizeof(peer.addr);
		fd = !spare_hold()
			 ? -1
			 : accept4(listener->fd, (struct sockaddr *)&peer.addr,
			       &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0 && proxied_are_all(worker, listener->direct_tls) &&
		    !proxied_may_come(worker, listener->direct_tls, &peer)) {
			fd_close(&fd);
		} else if (fd >= 0) {
			set_options(worker, fd, &peer);
			client_new(worker, fd, &peer, listener->direct_tls);
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			return;
		} else if (!is_passing(errno)) {
			error = errno;
			if (!somebody_waits(listener))
				return;
			pause_accepting(worker, error);
			unauthenticated_yield_descriptor(worker);
			return;
		}
	}
}

static void
on_accept(struct ev_loop *loop, ev_io *io, int events)
{
	(void)events;
	accept_some(ev_userdata(loop), io->data, ACCEPTS_MAX);
}

static struct worker_listener *
find(const struct client_worker *worker, uint32_t id)
{
	unsigned i;

	for (i = 0; i < worker->listener_count; i++)
		if (worker->listeners[i]->id == id)
			return worker->listeners[i];
	return NULL;
}

void
listener_add(struct client_worker *worker, int fd, bool direct_tls, uint32_t id)
{
	struct worker_listener *listener = find(worker, id);

	if (listener) {
		fd_close(&fd);
	} else if (worker->listener_count == LISTENERS_MAX ||
		   worker->stopping || (direct_tls && !worker->tls)) {
		fd_close(&fd);
		return;
	} else {
		listener = xcalloc(1, sizeof(*listener));
		listener->fd = fd;
		listener->id = id;
		listener->direct_tls = direct_tls;
		ev_io_init(&listener->io, on_accept, fd, EV_READ);
		listener->io.data = listener;
		worker->listeners[worker->listener_count++] = listener;
	}
	listener->lent = true;
	if (!worker->accepting_paused)
		ev_io_start(worker->loop, &listener->io);
}

/* The descriptor is kept for the next time: other processes have the socket
 * too, so closing ours would leave it in the epoll set, out of reach. */
void
listener_drop(struct client_worker *worker, uint32_t id)
{
	struct worker_listener *listener = find(worker, id);

	if (!listener)
		return;
	listener->lent = false;
	ev_io_stop(worker->loop, &listener->io);
}

static void
forget(struct client_worker *worker, unsigned at)
{
	struct worker_listener *listener = worker->listeners[at];

	worker->listeners[at] = worker->listeners[--worker->listener_count];
	ev_io_stop(worker->loop, &listener->io);
	fd_close(&listener->fd);
	free(listener);
}

/* Nobody else has the socket then: it leaves the epoll set by itself. */
void
listener_close(struct client_worker *worker, uint32_t id)
{
	unsigned i;

	for (i = 0; i < worker->listener_count; i++)
		if (worker->listeners[i]->id == id)
			break;
	if (i == worker->listener_count)
		return;
	if (worker->listeners[i]->lent && !worker->accepting_paused)
		accept_some(worker, worker->listeners[i], CLOSING_ACCEPTS_MAX);
	forget(worker, i);
}

bool
listeners_any(struct client_worker *worker)
{
	unsigned i;

	for (i = 0; i < worker->listener_count; i++)
		if (worker->listeners[i]->lent)
			return true;
	return false;
}

void
listeners_stop(struct client_worker *worker)
{
	while (worker->listener_count > 0)
		forget(worker, worker->listener_count - 1);
}
