/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulation/twins.h"

#include "common/net/endpoint.h"
#include "common/net/fd.h"
#include "common/net/tcp_counters.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/kernel.h"
#include "tests/simulation/process.h"
#include "tests/simulation/twins_private.h"
#include "worker/upstream/core/platform.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define UNSENT_BYTES (128 * 1024) /* as platform_loop.c has it */
#define PATIENCE_MS  60000
#define VECTORS      3u

static uint8_t up_bytes[TWINS_STREAM], down_bytes[TWINS_STREAM];
static uint8_t got_bytes[TWINS_STREAM];

void
twins_make_bytes(void)
{
	chance_begin(1);
	chance_bytes(up_bytes, sizeof(up_bytes));
	chance_bytes(down_bytes, sizeof(down_bytes));
}

const uint8_t *
twins_up(uint64_t at)
{
	return up_bytes + at;
}

const uint8_t *
twins_down(uint64_t at)
{
	return down_bytes + at;
}

void
twins_differ(struct twins *twins, const char *format, ...)
{
	va_list arguments;

	if (twins->difference[0])
		return;
	va_start(arguments, format);
	vsnprintf(twins->difference, sizeof(twins->difference), format,
	    arguments);
	va_end(arguments);
}

/* --- their beginning and end --- */

static void
await(int fd, short events)
{
	struct pollfd wanted = { .fd = fd, .events = events };

	CHECK(poll(&wanted, 1, PATIENCE_MS) == 1);
}

static void
set_option(int fd, int level, int option, int value)
{
	if (value > 0)
		CHECK(setsockopt(fd, level, option, &value, sizeof(value)) ==
		      0);
}

static int
listen_here(const struct twins_options *options, struct endpoint *here_out)
{
	const struct listen_options listen = { .backlog = 1,
		.receive_buffer = options->far_buffer };
	int listener;

	CHECK(endpoint_parse("127.0.0.1", 0, here_out) == 0);
	listener = endpoint_listen(here_out, &listen);
	CHECK(listener >= 0);
	set_option(listener, IPPROTO_TCP, TCP_MAXSEG, options->segment);
	here_out->len = sizeof(here_out->addr);
	CHECK(getsockname(listener, (struct sockaddr *)&here_out->addr,
		  &here_out->len) == 0);
	return listener;
}

/* As loop_connect() of platform_loop.c. */
static void
open_real(struct twins *twins, const struct twins_options *options)
{
	struct tcp_counters counters;
	struct endpoint here;
	int listener = listen_here(options, &here);
	int near = endpoint_connect(&here);

	CHECK(near >= 0 && endpoint_set_unsent_limit(near, UNSENT_BYTES) == 0);
	set_option(near, SOL_SOCKET, SO_SNDBUF, options->near_buffer);
	await(listener, POLLIN);
	await(near, POLLOUT);
	twins->far =
	    accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	fd_close(&listener);
	CHECK(twins->far >= 0 &&
	      tcp_counters_read(twins->far, 0, &counters) == 0);
	twins->far_base = counters.sent;
	transport_init(&twins->near, near);
}

static void
open_model(struct twins *twins)
{
	struct endpoint nowhere = { 0 };

	kernel_begin();
	transport_init(&twins->model,
	    platform_model.connect(&platform_model, &nowhere));
	twins->of = kernel_of(twins->model.fd);
	twins->of->send_buffer = TWINS_STREAM;
	kernel_settle();
}

void
twins_open(struct twins *twins, const struct twins_options *options)
{
	*twins = (struct twins){ .far = -1 };
	open_real(twins, options);
	open_model(twins);
}

void
twins_close_all(struct twins *twins)
{
	twins_unshare(twins);
	twins_far_close(twins, false);
	twins_close(twins);
}

/* --- writing and reading --- */

static void
cut(struct iovec vectors[VECTORS], const uint8_t *bytes, size_t len)
{
	size_t first = len / 3, second = len / 2 - first;
	uint8_t *at = (uint8_t *)(uintptr_t)bytes;

	vectors[0] = (struct iovec){ at, first };
	vectors[1] = (struct iovec){ at + first, second };
	vectors[2] =
	    (struct iovec){ at + first + second, len - first - second };
}

enum io_result
twins_write_model(struct twins *twins, size_t len, size_t *len_out)
{
	struct iovec vectors[VECTORS];

	cut(vectors, twins_up(twins->model.written), len);
	return platform_model.write(&platform_model, &twins->model, vectors,
	    VECTORS, len_out);
}

void
twins_write(struct twins *twins, size_t len)
{
	enum io_result result, expected;
	struct iovec vectors[VECTORS];
	size_t real, model = 0;

	len = MIN(len, TWINS_STREAM - twins->near.written);
	if (twins->near.fd < 0 || len == 0)
		return;
	cut(vectors, twins_up(twins->near.written), len);
	result = transport_write(&twins->near, vectors, VECTORS, &real);
	if (result == IO_AGAIN) {
		if (twins->at_rest &&
		    twins->of->up.acked == twins->of->up.written)
			twins_differ(twins, "nothing is taken of %zu", len);
		return;
	}
	expected = twins_write_model(twins, real ? real : len, &model);
	if (result != expected || real != model)
		twins_differ(twins, "write of %zu: %d %zu, model %d %zu", len,
		    (int)result, real, (int)expected, model);
	twins->at_rest = false;
}

