/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fake_openfire/fake.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SCANNER_LIMIT 1048576
#define ITEMS_TRIM    256

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events);
static void on_writable(struct ev_loop *loop, ev_io *watcher, int events);

void
link_accept(struct fake *fake, int fd, bool direct_tls)
{
	struct link *link = xcalloc(1, sizeof(*link));
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	link->fake = fake;
	link->fd = fd;
	link->number = ++fake->next_link;
	list_append(&fake->links, &link->in_fake);
	list_init(&link->of_manager);
	list_init(&link->items);
	scanner_init(&link->scanner, SCANNER_LIMIT);
	link->scanner.allow_nul = fake->dialect->allow_nul;
	link->scanner.strict_space = fake->dialect->strict_space;
	witness_init(&link->witness);
	ev_io_init(&link->readable, on_readable, fd, EV_READ);
	ev_io_init(&link->writable, on_writable, fd, EV_WRITE);
	link->readable.data = link->writable.data = link;
	fake->stats.links++;
	fake->stats.links_total++;
	if (direct_tls)
		tls_start(link);
	if (fake->refuse == REFUSE_CLOSE)
		link_finish(link);
	link_watch(link);
}

void
link_free(struct link *link)
{
	list_each(at, &link->items)
	    free(container_of(at, struct item, in_link));
	ev_io_stop(link->fake->loop, &link->readable);
	ev_io_stop(link->fake->loop, &link->writable);
	if (link->fd >= 0)
		close(link->fd);
	tls_end(link);
	list_remove(&link->in_fake);
	scanner_destroy(&link->scanner);
	witness_destroy(&link->witness);
	buf_destroy(&link->out);
	buf_destroy(&link->held);
	buf_destroy(&link->ends);
	buf_destroy(&link->cipher);
	free(link->address);
	free(link);
}

/* The wire's bytes that the peer's TCP has acknowledged. */
static uint64_t
acknowledged(const struct link *link)
{
	int waiting = 0;

	if (ioctl(link->fd, SIOCOUTQ, &waiting) < 0)
		return 0;
	return link->written - (uint64_t)waiting;
}

/* What the peer has read, its kernel acknowledges within its delay of at most
 * 40 ms; a reset before that would make what it has look like what it lacks. */
static void
await_delayed_acknowledgement(const struct link *link)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	int unsent = 0;

	for (int i = 0; i < 100; i++) {
		if (ioctl(link->fd, SIOCOUTQNSD, &unsent) < 0 ||
		    acknowledged(link) + (uint64_t)unsent >= link->written)
			return;
		nanosleep(&moment, NULL);
	}
}

static void
trim_items(struct link *link, uint64_t have)
{
	list_each(at, &link->items)
	{
		struct item *item = container_of(at, struct item, in_link);

		if (item->end > have)
			break;
		list_remove(at);
		free(item);
	}
}

void
link_send(struct link *link, const void *bytes, size_t len)
{
	if (link->dead || link->mute)
		return;
	link->fake->stats.bytes_down += (int64_t)len;
	if (link->secured) {
		tls_send(link, bytes, len);
	} else {
		(void)buf_append(&link->out, bytes, len);
		link->queued += len;
	}
}

struct item *
link_send_item(struct link *link, const void *bytes, size_t len)
{
	struct item *item;

	if (link->phase == LINK_TLS) {
		(void)buf_append(&link->held, bytes, len);
		return NULL;
	}
	link_send(link, bytes, len);
	if (link->queued % ITEMS_TRIM < len)
		trim_items(link, acknowledged(link));
	item = xcalloc(1, sizeof(*item) + len);
	item->len = len;
	item->end = link->queued;
	memcpy(item->bytes, bytes, len);
	list_append(&link->items, &item->in_link);
	return item;
}

void
link_printf(struct link *link, const char *format, ...)
{
	char text[8192];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	CHECK(len >= 0 && (size_t)len < sizeof(text));
	link_send(link, text, (size_t)len);
}

