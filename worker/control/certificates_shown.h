/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificates_shown - those that are in force, for who asks: of the files that
 * the configuration names, and what the server shows on links.
 */
#ifndef WORKER_CONTROL_CERTIFICATES_SHOWN_H
#define WORKER_CONTROL_CERTIFICATES_SHOWN_H

#include "common/base/certificate.h"

struct buf;
struct commands_view;

/* The time of day, in which certificates have their dates. */
int64_t certificates_shown_now_s(void);

/* Each certificate; `file`: where it is from; `links`: mask of those on which
 * the server has shown it, 0 for one of a file. */
struct certificate_seen {
	const struct certificate_facts *facts;
	const char *file; /* NULL: none */
	uint32_t links;
};
typedef void certificate_fn(void *context, const struct certificate_seen *seen);
void certificates_each(const struct commands_view *view, certificate_fn *fn,
    void *context);

/* How long each is valid, and its OCSP response is stapled, in Prometheus' text
 * format. */
void certificates_metrics(const struct commands_view *view, int64_t now_s,
    struct buf *out);

#endif
