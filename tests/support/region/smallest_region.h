/* SPDX-License-Identifier: Apache-2.0 */
/* smallest_region - the one of a test that needs no session in it. */
#ifndef TESTS_SUPPORT_REGION_SMALLEST_REGION_H
#define TESTS_SUPPORT_REGION_SMALLEST_REGION_H

#include "tests/support/region/small_region.h"

static struct region *region;

/* For tcase_add_checked_fixture(). */
static inline void
smallest_region_begin(void)
{
	region = small_region(1, 4096);
}

static inline void
smallest_region_end(void)
{
	region_free(&region);
}

#endif
