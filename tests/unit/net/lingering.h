/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lingering - a descriptor that harms who closes it last: a connection with
 * unsent bytes and SO_LINGER, whose close() waits for a peer that never reads.
 */
#ifndef TESTS_UNIT_NET_LINGERING_H
#define TESTS_UNIT_NET_LINGERING_H

/* Longer than any of these tests may take. */
#define LINGERING_S 600

/* A new one; its peer stays open until the process ends. */
int lingering_new(void);
/* Sends a byte and so many of them, of which the sender keeps none. */
void lingering_send(int socket, unsigned count);

#endif
