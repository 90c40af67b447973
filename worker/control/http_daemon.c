/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control/http_daemon.h"

#include "common/net/fd.h"

#include <fcntl.h>
#include <stdlib.h>

struct http_daemon {
	struct MHD_Daemon *library;
	bool accepts;
	struct ev_loop *loop;
	ev_io io; /* on the library's epoll descriptor */
	ev_timer timer;
};

/* --- the loop --- */

/* Without a descriptor for accept() the library looks for whoever comes again
 * and again, or, while it has connections, no more until it is run after one
 * has gone, of which nothing tells: it is run now and then. */
#define AGAIN_S 1.

static bool
has_descriptor(const struct http_daemon *daemon)
{
	int fd = fcntl(daemon->io.fd, F_DUPFD_CLOEXEC, 0);
	bool has = fd >= 0;

	fd_close(&fd);
	return has;
}

static void
run(struct http_daemon *daemon)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;
	double wait_s = AGAIN_S;

	(void)MHD_run(daemon->library);
	if (has_descriptor(daemon)) {
		ev_io_start(daemon->loop, &daemon->io);
		if (MHD_get_timeout(daemon->library, &wait_ms) == MHD_YES)
			wait_s = MIN((double)wait_ms / 1000, AGAIN_S);
	} else {
		ev_io_stop(daemon->loop, &daemon->io);
	}
	ev_timer_stop(daemon->loop, &daemon->timer);
	ev_timer_set(&daemon->timer, wait_s, 0.);
	ev_timer_start(daemon->loop, &daemon->timer);
}

static void
on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)events;
	run(io->data);
}

static void
on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	run(timer->data);
}

/* --- life --- */

/* It looks for the length of neither text behind the NUL, nor at them later. */
static struct MHD_Daemon *
start_library(int listen_fd, const struct tls_identity *identity,
    MHD_AccessHandlerCallback on_request, void *context,
    const struct MHD_OptionItem *options)
{
	struct MHD_OptionItem secured[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, identity->chain },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, identity->key },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0,
		    (void *)(uintptr_t)tls_default_priorities() },
		{ MHD_OPTION_END, 0, NULL },
	};
	bool tls = identity->chain != NULL;

	return MHD_start_daemon(MHD_USE_EPOLL | (tls ? MHD_USE_TLS : 0u), 0,
	    NULL, NULL, on_request, context, MHD_OPTION_LISTEN_SOCKET,
	    listen_fd, MHD_OPTION_ARRAY, options, MHD_OPTION_ARRAY,
	    tls ? secured : &secured[ARRAY_LEN(secured) - 1], MHD_OPTION_END);
}

static void
join_loop(struct http_daemon *daemon)
{
	const union MHD_DaemonInfo *info =
	    MHD_get_daemon_info(daemon->library, MHD_DAEMON_INFO_EPOLL_FD);

	CHECK(info);
	ev_io_init(&daemon->io, on_readable, info->epoll_fd, EV_READ);
	ev_init(&daemon->timer, on_timer);
	daemon->io.data = daemon->timer.data = daemon;
	ev_io_start(daemon->loop, &daemon->io);
}

struct http_daemon *
http_daemon_start(struct ev_loop *loop, int listen_fd,
    const struct tls_identity *identity, MHD_AccessHandlerCallback on_request,
    void *context, const struct MHD_OptionItem *options)
{
	struct http_daemon *daemon;
	struct MHD_Daemon *library;
	int own_fd = fcntl(listen_fd, F_DUPFD_CLOEXEC, 0);

	if (own_fd < 0)
		return NULL;
	library = start_library(own_fd, identity, on_request, context, options);
	if (!library) {
		fd_close(&own_fd);
		return NULL;
	}
	daemon = xcalloc(1, sizeof(*daemon));
	daemon->library = library;
	daemon->accepts = true;
	daemon->loop = loop;
	join_loop(daemon);
	return daemon;
}

void
http_daemon_stop_accepting(struct http_daemon *daemon)
{
	int own_fd;

	if (!daemon->accepts)
		return;
	daemon->accepts = false;
	own_fd = MHD_quiesce_daemon(daemon->library);
	fd_close(&own_fd);
}

void
http_daemon_stop(struct http_daemon **daemon)
{
	struct http_daemon *old = *daemon;

	if (!old)
		return;
	*daemon = NULL;
	ev_io_stop(old->loop, &old->io);
	ev_timer_stop(old->loop, &old->timer);
	http_daemon_stop_accepting(old);
	MHD_stop_daemon(old->library);
	free(old);
}
