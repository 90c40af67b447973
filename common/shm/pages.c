/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/pages.h"

#include <sys/mman.h>

#define PAGE 4096u

bool
pages_give_back(void *section, uint64_t from, uint64_t to)
{
	uintptr_t base = (uintptr_t)section;
	uintptr_t first = align_up(base + from, PAGE);
	uintptr_t end = (base + to) & ~(uintptr_t)(PAGE - 1);

	if (first >= end)
		return true;
	return madvise((uint8_t *)section + (first - base), end - first,
		   MADV_REMOVE) == 0;
}
