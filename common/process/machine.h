/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine - what this machine's own files say and a child cannot look up any
 * more: where name servers are, which hosts have names here, whom the system
 * trusts. Read with the configuration, and part of its snapshot. Also what a
 * word of the configuration means here.
 */
#ifndef COMMON_PROCESS_MACHINE_H
#define COMMON_PROCESS_MACHINE_H

#include "common/base/base.h"
#include "common/net/endpoint.h"

#define MACHINE_ADDRESSES_MAX 16u

/* Empty where there is nothing. */
struct machine {
	char *name_servers;   /* `address:port`, commas between */
	char *search_domains; /* blanks between */
	unsigned ndots;
	char *hosts;       /* /etc/hosts as it is */
	char *authorities; /* PEM */
};

/* What cannot be read is left empty; a child says what it misses. */
void machine_read(struct machine *machine_out, bool with_authorities);
void machine_clear(struct machine *machine);

struct machine_addresses {
	struct endpoint all[MACHINE_ADDRESSES_MAX]; /* with no port */
	unsigned count; /* also of those that found no room */
};

/* Adds what the word means and is not there yet: an address, those of an
 * interface, or those of a name in the table of hosts. False when it means
 * none. No name server is queried: a daemon that starts with its machine would
 * wait for one, and its answer would decide who can reach a port. */
MUST_CHECK bool machine_find_addresses(const char *word,
    struct machine_addresses *addresses);

/* Connections that the system lets wait on a listening socket at most. */
int machine_backlog_limit(void);

#endif
