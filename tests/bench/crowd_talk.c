/* SPDX-License-Identifier: Apache-2.0 */
/* Numbered stanzas between the two of a pair, at a pace. */
#include "tests/bench/crowd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define MOST_AT_ONCE  1000
#define REQUEST_EVERY 16 /* of so many numbers one is an iq request */

static struct {
	ev_io pace;
	uint64_t due;
	unsigned turn;      /* whose it is */
	unsigned unsettled; /* members that wait for an answer */
} talk;

void
member_name(unsigned number, char name_out[64])
{
	snprintf(name_out, 64, "u%05u@%s/r", number, crowd.domain);
}

/* --- what they say --- */

static bool
is_there(const struct member *member)
{
	return member->step == STEP_END && !member->gone;
}

static void
say_number(struct member *member)
{
	unsigned number = member->books.sent++;
	bool request = number % REQUEST_EVERY == REQUEST_EVERY - 1;
	char to[64];

	member_name(member->number ^ 1, to);
	if (request)
		(void)buf_printf(&member->out,
		    "<iq to='%s' id='num-%u' type='get'>"
		    "<query xmlns='urn:example:number'/></iq>",
		    to, number);
	else
		(void)buf_printf(&member->out,
		    "<message to='%s' id='num-%u' type='chat'>"
		    "<body>number %u</body></message>",
		    to, number, number);
	member_flush(member);
}

static void
answer_request(struct member *member, const char *id)
{
	char to[64];

	member_name(member->number ^ 1, to);
	(void)buf_printf(&member->out, "<iq to='%s' id='%s' type='result'/>",
	    to, id);
	member_flush(member);
}

/* The next one in turn that can; false: nobody can. */
static bool
somebody_says(void)
{
	for (unsigned tried = 0; tried < crowd.started; tried++) {
		struct member *member =
		    &crowd.members[talk.turn++ % crowd.started];

		if ((member->number ^ 1) >= crowd.started ||
		    buf_len(&member->out) || !is_there(member) ||
		    !is_there(&crowd.members[member->number ^ 1]))
			continue;
		say_number(member);
		return true;
	}
	return false;
}

static void
on_pace(struct ev_loop *loop, ev_io *io, int events)
{
	uint64_t passed;

	(void)loop;
	(void)events;
	if (read(io->fd, &passed, sizeof(passed)) != sizeof(passed))
		return;
	talk.due = MIN(talk.due + passed, MOST_AT_ONCE);
	while (talk.due > 0 && somebody_says())
		talk.due--;
}

/* Each at a time of its own: libev's timers know whole milliseconds only. */
void
talk_at(double rate)
{
	struct itimerspec pace = { 0 };

	if (!ev_is_active(&talk.pace)) {
		ev_io_init(&talk.pace, on_pace,
		    timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC),
		    EV_READ);
		CHECK(talk.pace.fd >= 0);
		ev_io_start(crowd.loop, &talk.pace);
	}
	talk.due = 0;
	if (rate > 0) {
		pace.it_interval.tv_sec = (time_t)(1 / rate);
		pace.it_interval.tv_nsec =
		    (long)((1 / rate - (double)pace.it_interval.tv_sec) * 1e9);
	}
	pace.it_value = pace.it_interval;
	CHECK(timerfd_settime(talk.pace.fd, 0, &pace, NULL) == 0);
}

static void
ping(struct member *member)
{
	(void)buf_append_str(&member->out,
	    "<iq id='settle' type='get'><ping xmlns='urn:xmpp:ping'/></iq>");
	member_flush(member);
}

void
talk_settle(void)
{
	for (unsigned at = 0; at < crowd.started; at++) {
		struct member *member = &crowd.members[at];

		if (!is_there(member) || member->pinged)
			continue;
		member->pinged = true;
		talk.unsettled++;
		ping(member);
	}
	if (!talk.unsettled)
		crowd_answer("settled");
}

static void
settled(struct member *member)
{
	if (!member->pinged)
		return;
	member->pinged = false;
	if (!--talk.unsettled)
		crowd_answer("settled");
}

/* --- what they hear --- */

/* The value of ` NAME=` in a tag; empty when it has none. */
static const char *
attribute(const char *tag, const char *name, char value_out[64])
{
	const char *at = strstr(tag, name);

	*value_out = '\0';
	if (at) {
		at += strlen(name);
		snprintf(value_out, 64, "%.*s", (int)strcspn(at + 1, "'\""),
		    at + 1);
	}
	return value_out;
}

/* From its partner, to it? Who gets an error need not be named: nobody else
 * says anything to its partner. */
static bool
is_meant(const struct member *member, const char *tag, bool error)
{
	char partner[64], own[64], from[64], to[64];

	member_name(member->number ^ 1, partner);
	member_name(member->number, own);
	attribute(tag, " to=", to);
	return !strcmp(attribute(tag, " from=", from), partner) &&
	       (!strcmp(to, own) || (error && !*to));
}

static void
hear_number(struct member *member, const char *tag, const char *id)
{
	struct books *books = &member->books;
	unsigned number = (unsigned)strtoul(id + strlen("num-"), NULL, 10);
	char type[64];
	bool error;

	attribute(tag, " type=", type);
	error = !strcmp(type, "error");
	if (!is_meant(member, tag, error) || (error && number >= books->sent)) {
		books->foreign++;
	} else if (error) {
		books_returned(books, number);
	} else if (!strcmp(type, "chat")) {
		books_came(books, number);
	} else if (!strcmp(type, "get")) {
		books_came(books, number);
		answer_request(member, id);
	}
}

static void
hear_settled(struct member *member, const char *tag)
{
	char type[64];

	if (!strcmp(attribute(tag, " type=", type), "error"))
		ping(member);
	else
		settled(member);
}

/* One tag, without its brackets. */
static void
hear_tag(struct member *member, const char *tag)
{
	char id[64];

	if (!strncmp(tag, "message ", 8) || !strncmp(tag, "iq ", 3)) {
		attribute(tag, " id=", id);
		if (!strncmp(id, "num-", 4))
			hear_number(member, tag, id);
		else if (!strcmp(id, "settle"))
			hear_settled(member, tag);
	} else if (!strncmp(tag, "/stream:stream", 14)) {
		talk_left(member, "its stream was ended");
	} else if (!*member->books.end &&
		   strstr(tag, "urn:ietf:params:xml:ns:xmpp-streams")) {
		snprintf(member->books.end, sizeof(member->books.end), "%.*s",
		    (int)strcspn(tag, " "), tag);
	}
}

void
talk_heard(struct member *member, const void *bytes, size_t len)
{
	struct buf *in = &member->in;
	char *open, *close;

	(void)buf_append(in, bytes, len);
	(void)buf_append_char(in, '\0');
	open = strchr((char *)in->data + in->start, '<');
	while (open && (close = strchr(open, '>'))) {
		*close = '\0';
		hear_tag(member, open + 1);
		open = strchr(close + 1, '<');
	}
	in->end--;
	buf_consume(in,
	    open ? (size_t)(open - (char *)in->data) - in->start : buf_len(in));
	buf_trim(in);
}

void
talk_left(struct member *member, const char *why)
{
	if (!*member->books.end)
		snprintf(member->books.end, sizeof(member->books.end), "%s",
		    why);
	settled(member);
}
