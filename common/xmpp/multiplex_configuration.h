/* SPDX-License-Identifier: Apache-2.0 */
/*
 * multiplex_configuration - reads what a server announces of itself: features
 * of a link, and the configuration for clients (PROTOCOL.md §4). Only for
 * multiplex_decode.c; any element is accepted, what makes no sense is not set.
 */
#ifndef COMMON_XMPP_MULTIPLEX_CONFIGURATION_H
#define COMMON_XMPP_MULTIPLEX_CONFIGURATION_H

#include "common/xmpp/multiplex.h"

/* item, configuration: all zero. */
void multiplex_read_features(const struct element *element,
    struct multiplex_item *item);
void multiplex_read_configuration(const struct element *element,
    struct multiplex_configuration *configuration);

#endif
