/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standby - a process that is to be the next upstream, forked while the present
 * one serves: it has its configuration, TLS and memory, has given up its rights
 * and waits. Until it is told to take upstream's place it does nothing with
 * what is shared, so that nobody but the master knows of it; then it goes on
 * with the links within a fraction of the time that a fork and all this take.
 *
 * One is kept while upstream serves. A configuration that has changed ends it:
 * the next one is born with the new one.
 */
#ifndef MASTER_STANDBY_H
#define MASTER_STANDBY_H

#include "common/base/base.h"

struct child;
struct children;

/* Upstream serves and has none: one is due soon. */
void standby_tend(struct children *children, double now);
/* Upstream is to be started, and a standby became it. False for every other
 * child, and when there is none: it has to be forked. */
MUST_CHECK bool standby_takes_place(struct child *child, double now);
/* What it was born with is not in force any more. */
void standby_renew(struct children *children, double now);

#endif
