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

bool
report_links(struct fake *fake, char *rest)
{
	const char *comma = "";

	(void)rest;
	printf("[");
	list_each(at, &fake->links)
	{
		struct link *link = container_of(at, struct link, in_fake);

		if (link->dead)
			continue;
		printf("%s{\"number\": %u, \"address\": \"%s\", "
		       "\"ready\": %s, \"secured\": %s, \"waiting\": %zu, "
		       "\"barriers\": %u}",
		    comma, link->number, link->address ? link->address : "",
		    link->phase == LINK_READY ? "true" : "false",
		    link->secured ? "true" : "false", buf_len(&link->out),
		    link->barriers);
		comma = ", ";
	}
	puts("]");
	fflush(stdout);
	return true;
}

bool
report_sessions(struct fake *fake, char *rest)
{
	const char *comma = "";

	(void)rest;
	printf("[");
	list_each(at, &fake->managers)
	{
		struct manager *manager =
		    container_of(at, struct manager, in_fake);

		list_each(to, &manager->sessions)
		{
			struct session *session =
			    container_of(to, struct session, of_manager);

			printf("%s{\"id\": \"%s\", \"jid\": \"%s\", "
			       "\"manager\": \"%s\", \"bound\": %s, "
			       "\"up_link\": %u}",
			    comma, session->streamid, session->jid,
			    manager->name, session->resource ? "true" : "false",
			    session->up_link);
			comma = ", ";
		}
	}
	puts("]");
	fflush(stdout);
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
