/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pages - gives memory of the region back that a burst touched.
 *
 * The region costs what was ever written to; a queue that is empty again
 * reports so by this. What is given back reads as zero and comes anew when
 * touched.
 */
#ifndef COMMON_SHM_PAGES_H
#define COMMON_SHM_PAGES_H

#include "common/base/base.h"

/* The whole pages within bytes from..to of `section`, which must be mapped
 * shared and writable. False, and nothing has changed, when the system will
 * not (private memory of a test). */
bool pages_give_back(void *section, uint64_t from, uint64_t to);

#endif
