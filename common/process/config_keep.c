/* SPDX-License-Identifier: Apache-2.0 */
/* What a reload has changed, and what of it must wait for a restart. */
#include "common/process/config.h"

#include "common/base/buf.h"
#include "common/process/config_option.h"

#include <stdlib.h>
#include <string.h>

static bool
same_contents(const struct option *option, const struct config *a,
    const struct config *b)
{
	const struct config_bytes *x = option_peek_contents(option, a);
	const struct config_bytes *y = option_peek_contents(option, b);

	if (!x)
		return true;
	return x->len == y->len &&
	       (x->len == 0 || memcmp(x->bytes, y->bytes, x->len) == 0);
}

/* As a string that the caller frees; NULL: none is given. */
static char *
text_of(const struct option *option, const struct config *config)
{
	char *copy = NULL;
	struct buf text;

	buf_init(&text, 0);
	if (option_text(option, config, &text)) {
		(void)buf_append_char(&text, '\0');
		copy = xstrdup((const char *)buf_bytes(&text));
	}
	if (text.data)
		explicit_bzero(text.data, text.cap);
	buf_destroy(&text);
	return copy;
}

static bool
same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void
drop(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static void
restore(const struct option *option, struct config *next,
    const struct config *current, const char *text)
{
	option_clear(option, next);
	if (text)
		CHECK(option_set(option, next, text) == 0);
	if (next->lines && current->lines)
		next->lines[option - options] =
		    current->lines[option - options];
}

/* One that was made is the same until a restart: whoever got a ticket can use
 * it. */
static void
keep_ticket_key(struct config_client *next, const struct config_client *current)
{
	if (!next->has_ticket_key || !current->has_ticket_key ||
	    next->ticket_key_file.path || current->ticket_key_file.path)
		return;
	memcpy(next->ticket_key, current->ticket_key, TLS_TICKET_KEY_BYTES);
}

void
config_keep(struct config *next, const struct config *current,
    config_change_fn *fn, void *context)
{
	size_t i;

	for (i = 0; i < option_count; i++) {
		const struct option *option = &options[i];
		char *old, *new;

		if (option->type >= OPTION_FOREIGN)
			continue;
		old = text_of(option, current);
		new = text_of(option, next);
		if (!same_text(old, new) ||
		    !same_contents(option, next, current)) {
			fn(context, option->path, option->live);
			if (!option->live)
				restore(option, next, current, old);
		}
		drop(old);
		drop(new);
	}
	keep_ticket_key(&next->client, &current->client);
}
