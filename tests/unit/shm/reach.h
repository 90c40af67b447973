/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reach - what this process can do with memory and files that it may have been
 * left without: for a child of a test, which reach_begin() makes survive the
 * faults.
 */
#ifndef TESTS_UNIT_SHM_REACH_H
#define TESTS_UNIT_SHM_REACH_H

#include <stdbool.h>

/* From now on a fault ends the attempt and not the process. */
void reach_begin(void);

/* True when the byte there can be read, or be written to; it stays as it is. */
bool reach_can_read(const void *at);
bool reach_can_write(void *at);

/* True when a descriptor is open whose file's name has this in it. */
bool reach_has_open(const char *name);

#endif
