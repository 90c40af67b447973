/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/doorbell.h"

#include "common/shm/store.h"

#include <errno.h>
#include <unistd.h>

static void
on_ring(struct ev_loop *loop, ev_io *io, int events)
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
	struct doorbell *doorbell = prepare->data;
	bool busy;

	(void)events;
	busy = doorbell->on_work(doorbell->context);
	if (!busy) {
		shm_store(doorbell->asleep, 1, memory_order_relaxed);
		atomic_thread_fence(memory_order_seq_cst);
		busy = doorbell->on_work(doorbell->context);
	}
	if (busy) {
		shm_store(doorbell->asleep, 0, memory_order_relaxed);
		ev_idle_start(loop, &doorbell->again);
	} else {
		ev_idle_stop(loop, &doorbell->again);
	}
}

static void
on_check(struct ev_loop *loop, ev_check *check, int events)
{
	struct doorbell *doorbell = check->data;

	(void)loop;
	(void)events;
	shm_store(doorbell->asleep, 0, memory_order_relaxed);
}

void
doorbell_start(struct doorbell *doorbell, struct ev_loop *loop)
{
	ev_io_init(&doorbell->io, on_ring, doorbell->fd, EV_READ);
	ev_io_start(loop, &doorbell->io);
	ev_prepare_init(&doorbell->prepare, on_prepare);
	doorbell->prepare.data = doorbell;
	ev_prepare_start(loop, &doorbell->prepare);
	ev_check_init(&doorbell->check, on_check);
	doorbell->check.data = doorbell;
	ev_check_start(loop, &doorbell->check);
	ev_idle_init(&doorbell->again, on_again);
}

void
doorbell_ring(_Atomic uint32_t *asleep, int fd)
{
	const uint64_t one = 1;

	atomic_thread_fence(memory_order_seq_cst);
	if (!atomic_load_explicit(asleep, memory_order_relaxed))
		return;
	/* A full counter means that the other is being woken already. */
	kill_point("bell");
	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}
