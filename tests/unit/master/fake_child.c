/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/master/fake_child.h"

#include "common/net/endpoint.h"
#include "common/net/fd.h"
#include "common/process/privilege.h"
#include "common/shm/process_page.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct fake_ways fake_ways;
int fake_events[2] = { -1, -1 };

struct fake {
	const struct heritage *heritage;
	struct channel *channel;
	enum fake_way way;
};

static void
report(const struct fake *fake, enum fake_deed deed,
    const struct channel_message *message, uint16_t port)
{
	struct fake_event event = {
		.role = fake->heritage->role,
		.pid = getpid(),
		.partition = fake->heritage->partition,
		.deed = deed,
		.port = port,
	};

	if (message)
		event.message = *message;
	CHECK(write(fake_events[1], &event, sizeof(event)) == sizeof(event));
}

static uint16_t
port_of(int fd)
{
	struct endpoint at = { .len = sizeof(at.addr) };

	if (fd < 0 ||
	    getsockname(fd, (struct sockaddr *)&at.addr, &at.len) != 0)
		return 0;
	return endpoint_port(&at);
}

static void
send_message(const struct fake *fake, enum channel_type type,
    uint32_t partition)
{
	struct channel_message message = {
		.type = type, .partition = partition, .fd = -1
	};

	CHECK(channel_send(fake->channel, &message) == 0);
}

static void
heed(const struct fake *fake, struct channel_message *message)
{
	report(fake, FAKE_RECEIVED, message, port_of(message->fd));
	fd_close(&message->fd);
	if (message->type == CHANNEL_WORKER_GONE && fake_ways.frees_partitions)
		send_message(fake, CHANNEL_PARTITION_FREE, message->partition);
	if (message->type == CHANNEL_TAKE_PLACE)
		send_message(fake, CHANNEL_READY, 0);
	if (message->type != CHANNEL_STOP || fake->way == FAKE_DEAF)
		return;
	send_message(fake, CHANNEL_STOPPED, 0);
	report(fake, FAKE_ENDS, NULL, 0);
	_exit(0);
}

NORETURN static void
serve(const struct fake *fake)
{
	struct pollfd poll_fd = { .fd = channel_fd(fake->channel),
		.events = POLLIN };
	struct channel_message message;
	int got;

	for (;;) {
		while ((got = channel_receive(fake->channel, &message)) == 1)
			heed(fake, &message);
		if (got < 0)
			_exit(got == -EPIPE ? 0 : 4);
		(void)poll(&poll_fd, 1, -1);
	}
}

NORETURN static void
hang(void)
{
	for (;;)
		pause();
}

static void
be_ready(const struct fake *fake)
{
	bool stalls = fake->way == FAKE_STALL;

	if (stalls)
		kill(getppid(), SIGSTOP);
	send_message(fake, CHANNEL_READY, 0);
	if (stalls) {
		usleep((useconds_t)(fake_ways.stall_s * 1e6));
		kill(getppid(), SIGCONT);
	}
	report(fake, FAKE_READY, NULL, 0);
}

NORETURN static void
behave(struct fake *fake)
{
	static const char babble[] = "no message of ours at all, is it?";

	if (fake->way == FAKE_HANG)
		hang();
	if (fake->way == FAKE_DIE_EARLY)
		_exit(3);
	if (fake->way == FAKE_MISFIT)
		_exit(CHILD_EXIT_CONFIG);
	be_ready(fake);
	if (fake->way == FAKE_PANIC) {
		panic_message_attach(fake->heritage->region,
		    fake->heritage->partition);
		panic("the \"end\"\n of %s", "me");
	}
	if (fake->way == FAKE_DIE_READY)
		_exit(5);
	if (fake->way == FAKE_HANG_UP) {
		channel_free(&fake->channel);
		hang();
	}
	if (fake->way == FAKE_BABBLE)
		CHECK(write(channel_fd(fake->channel), babble,
			  sizeof(babble)) == sizeof(babble));
	serve(fake);
}

static enum fake_way
way_of(enum child_role role)
{
	if (role == CHILD_CONTROL)
		return fake_ways.control;
	return role == CHILD_UPSTREAM ? fake_ways.upstream : fake_ways.worker;
}

static void
report_links(const struct fake *fake)
{
	const struct heritage *heritage = fake->heritage;

	for (uint32_t i = 0; i < heritage->link_count; i++) {
		const struct heritage_link *link = &heritage->links[i];
		struct channel_message message = {
			.link = i, .attempt = link->attempt, .fd = -1
		};

		if (link->fd < 0 ||
		    endpoint_cookie(link->fd, &message.cookie) != 0 ||
		    message.cookie != link->cookie)
			continue;
		report(fake, FAKE_INHERITED, &message, port_of(link->fd));
	}
}

void
fake_child_main(struct heritage *heritage)
{
	int keep[] = { heritage->channel_fd, fake_events[1] };
	struct fake fake = {
		.heritage = heritage,
		.way = way_of(heritage->role),
	};

	/* A test that fails leaves nothing behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (heritage->role == CHILD_UPSTREAM)
		report_links(&fake);
	CHECK(privilege_close_others(keep, ARRAY_LEN(keep)) == 0);
	fake.channel = channel_new(heritage->channel_fd);
	report(&fake, FAKE_BORN, NULL, 0);
	behave(&fake);
}
