/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/scopes.h"

#include <stdlib.h>
#include <string.h>

#define RECENT_MAX 64u

struct scope {
	char *text; /* NULL: free */
	uint32_t uses;
	uint16_t next_free;
};

struct scopes {
	struct scope *all; /* the first is none */
	unsigned size, cap;
	uint16_t free;
	uint16_t recent[RECENT_MAX]; /* used last first */
	unsigned recent_count;
};

struct scopes *
scopes_new(void)
{
	struct scopes *scopes = xcalloc(1, sizeof(*scopes));

	scopes->size = 1;
	return scopes;
}

void
scopes_free(struct scopes **scopes)
{
	struct scopes *s = *scopes;
	unsigned i;

	if (!s)
		return;
	for (i = 1; i < s->size; i++)
		free(s->all[i].text);
	free(s->all);
	free(s);
	*scopes = NULL;
}

/* Where it is in `recent`; recent_count: nowhere. */
static unsigned
find_number(const struct scopes *scopes, uint16_t number)
{
	unsigned i;

	for (i = 0; i < scopes->recent_count; i++)
		if (scopes->recent[i] == number)
			break;
	return i;
}

static unsigned
find_text(const struct scopes *scopes, const char *text)
{
	unsigned i;

	for (i = 0; i < scopes->recent_count; i++)
		if (strcmp(scopes->all[scopes->recent[i]].text, text) == 0)
			break;
	return i;
}

/* Puts the number first; what was at `at`, or fell out behind, is gone. */
static void
put_first(struct scopes *scopes, unsigned at, uint16_t number)
{
	if (at == scopes->recent_count) {
		if (scopes->recent_count < RECENT_MAX)
			scopes->recent_count++;
		at = scopes->recent_count - 1;
	}
	memmove(&scopes->recent[1], &scopes->recent[0],
	    at * sizeof(scopes->recent[0]));
	scopes->recent[0] = number;
}

static uint16_t
take_free(struct scopes *scopes)
{
	uint16_t number = scopes->free;

	if (number) {
		scopes->free = scopes->all[number].next_free;
		return number;
	}
	if (scopes->size > SCOPES_MAX)
		return 0;
	if (scopes->size >= scopes->cap) {
		scopes->cap = MAX(16u, scopes->cap * 2);
		scopes->all =
		    xrealloc(scopes->all, scopes->cap * sizeof(*scopes->all));
	}
	return (uint16_t)scopes->size++;
}

uint16_t
scopes_take(struct scopes *scopes, const char *text)
{
	unsigned at = find_text(scopes, text);
	uint16_t number;

	if (at < scopes->recent_count) {
		number = scopes->recent[at];
		scopes->all[number].uses++;
	} else {
		number = take_free(scopes);
		if (!number)
			return 0;
		scopes->all[number] =
		    (struct scope){ .text = xstrdup(text), .uses = 1 };
	}
	put_first(scopes, at, number);
	return number;
}

static void
forget_recent(struct scopes *scopes, uint16_t number)
{
	unsigned at = find_number(scopes, number);

	if (at == scopes->recent_count)
		return;
	scopes->recent_count--;
	memmove(&scopes->recent[at], &scopes->recent[at + 1],
	    (scopes->recent_count - at) * sizeof(scopes->recent[0]));
}

void
scopes_release(struct scopes *scopes, uint16_t *number)
{
	uint16_t released = *number;
	struct scope *scope;

	*number = 0;
	if (released == 0)
		return;
	scope = &scopes->all[released];
	if (--scope->uses > 0)
		return;
	forget_recent(scopes, released);
	free(scope->text);
	scope->text = NULL;
	scope->next_free = scopes->free;
	scopes->free = released;
}

const char *
scopes_text(const struct scopes *scopes, uint16_t number)
{
	return number ? scopes->all[number].text : NULL;
}
