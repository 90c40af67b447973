/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_live - how many sessions a ledger holds for alive. */
#ifndef TESTS_SUPPORT_REGION_LEDGER_LIVE_H
#define TESTS_SUPPORT_REGION_LEDGER_LIVE_H

#include "common/shm/ledger.h"

static inline uint32_t
ledger_live_count(const struct ledger *ledger)
{
	uint32_t row, rows = ledger_row_count(ledger), count = 0;
	struct ledger_entry entry;

	for (row = 0; row < rows; row++)
		count += ledger_is_live(ledger, row, &entry);
	return count;
}

#endif