/* The session's own link of now, so that what follows stays behind. */
static struct link *
link_for(struct manager *manager, const struct item *item)
{
	static const char mark[] = "streamid=\"";
	const char *at =
	    memmem(item->bytes, MIN(item->len, 512), mark, sizeof(mark) - 1);
	char id[128];

	if (!manager || !at)
		return manager ? manager_link(manager, NULL) : NULL;
	at += sizeof(mark) - 1;
	snprintf(id, sizeof(id), "%.*s",
	    (int)MIN((size_t)(item->bytes + item->len - at), sizeof(id) - 1),
	    at);
	id[strcspn(id, "\"")] = '\0';
	return manager_link(manager, id);
}

/* Sends again what the peer never got; the link takes no packets any more. */
static void
hand_over(struct link *link)
{
	struct fake *fake = link->fake;

	list_each(at, &link->items)
	{
		struct item *item = container_of(at, struct item, in_link);
		struct link *other = link_for(link->manager, item);
		struct item *again;

		if (!other || (item->numbered && fake->forgets)) {
			numbers_unreached(item);
			continue;
		}
		again = link_send_item(other, item->bytes, item->len);
		if (again) {
			again->numbered = item->numbered;
			again->number = item->number;
		}
		fake->stats.resent++;
	}
}

static void
gone(struct link *link)
{
	if (link->dead)
		return;
	link->dead = true;
	link->fake->stats.links--;
	if (link->phase == LINK_READY)
		link->fake->stats.links_ready--;
	ev_io_stop(link->fake->loop, &link->writable);
	if (!link->draining) {
		ev_io_stop(link->fake->loop, &link->readable);
		close(link->fd);
		link->fd = -1;
	}
	manager_leave(link);
	hand_over(link);
}

void
link_cut(struct link *link, bool reset)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	if (link->dead)
		return;
	if (reset) {
		await_delayed_acknowledgement(link);
		trim_items(link, acknowledged(link));
		(void)setsockopt(link->fd, SOL_SOCKET, SO_LINGER, &linger,
		    sizeof(linger));
	} else { /* the kernel still delivers what it has */
		trim_items(link, link->written);
		(void)shutdown(link->fd, SHUT_WR);
		link->draining = true;
		ev_io_start(link->fake->loop, &link->readable);
	}
	gone(link);
}

/* The manager or the network ended it. */
static void
lost(struct link *link)
{
	link->fake->stats.links_lost++;
	trim_items(link, acknowledged(link));
	gone(link);
}

void
link_finish(struct link *link)
{
	link->close_when_flushed = true;
	link_watch(link);
}

void
link_watch(struct link *link)
{
	struct ev_loop *loop = link->fake->loop;
	bool wants_write = !link->stall_write &&
			   (buf_len(&link->out) || link->close_when_flushed);

	if (link->dead)
		return;
	if (!link->stall_read)
		ev_io_start(loop, &link->readable);
	else
		ev_io_stop(loop, &link->readable);
	if (wants_write)
		ev_io_start(loop, &link->writable);
	else
		ev_io_stop(loop, &link->writable);
}

void
link_flush(struct link *link)
{
	size_t len = buf_len(&link->out);
	ssize_t sent;

	if (link->dead || link->stall_write)
		return;
	if (link->fake->split)
		len = MIN(len, link->fake->split);
	if (len) {
		sent = send(link->fd, buf_bytes(&link->out), len,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EAGAIN) {
			lost(link);
			return;
		}
		if (sent > 0) {
			buf_consume(&link->out, (size_t)sent);
			link->written += (uint64_t)sent;
		}
	}
	if (!buf_len(&link->out) && link->close_when_flushed)
		link_cut(link, false);
	else
		link_watch(link);
}

static void
on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop;
	(void)events;
	link_flush(watcher->data);
}

static void
on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	static char bytes[65536];
	struct link *link = watcher->data;
	ssize_t got = recv(link->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	bool good = true;

	(void)loop;
	(void)events;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (link->dead) { /* drained: its bytes are nobody's */
		link->draining = got > 0;
		if (got <= 0)
			ev_io_stop(loop, watcher);
		return;
	}
	if (got > 0) {
		link->fake->stats.bytes_up += got;
		if (link->tls)
			good = tls_receive(link, bytes, (size_t)got);
		else
			judge_bytes(link, bytes, (size_t)got);
	}
	if (!link->dead && (got <= 0 || !good))
		lost(link);
}
