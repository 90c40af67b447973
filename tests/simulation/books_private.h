/* SPDX-License-Identifier: Apache-2.0 */
/* books_private - for the files of the books. */
#ifndef TESTS_SIMULATION_BOOKS_PRIVATE_H
#define TESTS_SIMULATION_BOOKS_PRIVATE_H

#include "tests/simulation/books.h"

struct books {
	unsigned count;
	unsigned deaths;        /* of connections */
	unsigned kills;         /* of upstream */
	unsigned worker_deaths; /* ... of workers */
	bool sent_away;         /* some were, for want of a server */
	char breach[512];
};

extern struct books books;

bool books_is_sent_once(uint8_t kind);

#endif
