/* SPDX-License-Identifier: Apache-2.0 */
/*
 * twins - a connection of the kernel's over the loopback and one of the model's
 * (kernel.h), to which the same is done. Near is our end, far the server's.
 *
 * The kernel decides what a call takes and how much goes without being read;
 * the model has to take as much, and is given the same bounds. All else has to
 * be equal once both have come to rest.
 */
#ifndef TESTS_SIMULATION_TWINS_H
#define TESTS_SIMULATION_TWINS_H

#include "common/net/transport.h"

#include <sys/types.h>

#define TWINS_STREAM (640u * 1024) /* of one direction, ever */

struct connection;

struct twins {
	/* The kernel's. */
	struct transport near; /* fd -1: our descriptor is closed */
	int far;               /* -1: closed */
	uint64_t far_base;
	pid_t holder; /* has a duplicate of near; 0: none */
	/* The model's. */
	struct transport model;
	struct connection *of;
	/* What was done. */
	uint64_t near_read, far_written, far_read;
	/* When both were at rest last, before any reset by our end. */
	uint64_t arrived; /* at far */
	uint64_t left;    /* that may arrive */
	bool far_ended;   /* its FIN is out */
	bool was_reset;   /* by our end, which has a descriptor still */
	bool at_rest;     /* nothing was done since */
	/* More has left between the last look and our reset: a timer's doing,
	 * so that it is rare. */
	bool late;
	/* The first difference; "": none. */
	char difference[256];
};

struct twins_options {
	int near_buffer,
	    far_buffer; /* bytes to send, to receive; 0: system's */
	int segment;    /* TCP_MAXSEG; 0: system's */
};

/* What streams up and down consist of; once for a process. */
void twins_make_bytes(void);
const uint8_t *twins_up(uint64_t at);
const uint8_t *twins_down(uint64_t at);

void twins_open(struct twins *twins, const struct twins_options *options);
/* What is left of both; the difference stays. */
void twins_close_all(struct twins *twins);

void twins_differ(struct twins *twins, const char *format, ...)
    PRINTF_LIKE(2, 3);

/* --- at our end; nothing once near is closed --- */

void twins_write(struct twins *twins, size_t len);
void twins_read(struct twins *twins, size_t cap);
/* Another process takes a duplicate; it is killed. */
void twins_share(struct twins *twins);
void twins_unshare(struct twins *twins);
/* Another process writes pieces of `len` bytes and reads, far reads and writes
 * so often meanwhile, and it is killed. */
void twins_kill_writer(struct twins *twins, size_t len, unsigned times);
void twins_set_reset_on_close(struct twins *twins, bool on);
void twins_shut(struct twins *twins);
void twins_close(struct twins *twins);
/* By this process, or by another one that then ends. */
void twins_reset(struct twins *twins);
void twins_abandon(struct twins *twins);

/* --- at far; nothing once that is closed --- */

void twins_far_write(struct twins *twins, size_t len);
void twins_far_read(struct twins *twins, size_t cap);
void twins_far_shut(struct twins *twins);
void twins_far_close(struct twins *twins, bool in_order);

/* --- twins_compare.c --- */

/* The model goes as far as the kernel is. */
void twins_advance(struct twins *twins);
/* Both come to rest and are compared; `count`: also by tcp_counters_read(),
 * which takes an error from the socket. */
void twins_settle(struct twins *twins, bool count);

#endif
