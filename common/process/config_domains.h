/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_domains - the names in xmpp.domain, one by one. They are listed anew
 * whenever the option has got its text: when it was checked, when it has
 * arrived (snapshot.c) and when a reload keeps it. Private to config*.c and
 * snapshot.c.
 */
#ifndef COMMON_PROCESS_CONFIG_DOMAINS_H
#define COMMON_PROCESS_CONFIG_DOMAINS_H

#include "common/process/config.h"

/* Makes domain_names, domain_count and domain, NULL for none, of what `domains`
 * holds; what they held is freed. Returns what of `domains` there is no room
 * for, from a name on: "" unless there are more than CONFIG_DOMAINS_MAX. */
const char *config_domains_list(struct config_server *server);
/* Frees the names; there are none then. */
void config_domains_clear(struct config_server *server);

#endif
