/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring_rig - a ring in private memory, whose cursors and bytes a test sees and
 * damages.
 */
#ifndef TESTS_UNIT_SHM_RING_RIG_H
#define TESTS_UNIT_SHM_RING_RIG_H

#include "common/shm/ring.h"

#define CAPACITY 65536

extern _Atomic uint64_t head, sent, tail;
extern uint8_t data[CAPACITY];
extern struct ring ring; /* both ends of it */

/* Empty, for tcase_add_checked_fixture(). */
void ring_rig_setup(void);

/* Of a session's message. */
struct frame_id message_id(uint32_t slot);

#endif
