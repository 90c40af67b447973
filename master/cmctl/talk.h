/* SPDX-License-Identifier: Apache-2.0 */
/*
 * talk - the daemon's control socket as seen from outside
 * (worker/control/control.h).
 */
#ifndef MASTER_CMCTL_TALK_H
#define MASTER_CMCTL_TALK_H

#include "common/base/base.h"

#include <stdio.h>

/* Exit codes, for scripts. */
enum { DONE, REFUSED, MISUSED, UNREACHABLE };

/* Both directions; NULL after a line on standard error. */
FILE *talk_reach(const char *path);
/* One request; each of the words up to NULL stays one word. */
void talk_send(FILE *daemon, bool json, const char *const *words);
/* Gives each line of the answer, its newline included, to fn. An exit code;
 * what is no success is written to standard error. */
int talk_receive(FILE *daemon, void (*fn)(void *context, const char *line),
    void *context);

/* Bytes of the line, without its newline, that so many columns hold. */
size_t talk_fit(const char *line, size_t columns);

#endif
