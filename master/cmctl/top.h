/* SPDX-License-Identifier: Apache-2.0 */
/*
 * top - the daemon's state on the whole terminal, again and again.
 */
#ifndef MASTER_CMCTL_TOP_H
#define MASTER_CMCTL_TOP_H

#include "master/cmctl/talk.h"

/* Until `q` or a signal; every so many seconds, "2" without it (NULL). An exit
 * code. The terminal is left as it was. */
int top_run(FILE *daemon, const char *seconds);

#endif
