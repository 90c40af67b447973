/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/master/children_rig.h"

#include "common/base/steady_clock.h"
#include "common/shm/region.h"
#include "master/signals.h"
#include "tests/support/region/small_region.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

struct children_rig rig;
bool rig_listens;

static struct signals signals;
static ev_io events_io;
static ev_timer watchdog;

double
rig_now(void)
{
	return steady_clock_s() + rig.skew_s;
}

void
rig_tend(void)
{
	(void)children_tend(rig.children, rig_now());
}

/* Both may have become ready in one turn. */
static void
note_first_ready(void)
{
	struct child *found = NULL;
	unsigned i;

	for (i = 0; i < 2; i++) {
		struct child *child = &rig.children->workers[i];

		if (child->policy.state == CHILD_SERVING &&
		    (!found || child->policy.serving_since <
				   found->policy.serving_since))
			found = child;
	}
	if (!rig.first_ready)
		rig.first_ready = found;
}

void
rig_settle(void)
{
	enum signal_event event;
	const char *name;

	while (signals_take(&signals, &event, &name))
		if (event == SIGNAL_CHILD)
			children_reap(rig.children, rig_now());
	while (children_take_change(rig.children)) {
		note_first_ready();
		rig_tend();
	}
}

static void
on_event(struct ev_loop *loop, ev_io *io, int revents)
{
	(void)loop;
	(void)revents;
	ck_assert_uint_lt(rig.event_count, RIG_EVENTS_MAX);
	while (rig.event_count < RIG_EVENTS_MAX &&
	       read(io->fd, &rig.events[rig.event_count],
		   sizeof(rig.events[0])) == sizeof(rig.events[0]))
		rig.event_count++;
}

static void
on_watchdog(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)timer;
	(void)revents;
	ck_abort_msg("it never came");
}

static void
open_resources(void)
{
	static char interface[] = "127.0.0.1";
	char why[LISTENERS_WHY_MAX];

	rig.config = (struct config){ .worker_count = 2,
		.worker_max = 3,
		.ready_timeout_s = 10,
		.hang_timeout_s = RIG_HANG_S };
	rig.config.client = (struct config_client){
		.plain_active = true, .interface = interface, .backlog = 5
	};
	rig.resources = (struct resources){ .config = &rig.config,
		.upstream_doorbell = -1,
		.control.fd = -1,
		.http_fd = rig_listens ? open("/dev/null", O_RDONLY) : -1,
		.partition_count = RIG_PARTITIONS };
	rig.resources.region = small_region(16, 65536);
	ck_assert_int_eq(ledger_new_volatile("cm", RIG_PARTITIONS, 16,
			     &rig.resources.ledger),
	    0);
	ck_assert_int_eq(listeners_want(&rig.resources.listeners,
			     &rig.config.client, 2, why),
	    0);
}

void
rig_setup(void)
{
	rig.loop = ev_loop_new(EVFLAG_NOENV);
	open_resources();
	rig.event_count = 0;
	rig.first_ready = NULL;
	rig.skew_s = 0;
	fake_ways = (struct fake_ways){ .frees_partitions = true };
	ck_assert_int_eq(pipe2(fake_events, O_CLOEXEC), 0);
	ck_assert_int_eq(fcntl(fake_events[0], F_SETFL, O_NONBLOCK), 0);
	ev_io_init(&events_io, on_event, fake_events[0], EV_READ);
	ev_io_start(rig.loop, &events_io);
	ev_timer_init(&watchdog, on_watchdog, 20., 0.);
	ev_timer_start(rig.loop, &watchdog);
	signals_start(&signals, rig.loop);
	rig.children = children_new(&(struct children_setup){ .loop = rig.loop,
	    .resources = &rig.resources,
	    .mains = { .worker = fake_child_main,
		.upstream = fake_child_main,
		.control = fake_child_main } });
}

static void
kill_all(enum child_role role)
{
	unsigned i;

	children_stop(rig.children, role, rig_now(), 1000);
	if (role == CHILD_UPSTREAM && rig.children->upstream.pid)
		kill(rig.children->upstream.pid, SIGKILL);
	if (role == CHILD_UPSTREAM && rig.children->standby.pid)
		kill(rig.children->standby.pid, SIGKILL);
	if (role == CHILD_CONTROL && rig.children->control.pid)
		kill(rig.children->control.pid, SIGKILL);
	for (i = 0; role == CHILD_CLIENT && i < rig.children->worker_count; i++)
		if (rig.children->workers[i].pid)
			kill(rig.children->workers[i].pid, SIGKILL);
	UNTIL(children_alive(rig.children, role) == 0);
}

void
rig_teardown(void)
{
	kill_all(CHILD_CLIENT);
	kill_all(CHILD_UPSTREAM);
	kill_all(CHILD_CONTROL);
	children_free(&rig.children);
	signals_stop(&signals);
	ev_loop_destroy(rig.loop);
	listeners_close(&rig.resources.listeners);
	region_free(&rig.resources.region);
	ledger_free(&rig.resources.ledger);
	close(fake_events[0]);
	close(fake_events[1]);
}

void
rig_start_all(void)
{
	rig_tend();
	UNTIL(children_all_serve(rig.children));
}

unsigned
rig_received(pid_t pid, enum channel_type type, uint32_t partition,
    uint32_t number)
{
	unsigned i, count = 0;

	for (i = 0; i < rig.event_count; i++)
		count += rig.events[i].deed == FAKE_RECEIVED &&
			 rig.events[i].pid == pid &&
			 rig.events[i].message.type == type &&
			 rig.events[i].message.partition == partition &&
			 rig.events[i].message.number == number;
	return count;
}

unsigned
rig_births(enum child_role role)
{
	unsigned i, count = 0;

	for (i = 0; i < rig.event_count; i++)
		count += rig.events[i].deed == FAKE_BORN &&
			 rig.events[i].role == role;
	return count;
}
