/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_name - what a peer says a host is called, in the one form that is
 * compared: ASCII, lower case, no dot at its end. Pure.
 */
#ifndef COMMON_NET_HOST_NAME_H
#define COMMON_NET_HOST_NAME_H

#include "common/base/base.h"

/* Longest name of a host (RFC 1035), and its NUL. */
#define HOST_NAME_TEXT_MAX 254u

/* False and "": no name of a host, being empty, too long or with a byte that is
 * no letter, digit, hyphen, underscore or dot. Which labels there are is not
 * looked at. */
bool host_name_normalise(const void *bytes, size_t len,
    char host_out[HOST_NAME_TEXT_MAX]);

#endif
