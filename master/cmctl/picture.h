/* SPDX-License-Identifier: Apache-2.0 */
/*
 * picture - one of those that `top` shows: the state in a line, then processes,
 * links and sessions, as many as the terminal has room for.
 */
#ifndef MASTER_CMCTL_PICTURE_H
#define MASTER_CMCTL_PICTURE_H

#include "master/cmctl/rates.h"
#include "master/cmctl/talk.h"

struct picture {
	FILE *daemon;     /* borrowed */
	const char *help; /* a line below the state */
	const char *sort; /* of sessions, by this field */
	bool ascending;
	bool plain; /* nothing is set off */
	unsigned rows, columns;
	unsigned row; /* that is written next */
	char *why;    /* owned; no more can be drawn; NULL: it can */
	struct rates processes, sessions;
};

/* Its daemon, help and sort are set by the caller. */
void picture_init(struct picture *picture);
/* An exit code. */
int picture_draw(struct picture *picture);
void picture_destroy(struct picture *picture);

#endif
