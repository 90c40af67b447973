/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/stats.h"

#include "common/shm/process_page_layout.h"
#include "common/shm/region.h"

#include <ctype.h>

struct stats_row {
	_Atomic uint64_t counters[STAT_COUNT];
};

_Static_assert(sizeof(struct stats_row) <= PROCESS_COUNTERS_BYTES,
    "the counters begin the process's page");

static struct stats_row private_row;
static struct stats_row *own = &private_row;

void
stats_attach(struct region *region, uint32_t row)
{
	own = region_section(region, REGION_STATS, row);
	CHECK(own);
}

void
stats_detach(void)
{
	own = &private_row;
}

/* One writer a row: a load and a store are enough. */
void
stats_add(enum statistic stat, uint64_t count)
{
	_Atomic uint64_t *counter = &own->counters[stat];

	atomic_store_explicit(counter,
	    atomic_load_explicit(counter, memory_order_relaxed) + count,
	    memory_order_relaxed);
}

void
stats_set(enum statistic stat, uint64_t value)
{
	atomic_store_explicit(&own->counters[stat], value,
	    memory_order_relaxed);
}

uint64_t
stats_read(struct region *region, uint32_t row, enum statistic stat)
{
	struct stats_row *stats = region_section(region, REGION_STATS, row);

	return stats ? atomic_load_explicit(&stats->counters[stat],
			   memory_order_relaxed)
		     : 0;
}

static uint32_t
row_count(const struct region *region)
{
	return region_geometry(region)->partition_count + REGION_PROCESS_MAX;
}

uint64_t
stats_sum(struct region *region, enum statistic stat)
{
	uint32_t rows = row_count(region), row;
	uint64_t sum = 0;

	for (row = 0; row < rows; row++)
		sum += stats_read(region, row, stat);
	return sum;
}

/* How many there are now dies with the process; how many there were stays. */
bool
stats_is_gauge(enum statistic stat)
{
	return stat == STAT_CLIENTS_OPEN || stat == STAT_LINKS_UP ||
	       stat == STAT_PAUSE_UNCONFIRMED ||
	       stat == STAT_UNCONFIRMED_BYTES || stat == STAT_UNSENT_BYTES ||
	       stat == STAT_TLS_WAITING || stat == STAT_TLS_UNDER_WAY;
}

void
stats_fold(struct region *region, uint32_t row)
{
	struct stats_row *from = region_section(region, REGION_STATS, row);
	struct stats_row *into = region_section(region, REGION_STATS,
	    STATS_ROW_MASTER(region_geometry(region)->partition_count));
	int stat;

	CHECK(from && into);
	for (stat = 0; stat < STAT_COUNT; stat++) {
		uint64_t value = atomic_exchange(&from->counters[stat], 0);

		if (!stats_is_gauge((enum statistic)stat))
			atomic_fetch_add(&into->counters[stat], value);
	}
}

static const char *
lower_case(const char *symbol)
{
	static char name[64];
	size_t i;

	for (i = 0; i < sizeof(name) - 1 && symbol[i]; i++)
		name[i] = (char)tolower((unsigned char)symbol[i]);
	name[i] = '\0';
	return name;
}

const char *
stats_name(enum statistic stat)
{
	static const char *const symbols[STAT_COUNT] = {
#define STAT(symbol, help) [STAT_##symbol] = #symbol,
#include "common/shm/stats.def"
#undef STAT
	};

	return lower_case(symbols[stat]);
}

const char *
stats_help(enum statistic stat)
{
	static const char *const help[STAT_COUNT] = {
#define STAT(symbol, text) [STAT_##symbol] = text,
#include "common/shm/stats.def"
#undef STAT
	};

	return help[stat];
}

static const struct {
	const char *family, *labels;
} shown[STAT_COUNT] = {
#define STAT(symbol, help) [STAT_##symbol] = { #symbol, "" },
#define STAT_LABELLED(symbol, family, labels, help) \
	[STAT_##symbol] = { #family, labels },
#include "common/shm/stats.def"
#undef STAT
};

const char *
stats_family(enum statistic stat)
{
	return lower_case(shown[stat].family);
}

const char *
stats_labels(enum statistic stat)
{
	return shown[stat].labels;
}