void
twins_read(struct twins *twins, size_t cap)
{
	static uint8_t bytes[TWINS_STREAM];
	enum io_result result, expected;
	size_t real, model;

	cap = MIN(cap, sizeof(bytes));
	if (twins->near.fd < 0 || cap == 0)
		return;
	twins_settle(twins, false);
	result = transport_read(&twins->near, got_bytes, cap, &real);
	expected = platform_model.read(&platform_model, &twins->model, bytes,
	    cap, &model);
	if (result != expected || real != model)
		twins_differ(twins, "read of %zu: %d %zu, model %d %zu", cap,
		    (int)result, real, (int)expected, model);
	else if (memcmp(got_bytes, bytes, real) != 0 ||
		 memcmp(bytes, twins_down(twins->near_read), real) != 0)
		twins_differ(twins, "read: other bytes");
	twins->near_read += real;
	twins->at_rest = false;
}

void
twins_far_write(struct twins *twins, size_t len)
{
	ssize_t sent;

	len = MIN(len, TWINS_STREAM - twins->far_written);
	if (twins->far < 0 || twins->far_ended || len == 0)
		return;
	sent = send(twins->far, twins_down(twins->far_written), len,
	    MSG_NOSIGNAL | MSG_DONTWAIT);
	twins->at_rest = false;
	if (sent < 0) {
		if (errno != EAGAIN && !twins->of->reset_by_us)
			twins_differ(twins, "far cannot write: %s",
			    strerror(errno));
		return;
	}
	kernel_say(twins->of, (const char *)twins_down(twins->far_written),
	    (size_t)sent);
	twins->far_written += (uint64_t)sent;
}

void
twins_note_far_read(struct twins *twins, const uint8_t *bytes, size_t len)
{
	struct stream *up = &twins->of->up;

	if (memcmp(bytes, twins_up(twins->far_read), len) != 0)
		twins_differ(twins, "far reads other bytes");
	twins->far_read += len;
	if (twins->far_read > up->arrived)
		twins_advance(twins);
	if (twins->far_read > up->arrived)
		twins_differ(twins, "far has read %lu, in the model %lu came",
		    (unsigned long)twins->far_read, (unsigned long)up->arrived);
	else if (memcmp(bytes, up->bytes + up->read, len) != 0)
		twins_differ(twins, "the model has other bytes");
	up->read = MIN(twins->far_read, up->arrived);
}

void
twins_far_read(struct twins *twins, size_t cap)
{
	const struct connection *of = twins->of;
	const struct stream *up = &of->up;
	ssize_t got;

	cap = MIN(cap, sizeof(got_bytes));
	if (twins->far < 0 || cap == 0)
		return;
	got = read(twins->far, got_bytes, cap);
	if (got > 0)
		twins_note_far_read(twins, got_bytes, (size_t)got);
	else if (got == 0 && !of->reset_by_us &&
		 !(up->ended && twins->far_read == up->written))
		twins_differ(twins, "far finds an end at %lu",
		    (unsigned long)twins->far_read);
	else if (got < 0 && errno != EAGAIN && !of->reset_by_us)
		twins_differ(twins, "far cannot read: %s", strerror(errno));
	else if (got < 0 && errno == EAGAIN && of->reset_by_us)
		twins_differ(twins, "far knows of no reset");
	twins->at_rest = false;
}

/* --- ends --- */

void
twins_set_reset_on_close(struct twins *twins, bool on)
{
	if (twins->near.fd < 0)
		return;
	CHECK(endpoint_set_reset_on_close(twins->near.fd, on) == 0);
	CHECK(platform_model.set_reset_on_close(&platform_model,
	    twins->model.fd, on));
}

/* As loop_shutdown() of platform_loop.c. */
void
twins_shut(struct twins *twins)
{
	/* Nobody shuts what is reset (link_io.c). */
	if (twins->near.fd < 0 || twins->was_reset)
		return;
	transport_shutdown(&twins->near);
	shutdown(twins->near.fd, SHUT_RDWR);
	/* What came before it was taken. */
	twins_advance(twins);
	platform_model.shutdown(&platform_model, &twins->model);
	twins->at_rest = false;
}

void
twins_close(struct twins *twins)
{
	if (twins->near.fd < 0)
		return;
	fd_close(&twins->near.fd);
	platform_model.close(&platform_model, twins->model.fd);
	twins->at_rest = false;
}

void
twins_reset(struct twins *twins)
{
	struct transport_end real, model;

	if (twins->near.fd < 0 || twins->was_reset)
		return;
	real = transport_reset(&twins->near);
	model = platform_model.reset(&platform_model, &twins->model);
	if (real.transmitted != model.transmitted ||
	    real.reachable != model.reachable)
		twins_differ(twins, "reset at %lu %lu, model %lu %lu",
		    (unsigned long)real.transmitted,
		    (unsigned long)real.reachable,
		    (unsigned long)model.transmitted,
		    (unsigned long)model.reachable);
	twins->was_reset = true;
	twins->at_rest = false;
}

void
twins_far_shut(struct twins *twins)
{
	if (twins->far < 0 || twins->far_ended || twins->of->reset_by_us)
		return;
	CHECK(shutdown(twins->far, SHUT_WR) == 0);
	twins->of->down.ended = twins->far_ended = true;
	twins->at_rest = false;
}

void
twins_far_close(struct twins *twins, bool in_order)
{
	if (twins->far < 0)
		return;
	CHECK(endpoint_set_reset_on_close(twins->far, !in_order) == 0);
	fd_close(&twins->far);
	kernel_server_close(twins->of, in_order);
	twins->at_rest = false;
}
