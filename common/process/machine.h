/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine - what this machine's own files say and a child cannot look up any
 * more: where name servers are, which hosts have names here, whom the system
 * trusts. Read with the configuration, and part of its snapshot.
 */
#ifndef COMMON_PROCESS_MACHINE_H
#define COMMON_PROCESS_MACHINE_H

#include "common/base/base.h"

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
/* The table of hosts, hosts(5), to be freed; empty where there is none. */
char *machine_hosts(void);
void machine_clear(struct machine *machine);

/* Connections that the system lets wait on a listening socket at most. */
int machine_backlog_limit(void);

#endif
