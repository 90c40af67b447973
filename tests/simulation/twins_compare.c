/* SPDX-License-Identifier: Apache-2.0 */
/* twins_compare - the kernel's connection and the model's at rest. */
#include "common/net/endpoint.h"
#include "common/net/tcp_counters.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/kernel.h"
#include "tests/simulation/process.h"
#include "tests/simulation/trace.h"
#include "tests/simulation/twins.h"
#include "worker/upstream/core/platform.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define YIELDS 200u   /* before it waits */
#define WAITS  20000u /* of a millisecond: retransmissions have their time */

/* What the kernel says of one end, without taking an error from it. */
struct seen {
	bool known;
	bool over;
	uint64_t sent, left, acked; /* a FIN of its own counts as one */
	uint64_t arrived;           /* the other's FIN, too */
};

static uint64_t
acked_and_arrived(int fd, uint64_t *arrived_out)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	CHECK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0);
	*arrived_out = info.tcpi_bytes_received;
	return info.tcpi_bytes_acked;
}

static struct seen
look(int fd, uint64_t base)
{
	struct seen seen = { 0 };
	int queued = 0, unsent = 0;
	uint64_t acked;

	if (fd < 0)
		return seen;
	(void)endpoint_acknowledge(fd);
	do {
		acked = acked_and_arrived(fd, &seen.arrived);
		CHECK(ioctl(fd, SIOCOUTQ, &queued) == 0 &&
		      ioctl(fd, SIOCOUTQNSD, &unsent) == 0);
	} while (acked_and_arrived(fd, &seen.arrived) != acked);
	seen.known = acked >= base;
	seen.over = endpoint_is_over(fd);
	seen.acked = acked - base;
	seen.sent = seen.acked + (uint64_t)queued;
	seen.left = seen.sent - (uint64_t)unsent;
	return seen;
}

struct state {
	struct seen near, far;
};

/* Both at one moment. */
static struct state
look_at(const struct twins *twins)
{
	struct state state;
	struct seen again;

	do {
		state.near = look(twins->near.fd, TCP_COUNTERS_CONNECTED);
		state.far = look(twins->far, twins->far_base);
		again = look(twins->near.fd, TCP_COUNTERS_CONNECTED);
	} while (again.over != state.near.over ||
		 again.left != state.near.left ||
		 again.acked != state.near.acked ||
		 again.arrived != state.near.arrived);
	return state;
}

/* --- the model follows --- */

static void
bound(struct stream *stream, uint64_t left)
{
	stream->window = left < stream->written + stream->ended
			     ? left - MIN(left, stream->read)
			     : TWINS_STREAM;
}

static void
follow(struct twins *twins, const struct state *real)
{
	const struct seen *near = &real->near, *far = &real->far;
	struct connection *of = twins->of;

	if (near->known || far->known) {
		bound(&of->up, near->known ? near->left : far->arrived);
		bound(&of->down, near->known ? near->arrived : far->left);
	}
	/* It has refused what has come. */
	if (near->over && !of->dead_here)
		of->down.window = TWINS_STREAM;
	kernel_settle();
}

void
twins_advance(struct twins *twins)
{
	struct state real = look_at(twins);

	follow(twins, &real);
}

/* --- what has to be equal --- */

struct fact {
	const char *name;
	uint64_t real, model;
};

static bool
all_equal(const struct fact *facts, unsigned count, char *text_out, size_t cap)
{
	for (unsigned i = 0; i < count; i++) {
		if (facts[i].real == facts[i].model)
			continue;
		snprintf(text_out, cap, "%s %lu, model %lu", facts[i].name,
		    (unsigned long)facts[i].real,
		    (unsigned long)facts[i].model);
		return false;
	}
	return true;
}

static bool
has_come(const struct stream *stream)
{
	return stream->ended && stream->arrived == stream->written &&
	       stream->arrived - stream->read < stream->window;
}

/* What has left and found no room in the receiver's kernel comes again. */
static uint64_t
less_dropped(uint64_t model, const struct seen *receiver, uint64_t read)
{
	return receiver->known && receiver->arrived > read
		   ? MIN(model, receiver->arrived)
		   : model;
}

/* A receiver without room has thrown away what had left: until that comes
 * again, nothing behind it counts there, what it acknowledges neither. */
