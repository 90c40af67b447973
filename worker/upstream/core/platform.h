/* SPDX-License-Identifier: Apache-2.0 */
/*
 * platform - all that upstream does outside its memory, as one struct: the
 * clock, chance, the links' sockets, the workers' doorbells, the master. Above
 * it are no event loop and no system call for a plain link, so the same code
 * runs on the kernel (platform_loop.h) and on a model of it, in a time that a
 * test makes (tests/simulation).
 *
 * A platform calls upstream.h, link_ready() and link_resolved(); nothing of it
 * calls back before it has returned.
 */
#ifndef WORKER_UPSTREAM_CORE_PLATFORM_H
#define WORKER_UPSTREAM_CORE_PLATFORM_H

#include "common/net/transport.h"

struct channel_message;
struct endpoint;
struct link;
struct tcp_counters;

/* What a link's socket is watched for, and what is reported of it. */
enum platform_event { PLATFORM_READ = 1, PLATFORM_WRITE = 2 };

struct platform {
	/* Seconds of a clock that only goes on. */
	double (*now)(struct platform *platform);
	void (*random)(struct platform *platform, void *bytes, size_t len);

	/* --- sockets of links --- */

	/* Begins a connection: its descriptor, or -errno. It has come about, or
	 * not, once it can be written to; then 0 or an errno. */
	int (*connect)(struct platform *platform,
	    const struct endpoint *endpoint);
	int (*connect_result)(struct platform *platform, int fd);

	/* From here on for these events (enum platform_event), 0: for none. */
	void (*watch)(struct platform *platform, struct link *link,
	    unsigned events);
	/* Reports PLATFORM_READ once more, whatever has come; not once the
	 * link is not watched for it. */
	void (*read_again)(struct platform *platform, struct link *link);

	/* As those of transport.h. */
	enum io_result (*read)(struct platform *platform,
	    struct transport *transport, void *bytes, size_t cap,
	    size_t *len_out);
	enum io_result (*write)(struct platform *platform,
	    struct transport *transport, const struct iovec *vectors, int count,
	    size_t *len_out);
	uint64_t (*acked)(struct platform *platform,
	    const struct transport *transport);
	uint64_t (*transmitted)(struct platform *platform,
	    const struct transport *transport);
	struct transport_end (*reset)(struct platform *platform,
	    struct transport *transport);
	void (*shutdown)(struct platform *platform,
	    struct transport *transport);

	/* As those of endpoint.h and tcp_counters.h. */
	void (*set_user_timeout)(struct platform *platform, int fd,
	    unsigned milliseconds);
	/* True: what the kernel holds is thrown away with the last duplicate of
	 * the socket. */
	bool (*set_reset_on_close)(struct platform *platform, int fd, bool on);
	int (*counters)(struct platform *platform, int fd,
	    struct tcp_counters *counters_out);
	int (*cookie)(struct platform *platform, int fd, uint64_t *cookie_out);
	int (*peer)(struct platform *platform, int fd,
	    struct endpoint *endpoint_out);
	/* Resets a connection that a predecessor has left. */
	void (*abandon)(struct platform *platform, int fd);
	/* Of this process's duplicate. */
	void (*close)(struct platform *platform, int fd);

	/* --- the server's address --- */

	/* Looked for until link_resolved(), or until it is cancelled. */
	void (*resolve)(struct platform *platform, struct link *link);
	void (*resolve_cancel)(struct platform *platform, struct link *link);

	/* --- other processes --- */

	/* To the master: 0, or -errno of channel_send(): it was not sent. */
	int (*send)(struct platform *platform,
	    const struct channel_message *message);
	/* There is something in the rings of this partition's worker, or
	 * room. */
	void (*ring)(struct platform *platform, uint32_t partition);
	/* Nothing is left to do: this process ends. */
	void (*end)(struct platform *platform);
};

#endif
