/* SPDX-License-Identifier: Apache-2.0 */
/* config_interface - the addresses that xmpp.socket.network.interface holds. */
#ifndef COMMON_PROCESS_CONFIG_INTERFACE_H
#define COMMON_PROCESS_CONFIG_INTERFACE_H

#include "common/net/endpoint.h"

#define CONFIG_INTERFACE_MAX 16u

/* Of a checked configuration's value, with this port; how many. */
unsigned config_interface_addresses(const char *interface, uint16_t port,
    struct endpoint endpoints_out[CONFIG_INTERFACE_MAX]);

#endif
