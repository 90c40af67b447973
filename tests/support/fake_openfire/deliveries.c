/* SPDX-License-Identifier: Apache-2.0 */
/* Books about the numbered messages that each session was sent, and those of
 * them that its manager has returned. */
#include "tests/support/fake_openfire/fake.h"

#include <stdlib.h>
#include <string.h>

static struct delivered *
delivered_get(struct fake *fake, const char *jid)
{
	struct list *row = &fake->delivered[hash_text(jid) % NUMBERED_ROWS];
	struct delivered *delivered;

	list_each(at, row)
	{
		delivered = container_of(at, struct delivered, in_fake);
		if (!strcmp(delivered->jid, jid))
			return delivered;
	}
	delivered = xcalloc(1, sizeof(*delivered));
	delivered->jid = xstrdup(jid);
	list_append(row, &delivered->in_fake);
	return delivered;
}

void
deliveries_sent(struct fake *fake, const char *jid, const char *id)
{
	long number = numbers_of(id);

	if (number >= 0)
		++*(uint8_t *)numbers_cell(&delivered_get(fake, jid)->sent,
		    number, 1);
}

void
deliveries_returned(struct fake *fake, const char *jid, const char *id)
{
	struct delivered *delivered = delivered_get(fake, jid);
	long number = id ? numbers_of(id) : -1;

	if (number < 0)
		return;
	++*(uint8_t *)numbers_cell(&delivered->returned, number, 1);
	delivered->disorder += number < delivered->last;
	delivered->last = number;
}

/* [first, last] of each run of those that are not 0. */
static void
report_runs(const char *name, const struct buf *bytes, struct buf *out)
{
	const char *comma = "";
	size_t len = buf_len(bytes), first;

	(void)buf_printf(out, "\"%s\": [", name);
	for (size_t at = 0; at < len; at++) {
		if (!bytes->data[at])
			continue;
		first = at;
		while (at + 1 < len && bytes->data[at + 1])
			at++;
		(void)buf_printf(out, "%s[%zu, %zu]", comma, first, at);
		comma = ", ";
	}
	(void)buf_append_str(out, "], ");
}

static void
report_one(const struct delivered *delivered, struct buf *out)
{
	long long twice = 0;

	report_string(out, delivered->jid);
	(void)buf_append_str(out, ": {");
	report_runs("sent", &delivered->sent, out);
	report_runs("returned", &delivered->returned, out);
	for (size_t at = 0; at < buf_len(&delivered->returned); at++)
		twice += delivered->returned.data[at] > 1;
	(void)buf_printf(out, "\"twice\": %lld, \"disorder\": %lld}", twice,
	    (long long)delivered->disorder);
}

void
deliveries_report(struct fake *fake, struct buf *out)
{
	const char *comma = "";

	(void)buf_append_char(out, '{');
	for (size_t row = 0; row < NUMBERED_ROWS; row++) {
		list_each(at, &fake->delivered[row])
		{
			(void)buf_append_str(out, comma);
			comma = ", ";
			report_one(container_of(at, struct delivered, in_fake),
			    out);
		}
	}
	(void)buf_append_char(out, '}');
}
