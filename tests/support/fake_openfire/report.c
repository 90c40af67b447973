/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that answer with a line of JSON. */
#include "tests/support/fake_openfire/fake.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	size_t offset;
} counters[] = {
#define STAT(name) { #name, offsetof(struct stats, name) },
#include "tests/support/fake_openfire/stats.def"
#undef STAT
};

int64_t *
fake_counter(struct fake *fake, const char *name)
{
	for (size_t at = 0; at < ARRAY_LEN(counters); at++)
		if (!strcmp(counters[at].name, name))
			return (int64_t *)(void *)((char *)&fake->stats +
						   counters[at].offset);
	return NULL;
}

bool
report_stats(struct fake *fake, char *rest)
{
	(void)rest;
	printf("{");
	for (size_t at = 0; at < ARRAY_LEN(counters); at++)
		printf("%s\"%s\": %lld", at ? ", " : "", counters[at].name,
		    (long long)*fake_counter(fake, counters[at].name));
	puts("}");
	fflush(stdout);
	return true;
}

void
report_string(struct buf *out, const char *text)
{
	(void)buf_append_char(out, '"');
	for (; *text; text++) {
		if (strchr("\"\\", *text))
			(void)buf_append_char(out, '\\');
		if ((unsigned char)*text < ' ')
			(void)buf_printf(out, "\\u%04x", (unsigned)*text);
		else
			(void)buf_append_char(out, *text);
	}
	(void)buf_append_char(out, '"');
}

static void
append_list(struct buf *out)
{
	(void)buf_append_str(out, "]\n");
	(void)fwrite(buf_bytes(out), 1, buf_len(out), stdout);
	fflush(stdout);
	buf_destroy(out);
}

bool
report_links(struct fake *fake, char *rest)
{
	const char *comma = "";
	struct buf out;

	(void)rest;
	buf_init(&out, 0);
	(void)buf_append_char(&out, '[');
	list_each(at, &fake->links)
	{
		struct link *link = container_of(at, struct link, in_fake);

		if (link->dead)
			continue;
		(void)buf_printf(&out,
		    "%s{\"number\": %u, \"address\": ", comma, link->number);
		report_string(&out, link->address ? link->address : "");
		(void)buf_printf(&out,
		    ", \"ready\": %s, \"secured\": %s, \"waiting\": %zu, "
		    "\"barriers\": %u}",
		    link->phase == LINK_READY ? "true" : "false",
		    link->secured ? "true" : "false", buf_len(&link->out),
		    link->barriers);
		comma = ", ";
	}
	append_list(&out);
	return true;
}

static void
report_session(const struct session *session, struct buf *out)
{
	(void)buf_append_str(out, "{\"id\": ");
	report_string(out, session->streamid);
	(void)buf_append_str(out, ", \"jid\": ");
	report_string(out, session->jid);
	(void)buf_append_str(out, ", \"manager\": ");
	report_string(out, session->manager->name);
	(void)buf_append_str(out, ", \"host\": ");
	report_string(out, session->host);
	(void)buf_printf(out, ", \"bound\": %s, \"up_link\": %u}",
	    session->resource ? "true" : "false", session->up_link);
}

bool
report_sessions(struct fake *fake, char *rest)
{
	const char *comma = "";
	struct buf out;

	(void)rest;
	buf_init(&out, 0);
	(void)buf_append_char(&out, '[');
	list_each(at, &fake->managers)
	{
		struct manager *manager =
		    container_of(at, struct manager, in_fake);

		list_each(to, &manager->sessions)
		{
			(void)buf_append_str(&out, comma);
			report_session(container_of(to, struct session,
					   of_manager),
			    &out);
			comma = ", ";
		}
	}
	append_list(&out);
	return true;
}

bool
report_judge(struct fake *fake, char *rest)
{
	bool text = false;

	(void)rest;
	printf("{\"chunks\": %lld, \"foreign\": %lld, \"unparsable\": %lld, "
	       "\"killed\": %lld, \"unsafe\": %lld, \"odd\": %lld, "
	       "\"lines\": [",
	    (long long)fake->stats.chunks, (long long)fake->stats.foreign,
	    (long long)fake->stats.unparsable, (long long)fake->stats.killed,
	    (long long)fake->stats.unsafe, (long long)fake->stats.odd);
	for (size_t at = 0; at < buf_len(&fake->judgement); at++) {
		char byte = (char)buf_bytes(&fake->judgement)[at];

		if (!text)
			printf("%s\"", at ? ", " : "");
		text = byte != '\n';
		if (!text)
			putchar('"');
		else if (strchr("\"\\", byte))
			printf("\\%c", byte);
		else
			putchar(byte);
	}
	puts("]}");
	fflush(stdout);
	return true;
}

bool
report_deliveries(struct fake *fake, char *rest)
{
	struct buf out;

	(void)rest;
	buf_init(&out, 0);
	deliveries_report(fake, &out);
	(void)fwrite(buf_bytes(&out), 1, buf_len(&out), stdout);
	puts("");
	buf_destroy(&out);
	fflush(stdout);
	return true;
}

bool
report_numbers(struct fake *fake, char *rest)
{
	struct buf out;

	(void)rest;
	buf_init(&out, 0);
	numbers_report(fake, &out);
	printf("%.*s", (int)buf_len(&out), (const char *)buf_bytes(&out));
	puts("");
	buf_destroy(&out);
	fflush(stdout);
	return true;
}
