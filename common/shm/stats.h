/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats - counters; a row a process, one writer each, summed by the reader.
 *
 * stats.def has a row per counter: name and help text. A process attaches its
 * row once; before that, additions go to a private row. The rows lie in the
 * processes' pages (process_page.h).
 */
#ifndef COMMON_SHM_STATS_H
#define COMMON_SHM_STATS_H

#include "common/base/base.h"

struct region;

enum statistic {
#define STAT(symbol, help) STAT_##symbol,
#include "common/shm/stats.def"
#undef STAT
	STAT_COUNT
};

/* The row of a worker is that of its partition; behind them, for so many
 * partitions:
 */
#define STATS_ROW_MASTER(partitions)   (partitions)
#define STATS_ROW_CONTROL(partitions)  ((partitions) + 1)
#define STATS_ROW_UPSTREAM(partitions) ((partitions) + 2)

void stats_attach(struct region *region, uint32_t row);
/* Nobody sees what this process counts from now on. */
void stats_detach(void);
void stats_add(enum statistic stat, uint64_t count);
void stats_set(enum statistic stat, uint64_t value);
uint64_t stats_read(struct region *region, uint32_t row, enum statistic stat);
uint64_t stats_sum(struct region *region, enum statistic stat);

/* Adds a departed worker's row to the master's and clears it. */
void stats_fold(struct region *region, uint32_t row);

const char *
stats_name(enum statistic stat); /* lower case, as counters are shown */
/* It can fall; a sum over processes is of those that live. */
bool stats_is_gauge(enum statistic stat);
const char *stats_help(enum statistic stat);
/* The name under which it is shown, lower case: its own or, with labels as
 * Prometheus has them between braces, that of its family, whose rows follow
 * one another and have one help text. "": none. */
const char *stats_family(enum statistic stat);
const char *stats_labels(enum statistic stat);

#endif
