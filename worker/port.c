/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/port.h"

#include <errno.h>
#include <unistd.h>

static void
on_bell(struct ev_loop *loop, ev_io *io, int events)
{
	uint64_t count;

	(void)loop;
	(void)events;
	/* Only the wake-up matters; the prepare watcher does the work. */
	while (read(io->fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
}

static void
on_again(struct ev_loop *loop, ev_idle *idle, int events)
{
	(void)loop;
	(void)idle;
	(void)events;
}

/* Runs before the loop blocks: work first, then the flag, then one more look
 * that closes the gap between the two. */
static void
on_prepare(struct ev_loop *loop, ev_prepare *prepare, int events)
{
	struct port *port = prepare->data;
	bool busy;

	(void)events;
	busy = port->on_work(port->context);
	if (!busy) {
		atomic_store_explicit(port->asleep, 1, memory_order_relaxed);
		atomic_thread_fence(memory_order_seq_cst);
		busy = port->on_work(port->context);
	}
	if (busy) {
		atomic_store_explicit(port->asleep, 0, memory_order_relaxed);
		ev_idle_start(loop, &port->again);
	} else {
		ev_idle_stop(loop, &port->again);
	}
}

static void
on_check(struct ev_loop *loop, ev_check *check, int events)
{
	struct port *port = check->data;

	(void)loop;
	(void)events;
	atomic_store_explicit(port->asleep, 0, memory_order_relaxed);
}

void
port_start(struct port *port, struct ev_loop *loop)
{
	port->loop = loop;
	ev_io_init(&port->bell_io, on_bell, port->bell, EV_READ);
	ev_io_start(loop, &port->bell_io);
	ev_prepare_init(&port->prepare, on_prepare);
	port->prepare.data = port;
	ev_prepare_start(loop, &port->prepare);
	ev_check_init(&port->check, on_check);
	port->check.data = port;
	ev_check_start(loop, &port->check);
	ev_idle_init(&port->again, on_again);
}

void
port_ring(_Atomic uint32_t *asleep, int bell)
{
	const uint64_t one = 1;

	atomic_thread_fence(memory_order_seq_cst);
	if (!atomic_load_explicit(asleep, memory_order_relaxed))
		return;
	/* A full counter means that the other is being woken already. */
	while (write(bell, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}
