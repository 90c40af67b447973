/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dialect - in what the server's versions differ (PROTOCOL.md §16, §20).
 */
#ifndef FAKE_OPENFIRE_DIALECT_H
#define FAKE_OPENFIRE_DIALECT_H

#include <stdbool.h>

struct dialect {
	const char *name;
	bool escaped;        /* raw text in packets as character data */
	bool close_bound;    /* close IQ for bound sessions too */
	bool error_in_close; /* stream error inside a close IQ */
	bool two_writes;     /* header and features apart */
	bool old_header;     /* quotes and attribute order of MINA times */
	bool newline;        /* behind the XML declaration */
	bool random_packets; /* link of a packet: random, else by hash */
	bool silent;         /* refusals without a stream error */
	bool uuid;           /* address before binding: not the streamid */
	bool ghosts;         /* sessions outlive the last link */
	bool says_shutdown;  /* system-shutdown, else a bare FIN */
	bool allow_nul;
	bool strict_space; /* only a blank ends a tag's name */
	bool auth_always;  /* offers jabber:iq:auth */
};

/* NULL when there is none of that name. */
const struct dialect *dialect_find(const char *name);

#endif
