/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show - answers on standard output: a list as a table, an object as lines of
 * `key: value` or, where there is one, the message about it, an element of a
 * trace as a line when it comes, text as it is.
 */
#ifndef MASTER_CMCTL_SHOW_H
#define MASTER_CMCTL_SHOW_H

#include "master/cmctl/table.h"
#include "master/cmctl/talk.h"

enum show_form {
	SHOW_PEOPLE,
	SHOW_TRACE, /* to people: they come one by one */
	SHOW_JSON,  /* objects as they came, a line of text as a JSON string */
};

/* The answer to what was sent; an exit code. */
int show_answer(FILE *daemon, enum show_form form, struct table_look look,
    FILE *out);

/* How that descriptor is printed on. Titles are bold on a terminal unless
 * NO_COLOR is set and not empty, or it is one that cannot (TERM=dumb). */
struct table_look show_look(int fd);

#endif
