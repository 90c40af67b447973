/* SPDX-License-Identifier: Apache-2.0 */
/* Books about messages and requests whose id is "num-N", and a source of such
 * messages. */
#include "tests/support/fake_openfire/fake.h"

#include "common/base/steady_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX     "num-"
#define NUMBER_MAX 1000000
#define BACKLOG    262144 /* bytes waiting on a link before the source rests */

static struct numbered *
numbered_get(struct fake *fake, const char *jid)
{
	struct numbered *numbered;

	list_each(at, &fake->numbered[hash_text(jid) % NUMBERED_ROWS])
	{
		numbered = container_of(at, struct numbered, in_fake);
		if (!strcmp(numbered->jid, jid))
			return numbered;
	}
	numbered = xcalloc(1, sizeof(*numbered));
	numbered->jid = xstrdup(jid);
	numbered->last = -1;
	list_append(&fake->numbered[hash_text(jid) % NUMBERED_ROWS],
	    &numbered->in_fake);
	return numbered;
}

long
numbers_of(const char *id)
{
	long number;

	if (strncmp(id, PREFIX, strlen(PREFIX)) != 0)
		return -1;
	number = strtol(id + strlen(PREFIX), NULL, 10);
	return number < NUMBER_MAX ? number : -1;
}

void *
numbers_cell(struct buf *cells, long number, size_t size)
{
	size_t end = ((size_t)number + 1) * size, len = buf_len(cells);

	if (len < end) {
		memset(buf_reserve(cells, end - len), 0, end - len);
		buf_wrote(cells, end - len);
	}
	return cells->data + end - size;
}

/* Time passes within a turn of the loop, too: not the loop's own clock. */
static void
note_time(struct fake *fake)
{
	uint64_t now = (uint64_t)(steady_clock_s() * 1e6);

	if (fake->numbered_at_us &&
	    now - fake->numbered_at_us > fake->silence.length_us)
		fake->silence =
		    (struct silence){ now - fake->numbered_at_us, now };
	fake->numbered_at_us = now;
}

struct silence
numbers_take_silence(struct fake *fake)
{
	struct silence silence = fake->silence;

	fake->silence = (struct silence){ 0, 0 };
	return silence;
}

void
numbers_note(struct link *link, const char *jid, const char *id)
{
	struct arrival arrival = { link->number, link->barriers };
	struct fake *fake = link->fake;
	struct numbered *numbered;
	long number = numbers_of(id);

	if (number < 0)
		return;
	note_time(fake);
	numbered = numbered_get(fake, jid);
	fake->stats.numbered_up++;
	++*(uint8_t *)numbers_cell(&numbered->seen, number, 1);
	memcpy(numbers_cell(&numbered->came, number, sizeof(arrival)), &arrival,
	    sizeof(arrival));
	numbered->disorder += number < numbered->last;
	numbered->last = number;
}

void
numbers_left(struct fake *fake, const char *jid, const char *id)
{
	uint16_t via = (uint16_t)fake->packet_link;
	struct item item = { .number = numbers_of(id) };

	if (item.number < 0)
		return;
	item.numbered = numbered_get(fake, jid);
	memcpy(numbers_cell(&item.numbered->via, item.number, sizeof(via)),
	    &via, sizeof(via));
	if (!fake->packet_item) {
		numbers_unreached(&item);
		return;
	}
	fake->packet_item->numbered = item.numbered;
	fake->packet_item->number = item.number;
}

void
numbers_unreached(const struct item *item)
{
	if (item->numbered)
		*(uint8_t *)numbers_cell(&item->numbered->unreached,
		    item->number, 1) = 1;
}

/* [first number, link] of each run by one link. */
static void
report_via(const struct buf *via, struct buf *out)
{
	uint16_t last = 0, link;

	(void)buf_append_str(out, "\"via\": [");
	for (size_t at = 0; at < buf_len(via) / sizeof(link); at++) {
		memcpy(&link, via->data + at * sizeof(link), sizeof(link));
		if (at && link == last)
			continue;
		last = link;
		(void)buf_printf(out, "%s[%zu, %u]", at ? ", " : "", at, link);
	}
	(void)buf_append_str(out, "], ");
}

