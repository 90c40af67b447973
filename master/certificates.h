/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificates - those that are in force, as the master knows them: facts of
 * the files that the configuration names, found out by whoever read it, and of
 * what the server shows on links, by upstream, which warns of these itself.
 */
#ifndef MASTER_CERTIFICATES_H
#define MASTER_CERTIFICATES_H

#include "common/base/certificate.h"

#include <stdio.h>

struct buf;
struct commands_view;
struct config;

/* The time of day, in which certificates have their dates. */
int64_t certificates_now_s(void);

/* Warns of the configuration's certificates: of each finding once a day. Times
 * are of the day and of the steady clock. */
void certificates_watch(struct certificate_watch *watch,
    const struct config *config, int64_t now_s, double steady_s);
/* The same warnings as lines `FILE:LINE: warning: OPTION: text`, each time. */
void certificates_print(const struct config *config, int64_t now_s, FILE *out);

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

/* How long each is valid, in Prometheus' text format. */
void certificates_metrics(const struct commands_view *view, int64_t now_s,
    struct buf *out);

#endif
