/* SPDX-License-Identifier: Apache-2.0 */
/*
 * talk - the daemon's control socket as seen from outside
 * (worker/control/control.h).
 */
#ifndef MASTER_CMCTL_TALK_H
#define MASTER_CMCTL_TALK_H

#include "common/base/base.h"

#include <jansson.h>
#include <stdio.h>

/* Exit codes, for scripts. */
enum { DONE, REFUSED, MISUSED, UNREACHABLE };

/* Who is given an answer, line by line; what is NULL is not told. */
struct talk_listener {
	void *context;
	/* Before the rows of a list, be there any or none. */
	void (*on_list)(void *context, const json_t *list);
	/* A row, or an answer of its own, and its line with the newline. */
	void (*on_object)(void *context, json_t *object, const char *line);
	/* A line of text, with its newline. */
	void (*on_text)(void *context, const char *line);
	/* What was done, in words: at the end. */
	void (*on_message)(void *context, const char *message);
	/* Why it is no success; NULL: standard error is told. */
	void (*on_failure)(void *context, const char *why);
};

/* Both directions; NULL after a line on standard error. */
FILE *talk_reach(const char *path);
/* One request; each of the words up to NULL stays one word. */
void talk_send(FILE *daemon, const char *const *words);
/* Its answer; an exit code. */
int talk_receive(FILE *daemon, const struct talk_listener *listener);

#endif