/* [first number, link, barriers] of each run read behind the same one. */
static void
report_came(const struct buf *came, struct buf *out)
{
	struct arrival last = { 0, 0 }, now;

	(void)buf_append_str(out, "\"came\": [");
	for (size_t at = 0; at < buf_len(came) / sizeof(now); at++) {
		memcpy(&now, came->data + at * sizeof(now), sizeof(now));
		if (at && !memcmp(&now, &last, sizeof(now)))
			continue;
		last = now;
		(void)buf_printf(out, "%s[%zu, %u, %u]", at ? ", " : "", at,
		    now.link, now.barriers);
	}
	(void)buf_append_str(out, "], ");
}

/* The numbers whose byte is, or is not, 0. */
static void
report_numbers_where(const char *name, const struct buf *bytes, bool zero,
    struct buf *out)
{
	const char *comma = "";

	(void)buf_printf(out, "\"%s\": [", name);
	for (size_t at = 0; at < buf_len(bytes); at++) {
		if (zero == (bytes->data[at] != 0))
			continue;
		(void)buf_printf(out, "%s%zu", comma, at);
		comma = ", ";
	}
	(void)buf_append_str(out, "], ");
}

static void
report_one(const struct numbered *numbered, struct buf *out)
{
	size_t len = buf_len(&numbered->seen);
	int64_t twice = 0;

	report_string(out, numbered->jid);
	(void)buf_printf(out, ": {\"count\": %zu, ", len);
	report_via(&numbered->via, out);
	report_came(&numbered->came, out);
	report_numbers_where("missing", &numbered->seen, true, out);
	report_numbers_where("unreached", &numbered->unreached, false, out);
	for (size_t at = 0; at < len; at++)
		twice += numbered->seen.data[at] > 1;
	(void)buf_printf(out, "\"twice\": %lld, \"disorder\": %lld}",
	    (long long)twice, (long long)numbered->disorder);
}

void
numbers_report(struct fake *fake, struct buf *out)
{
	const char *comma = "";

	(void)buf_append_char(out, '{');
	for (size_t row = 0; row < NUMBERED_ROWS; row++) {
		list_each(at, &fake->numbered[row])
		{
			(void)buf_append_str(out, comma);
			comma = ", ";
			report_one(container_of(at, struct numbered, in_fake),
			    out);
		}
	}
	(void)buf_append_char(out, '}');
}

/* As the books know it. */
static void
note_round(struct fake *fake, const struct session *session)
{
	char id[32];

	snprintf(id, sizeof(id), PREFIX "%lld", (long long)fake->job.next);
	deliveries_sent(fake, session->jid, id);
	fake->stats.numbered_down++;
}

static void
send_round(struct fake *fake, struct manager *manager)
{
	struct buf text;

	buf_init(&text, 0);
	list_each(at, &manager->sessions)
	{
		struct session *session =
		    container_of(at, struct session, of_manager);

		if (!session->resource || session->gone)
			continue;
		buf_reset(&text);
		(void)buf_printf(&text,
		    "<message from=\"load@%s/fake\" id=\"" PREFIX
		    "%lld\" type=\"chat\"",
		    fake->domain, (long long)fake->job.next);
		chunk_append_attribute(&text, "to", session->jid);
		(void)buf_append_str(&text, "><body>");
		for (size_t i = 0; i < fake->job.size; i++)
			(void)buf_append_char(&text, 'x');
		(void)buf_append_str(&text, "</body></message>");
		note_round(fake, session);
		session_send(fake, session, buf_bytes(&text), buf_len(&text));
	}
	buf_destroy(&text);
}

static bool
is_backed_up(struct fake *fake)
{
	list_each(at,
	    &fake->links) if (buf_len(&container_of(at, struct link, in_fake)
					   ->out) > BACKLOG) return true;
	return false;
}

void
numbers_job(struct fake *fake)
{
	struct numbered_job *job = &fake->job;

	if (!job->active || is_backed_up(fake) ||
	    ev_now(fake->loop) < job->next_at)
		return;
	job->next_at = ev_now(fake->loop) + job->interval;
	list_each(at, &fake->managers)
	    send_round(fake, container_of(at, struct manager, in_fake));
	job->active = ++job->next < job->count;
}
