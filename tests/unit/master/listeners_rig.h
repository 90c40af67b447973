/* SPDX-License-Identifier: Apache-2.0 */
/* listeners_rig - what the tests of the listening sockets have in common. */
#ifndef TESTS_UNIT_MASTER_LISTENERS_RIG_H
#define TESTS_UNIT_MASTER_LISTENERS_RIG_H

#include "common/process/config.h"
#include "master/listeners.h"

extern struct listeners listeners;
extern char said[LISTENERS_WHY_MAX]; /* why want() failed */

/* Closes all of them. */
void listeners_rig_end(void);
uint16_t port_of(int fd);
/* Settings with a free port for each kind of stream. */
struct config_client both_kinds(char *interface);
/* As listeners_want(). */
int want(const struct config_client *client, unsigned workers);

#endif
