/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificates - the master warns of those that the configuration names; their
 * facts were found out by whoever read it. Of what the server shows on links
 * upstream warns itself.
 */
#ifndef MASTER_CERTIFICATES_H
#define MASTER_CERTIFICATES_H

#include "common/base/certificate.h"

#include <stdio.h>

struct config;

/* The time of day, in which certificates have their dates. */
int64_t certificates_now_s(void);

/* Warns of the configuration's certificates: of each finding once a day. Times
 * are of the day and of the steady clock. */
void certificates_watch(struct certificate_watch *watch,
    const struct config *config, int64_t now_s, double steady_s);
/* The same warnings as lines `FILE:LINE: warning: OPTION: text`, each time. */
void certificates_print(const struct config *config, int64_t now_s, FILE *out);

#endif
