/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sorted_names - a stack of names in which one is found by a few comparisons
 * however many there are, and whoever has chosen them: a hash table would need
 * a salt for that. A name has a group; names of two groups are never the same.
 *
 * Numbers count from 0 in the order of adding. Bytes are borrowed. Pure.
 */
#ifndef COMMON_XMPP_SORTED_NAMES_H
#define COMMON_XMPP_SORTED_NAMES_H

#include "common/xmpp/canonical.h"

#define SORTED_NAMES_MAX  1024u
#define SORTED_NAMES_NONE UINT32_MAX

struct sorted_name {
	struct canonical_span span;
	uint32_t group;
};

/* count 0 is empty; the rest need not be initialised. */
struct sorted_names {
	uint32_t count;
	struct sorted_name all[SORTED_NAMES_MAX]; /* by number */
	uint16_t order[SORTED_NAMES_MAX];         /* numbers, sorted */
};

/* The number of the newest that is the same, or SORTED_NAMES_NONE. */
uint32_t sorted_names_find(const struct sorted_names *names,
    struct canonical_span span, uint32_t group);

/* *same_out: the number of the newest before that is the same, or
 * SORTED_NAMES_NONE. False: no room. */
MUST_CHECK bool sorted_names_add(struct sorted_names *names,
    struct canonical_span span, uint32_t group, uint32_t *same_out);

/* Takes the newest ones away until so many are left. */
void sorted_names_cut(struct sorted_names *names, uint32_t count);

#endif
