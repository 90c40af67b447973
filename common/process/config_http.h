/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_http - what the options of HTTP amount to: where is listened for it,
 * and whether the metrics may be told there.
 */
#ifndef COMMON_PROCESS_CONFIG_HTTP_H
#define COMMON_PROCESS_CONFIG_HTTP_H

#include "common/base/base.h"

struct config;
struct endpoint;

/* Where HTTP is listened for: of IPv4 if the address is an IPv4 one that is
 * mapped into IPv6. -EINVAL: what is given is no address. */
MUST_CHECK int config_http_endpoint(const struct config *config,
    struct endpoint *endpoint_out);
/* What must be given before the metrics are told beyond the loopback, in
 * options' names; NULL: nothing, or it is a loopback address. */
const char *config_http_lacks(const struct config *config);

#endif
