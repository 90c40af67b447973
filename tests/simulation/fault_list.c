/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulation/fault_list.h"

#include "common/shm/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define POINTS_MAX 512u /* more than there are */

struct point {
	const char *function, *what;
	unsigned passed;
};

static struct point points[POINTS_MAX];
static unsigned point_count;
static const struct point *last;
static bool is_printed;

static void
pass(const char *function, const char *what)
{
	struct point *point = points;

	while (point < points + point_count &&
	       (point->function != function || point->what != what))
		point++;
	if (point == points + point_count) {
		CHECK(point_count < POINTS_MAX);
		points[point_count++] = (struct point){ function, what, 0 };
	}
	point->passed++;
	last = point;
}

void
fault_list_print(void)
{
	is_printed = true;
}

void
fault_list_count(bool is_upstream)
{
	shm_kill_point = is_printed && is_upstream ? pass : NULL;
}

void
fault_list_killed(bool in_work)
{
	if (is_printed && in_work && last)
		printf("kill %u %s: %s\n", last->passed, last->function,
		    last->what);
	point_count = 0; /* its successor has passed none */
	last = NULL;
}

void
fault_list_reset(uint64_t bytes)
{
	if (is_printed)
		printf("reset %" PRIu64 "\n", bytes);
}
