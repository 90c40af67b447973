/* SPDX-License-Identifier: Apache-2.0 */
/* hosts - the table of names that a machine keeps itself, hosts(5). Pure. */
#ifndef COMMON_NET_HOSTS_H
#define COMMON_NET_HOSTS_H

#include "common/base/base.h"

/* Calls fn with each address that the name has, as text that parses; case does
 * not matter. How many there are. Accepts any text. */
unsigned hosts_find(const char *hosts, const char *name,
    void (*fn)(void *context, const char *address), void *context);

#endif
