/* SPDX-License-Identifier: Apache-2.0 */
#include "common/xmpp/sorted_names.h"

#include <string.h>

/* Any order will do, so lengths, which cost nothing, come before bytes. */
static int
compare(const struct sorted_name *a, const struct sorted_name *b)
{
	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	if (a->span.len != b->span.len)
		return a->span.len < b->span.len ? -1 : 1;
	return a->span.len ? memcmp(a->span.text, b->span.text, a->span.len)
			   : 0;
}

/* How many are not behind it: the last of these is the same, or none is. Of
 * the same ones the newest is last. */
static uint32_t
place_behind(const struct sorted_names *names, const struct sorted_name *name)
{
	uint32_t low = 0, high = names->count, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (compare(&names->all[names->order[middle]], name) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint32_t
same_before(const struct sorted_names *names, uint32_t place,
    const struct sorted_name *name)
{
	uint32_t number;

	if (place == 0)
		return SORTED_NAMES_NONE;
	number = names->order[place - 1];
	return compare(&names->all[number], name) == 0 ? number
						       : SORTED_NAMES_NONE;
}

uint32_t
sorted_names_find(const struct sorted_names *names, struct canonical_span span,
    uint32_t group)
{
	const struct sorted_name name = { span, group };

	return same_before(names, place_behind(names, &name), &name);
}

bool
sorted_names_add(struct sorted_names *names, struct canonical_span span,
    uint32_t group, uint32_t *same_out)
{
	const struct sorted_name name = { span, group };
	uint32_t place = place_behind(names, &name);

	*same_out = same_before(names, place, &name);
	if (names->count == SORTED_NAMES_MAX)
		return false;
	memmove(&names->order[place + 1], &names->order[place],
	    (names->count - place) * sizeof(names->order[0]));
	names->order[place] = (uint16_t)names->count;
	names->all[names->count++] = name;
	return true;
}

void
sorted_names_cut(struct sorted_names *names, uint32_t count)
{
	uint32_t behind;

	while (names->count > count) {
		behind = place_behind(names, &names->all[names->count - 1]);
		memmove(&names->order[behind - 1], &names->order[behind],
		    (names->count - behind) * sizeof(names->order[0]));
		names->count--;
	}
}
