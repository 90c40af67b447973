/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_socket - where control answers metrics and health: bound by the master,
 * which may take low ports.
 */
#ifndef MASTER_HTTP_SOCKET_H
#define MASTER_HTTP_SOCKET_H

#include "common/process/config.h"

/* A listening socket; -1 when none is wanted. 0, or -errno after a line in the
 * log. */
MUST_CHECK int http_socket_open(const struct config *config, int *fd_out);

#endif