static bool
has_dropped(const struct twins *twins, const struct state *real)
{
	const struct seen *near = &real->near, *far = &real->far;

	return near->known && far->known &&
	       ((near->left > far->arrived && far->arrived > twins->far_read) ||
		   (far->left > near->arrived &&
		       near->arrived > twins->near_read));
}

static bool
near_is_equal(const struct twins *twins, const struct state *real,
    char *text_out, size_t cap)
{
	const struct seen *near = &real->near;
	const struct connection kept = *twins->of;
	struct tcp_counters model = { 0 };
	int error =
	    platform_model.counters(&platform_model, twins->model.fd, &model);
	const struct fact facts[] = {
		{ "near known", near->known, error == 0 },
		{ "near sent", near->sent, model.sent },
		{ "near left", near->left, model.left },
		{ "near acked", near->acked,
		    near->over || has_dropped(twins, real)
			? MIN(model.acked, near->acked)
			: model.acked },
		{ "near over", near->over, model.over },
		{ "near arrived", near->arrived,
		    kept.down.arrived + has_come(&kept.down) },
		{ "transport acked", transport_acked(&twins->near),
		    platform_model.acked(&platform_model, &twins->model) -
			(model.acked - near->acked) },
		{ "transport transmitted", transport_transmitted(&twins->near),
		    platform_model.transmitted(&platform_model,
			&twins->model) },
	};

	*twins->of = kept; /* to count is to take its error */
	return all_equal(facts, near->known ? ARRAY_LEN(facts) : 1, text_out,
	    cap);
}

/* Also of how the connection came to its end, if it has. */
static bool
far_is_equal(const struct twins *twins, const struct state *real,
    char *text_out, size_t cap)
{
	const struct seen *far = &real->far;
	const struct connection *of = twins->of;
	bool both = has_come(&of->up) && has_come(&of->down);
	uint64_t came = of->down.arrived + has_come(&of->down);
	const struct fact over = { "far over", far->over,
		of->reset_by_us || both };
	const struct fact facts[] = {
		{ "far arrived", far->arrived,
		    less_dropped(of->up.arrived + has_come(&of->up), far,
			twins->far_read) },
		{ "far sent", far->sent, of->down.written + of->down.ended },
		{ "far left",
		    less_dropped(far->left, &real->near, twins->near_read),
		    came },
		{ "far acked", far->acked,
		    has_dropped(twins, real) ? MIN(came, far->acked) : came },
	};

	if (!all_equal(&over, 1, text_out, cap))
		return false;
	/* How much more was under way to either end is chance. */
	return of->reset_by_us ||
	       all_equal(facts, ARRAY_LEN(facts), text_out, cap);
}

/* After a reset: all that came before it, and nothing that had not left. */
static bool
came_as_it_should(struct twins *twins, const struct state *real, char *text_out,
    size_t cap)
{
	const struct stream *up = &twins->of->up;
	uint64_t most =
	    real->near.known ? real->near.left : up->written + up->ended;

	if (real->far.arrived < twins->arrived || real->far.arrived > most) {
		snprintf(text_out, cap, "%lu came before a reset, then %lu",
		    (unsigned long)twins->arrived,
		    (unsigned long)real->far.arrived);
		return false;
	}
	twins->late |= !real->near.known && real->far.arrived > twins->left;
	return true;
}

static bool
is_ready_equally(const struct twins *twins, char *text_out, size_t cap)
{
	const struct connection *of = twins->of;
	struct pollfd near = { .fd = twins->near.fd,
		.events = POLLIN | POLLOUT };
	short any = POLLHUP | POLLERR;
	bool empty = of->up.acked == of->up.written;
	struct fact facts[] = {
		{ "near can be read", 0, kernel_can_read(of) },
		{ "near can be written", 0, kernel_can_write(of) },
	};

	CHECK(poll(&near, 1, 0) >= 0);
	facts[0].real = (near.revents & (POLLIN | any)) != 0;
	facts[1].real = (near.revents & (POLLOUT | any)) != 0;
	return all_equal(facts, empty || of->dead_here ? 2 : 1, text_out, cap);
}

/* Not all is there, although nothing waits to be read. */
static bool
has_to_come(const struct stream *stream, const struct seen *receiver,
    uint64_t read)
{
	return receiver->known && !receiver->over &&
	       receiver->arrived == read &&
	       stream->arrived + has_come(stream) <
		   stream->written + stream->ended;
}

