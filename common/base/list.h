/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list - intrusive circular doubly linked list.
 *
 * A list is a head whose neighbours are itself when it is empty. A link that is
 * in no list points at itself (list_init), so removing twice is harmless.
 */
#ifndef COMMON_BASE_LIST_H
#define COMMON_BASE_LIST_H

#include "common/base/base.h"

struct list {
	struct list *prev;
	struct list *next;
};

static inline void
list_init(struct list *list)
{
	list->prev = list;
	list->next = list;
}

static inline bool
list_is_empty(const struct list *list)
{
	return list->next == list;
}

static inline void
list_remove(struct list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	list_init(link);
}

static inline void
list_append(struct list *list, struct list *link)
{
	link->prev = list->prev;
	link->next = list;
	list->prev->next = link;
	list->prev = link;
}

/* Moves all links to `to`, whatever it was before. */
static inline void
list_take(struct list *from, struct list *to)
{
	if (list_is_empty(from)) {
		list_init(to);
		return;
	}
	*to = *from;
	to->next->prev = to;
	to->prev->next = to;
	list_init(from);
}

/* The current item may be removed inside the loop. */
#define list_each(item, head) \
	for (struct list *item = (head)->next, *item##_next = item->next; \
	     item != (head); item = item##_next, item##_next = item->next)

#endif
