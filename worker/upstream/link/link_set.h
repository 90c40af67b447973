/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_set - pure policy: which link carries which lane (DELIVERY.md §3).
 *
 * Every lane has a home link (lane modulo the number of links), so all lanes
 * are spread evenly when all links are up. While its home is away a lane stays
 * with the least loaded link; when the home comes back the lane returns. A lane
 * leaves a living link in order: nothing new goes out, what was sent is
 * confirmed (link_set_settled()), then the lane goes on elsewhere.
 *
 *   homeless --a link joins--> carried --home joins, retire--> leaving
 *      ^                        |   ^                             |
 *      +---- last link lost ----+   +----- settled, link lost ----+
 *
 * No fd, no clock.
 */
#ifndef WORKER_UPSTREAM_LINK_LINK_SET_H
#define WORKER_UPSTREAM_LINK_LINK_SET_H

#include "common/base/base.h"
#include "common/shm/region.h"

#define LINK_NONE (-1)

struct link_set {
	unsigned link_count;
	uint32_t joined;   /* links that may carry lanes */
	uint32_t retiring; /* of these: lanes are to leave */
	int8_t holder[LANE_COUNT];
	uint32_t leaving; /* lanes */
};

/* link_count: 1..LINKS_MAX. */
void link_set_init(struct link_set *set, unsigned link_count);

/* A predecessor's: these links are up, some of them retiring, and have the
 * lanes that they had. The others' go on elsewhere at once. */
void link_set_take_over(struct link_set *set, uint32_t joined,
    uint32_t retiring, const int8_t holders[LANE_COUNT]);

/* Another number: lanes whose new home is up begin to go there. Links beyond
 * the number keep the others until they retire. */
void link_set_resize(struct link_set *set, unsigned link_count);

/* The link is up: takes the homeless lanes; its own lanes begin to return. */
void link_set_join(struct link_set *set, unsigned link);

/* The link is dead: its lanes go on elsewhere at once, or are homeless. */
void link_set_lose(struct link_set *set, unsigned link);

/* The link's lanes begin to leave. False, and nothing happens, when there is
 * no other link to go to. */
bool link_set_retire(struct link_set *set, unsigned link);

/* All that the lane sent on its link is confirmed: a leaving lane moves. True
 * when it did. */
bool link_set_settled(struct link_set *set, unsigned lane);

/* The link that may be given new bytes of the lane, or LINK_NONE. */
int link_set_carrier(const struct link_set *set, unsigned lane);

/* The link that has the lane, leaving or not, or LINK_NONE. */
int link_set_holder(const struct link_set *set, unsigned lane);

bool link_set_is_leaving(const struct link_set *set, unsigned lane);

/* Lanes held by the link, as a mask. */
uint32_t link_set_lanes(const struct link_set *set, unsigned link);

#endif