static bool
is_equal(struct twins *twins, const struct state *real, char *text_out,
    size_t cap)
{
	if (twins->near.fd >= 0 &&
	    (!near_is_equal(twins, real, text_out, cap) ||
		!is_ready_equally(twins, text_out, cap)))
		return false;
	if (!has_dropped(twins, real) &&
	    (has_to_come(&twins->of->up, &real->far, twins->far_read) ||
		has_to_come(&twins->of->down, &real->near, twins->near_read))) {
		snprintf(text_out, cap, "not all has come");
		return false;
	}
	if (twins->far < 0)
		return true;
	return far_is_equal(twins, real, text_out, cap) &&
	       (!twins->of->reset_by_us ||
		   came_as_it_should(twins, real, text_out, cap));
}

/* --- to rest --- */

/* That holds at each moment. */
static void
check_bounds(struct twins *twins, const struct state *real)
{
	const struct seen *near = &real->near, *far = &real->far;

	if (near->known &&
	    (near->acked > near->left || near->left > near->sent ||
		near->left < twins->far_read ||
		near->sent < twins->near.written))
		twins_differ(twins, "near acked %lu left %lu sent %lu",
		    (unsigned long)near->acked, (unsigned long)near->left,
		    (unsigned long)near->sent);
	if (far->known &&
	    (far->arrived < twins->far_read ||
		far->arrived > twins->near.written + twins->of->up.ended))
		twins_differ(twins, "far got %lu", (unsigned long)far->arrived);
}

static void
print_seen(const char *end, const struct seen *seen, uint64_t read)
{
	if (seen->known)
		trace_print("%s sent %lu left %lu acked %lu arrived %lu read"
			    " %lu%s",
		    end, (unsigned long)seen->sent, (unsigned long)seen->left,
		    (unsigned long)seen->acked, (unsigned long)seen->arrived,
		    (unsigned long)read, seen->over ? " over" : "");
}

static void
print_stream(const char *name, const struct stream *stream)
{
	trace_print("model %s written %lu left %lu arrived %lu acked %lu read"
		    " %lu window %lu%s",
	    name, (unsigned long)stream->written, (unsigned long)stream->left,
	    (unsigned long)stream->arrived, (unsigned long)stream->acked,
	    (unsigned long)stream->read, (unsigned long)stream->window,
	    stream->ended ? " ended" : "");
}

static void
print_state(const struct twins *twins, const struct state *real)
{
	print_seen("near", &real->near, twins->near_read);
	print_seen("far", &real->far, twins->far_read);
	print_stream("up", &twins->of->up);
	print_stream("down", &twins->of->down);
}

static void
pass(unsigned tries)
{
	if (tries < YIELDS)
		sched_yield();
	else
		(void)poll(NULL, 0, 1);
}

static void
compare_counts(struct twins *twins)
{
	struct tcp_counters real = { 0 }, model = { 0 };
	char text[128];
	int error =
	    tcp_counters_read(twins->near.fd, TCP_COUNTERS_CONNECTED, &real);
	const int expected =
	    platform_model.counters(&platform_model, twins->model.fd, &model);
	const struct fact facts[] = {
		{ "error", (uint64_t)-error, (uint64_t)-expected },
		{ "counted sent", real.sent, model.sent },
		{ "counted received", real.received, model.received },
		{ "counted left", real.left, model.left },
		{ "counted acked", MIN(real.acked, model.acked), real.acked },
		{ "counted over", real.over, model.over },
	};

	if (!all_equal(facts, error ? 1 : ARRAY_LEN(facts), text, sizeof(text)))
		twins_differ(twins, "%s", text);
}

void
twins_settle(struct twins *twins, bool count)
{
	unsigned equal = 0, tries = 0;
	char text[128] = "";
	struct state real;

	for (; equal < 2 && tries < YIELDS + WAITS; tries++) {
		real = look_at(twins);
		check_bounds(twins, &real);
		follow(twins, &real);
		if (twins->difference[0])
			return;
		equal =
		    is_equal(twins, &real, text, sizeof(text)) ? equal + 1 : 0;
		if (equal == 0)
			pass(tries);
	}
	if (equal == 0)
		twins_differ(twins, "%s", text);
	if (trace_is_printed || equal == 0)
		print_state(twins, &real);
	if (count && twins->near.fd >= 0)
		compare_counts(twins);
	if (!twins->of->reset_by_us) {
		twins->arrived = real.far.arrived;
		twins->left =
		    real.near.known ? real.near.left : twins->of->up.left + 1;
	}
	twins->at_rest = true;
}
