/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_set - which link carries which lane.
 */
#include "worker/upstream/link/link_set.h"

#define BIT(number) (1u << (number))

void
link_set_init(struct link_set *set, unsigned link_count)
{
	CHECK(link_count >= 1 && link_count <= LINKS_MAX);
	*set = (struct link_set){ .link_count = link_count };
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		set->holder[lane] = LINK_NONE;
}

static unsigned
home_of(const struct link_set *set, unsigned lane)
{
	return lane % set->link_count;
}

static unsigned
load_of(const struct link_set *set, unsigned link)
{
	return (unsigned)__builtin_popcount(link_set_lanes(set, link));
}

/* Home if it may carry, else the least loaded link; retiring ones only when
 * there is no other. */
static int
best_for(const struct link_set *set, unsigned lane)
{
	uint32_t eligible = set->joined & ~set->retiring;
	int best = LINK_NONE;

	if (!eligible)
		eligible = set->joined;
	if (eligible & BIT(home_of(set, lane)))
		return (int)home_of(set, lane);
	for (unsigned link = 0; link < LINKS_MAX; link++) {
		if (!(eligible & BIT(link)))
			continue;
		if (best == LINK_NONE ||
		    load_of(set, link) < load_of(set, (unsigned)best))
			best = (int)link;
	}
	return best;
}

void
link_set_resize(struct link_set *set, unsigned link_count)
{
	CHECK(link_count >= 1 && link_count <= LINKS_MAX);
	set->link_count = link_count;
	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		int best = best_for(set, lane);

		if (best == set->holder[lane])
			set->leaving &= ~BIT(lane);
		else if (best == (int)home_of(set, lane))
			set->leaving |= BIT(lane);
	}
}

static void
give(struct link_set *set, unsigned lane, int link)
{
	set->leaving &= ~BIT(lane);
	set->holder[lane] = (int8_t)link;
}

void
link_set_take_over(struct link_set *set, uint32_t joined, uint32_t retiring,
    const int8_t holders[LANE_COUNT])
{
	set->joined = joined;
	set->retiring = retiring;
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		if (holders[lane] >= 0 && holders[lane] < LINKS_MAX &&
		    joined & BIT(holders[lane]))
			give(set, lane, holders[lane]);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		if (set->holder[lane] == LINK_NONE)
			give(set, lane, best_for(set, lane));
		else if (set->holder[lane] != (int)home_of(set, lane) &&
			 joined & BIT(home_of(set, lane)))
			set->leaving |= BIT(lane);
	}
}

void
link_set_join(struct link_set *set, unsigned link)
{
	CHECK(link < LINKS_MAX);
	set->joined |= BIT(link);
	set->retiring &= ~BIT(link);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		if (set->holder[lane] == LINK_NONE)
			give(set, lane, best_for(set, lane));
		else if (best_for(set, lane) != set->holder[lane] &&
			 (home_of(set, lane) == link ||
			     set->retiring & BIT(set->holder[lane])))
			set->leaving |= BIT(lane);
	}
}

void
link_set_lose(struct link_set *set, unsigned link)
{
	CHECK(link < LINKS_MAX);
	set->joined &= ~BIT(link);
	set->retiring &= ~BIT(link);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		if (set->holder[lane] == (int)link)
			give(set, lane, best_for(set, lane));
		else if (set->leaving & BIT(lane) &&
			 best_for(set, lane) == set->holder[lane])
			set->leaving &= ~BIT(lane); /* nowhere to go now */
	}
}

bool
link_set_retire(struct link_set *set, unsigned link)
{
	CHECK(link < LINKS_MAX);
	if (!(set->joined & BIT(link)) ||
	    !(set->joined & ~set->retiring & ~BIT(link)))
		return false;
	set->retiring |= BIT(link);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		if (set->holder[lane] == (int)link &&
		    best_for(set, lane) != (int)link)
			set->leaving |= BIT(lane);
	return true;
}

bool
link_set_settled(struct link_set *set, unsigned lane)
{
	CHECK(lane < LANE_COUNT);
	if (!(set->leaving & BIT(lane)))
		return false;
	give(set, lane, best_for(set, lane));
	return true;
}

int
link_set_carrier(const struct link_set *set, unsigned lane)
{
	CHECK(lane < LANE_COUNT);
	return set->leaving & BIT(lane) ? LINK_NONE : set->holder[lane];
}

int
link_set_holder(const struct link_set *set, unsigned lane)
{
	CHECK(lane < LANE_COUNT);
	return set->holder[lane];
}

bool
link_set_is_leaving(const struct link_set *set, unsigned lane)
{
	CHECK(lane < LANE_COUNT);
	return set->leaving & BIT(lane);
}

uint32_t
link_set_lanes(const struct link_set *set, unsigned link)
{
	uint32_t lanes = 0;

	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		if (set->holder[lane] == (int)link)
			lanes |= BIT(lane);
	return lanes;
}
