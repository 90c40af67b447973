/* SPDX-License-Identifier: Apache-2.0 */
/* What each member sent and got, by number. */
#include "tests/bench/crowd.h"

#include <stdio.h>
#include <string.h>

/* One more, in a row of bytes that grows as it must. */
static void
count(struct buf *row, unsigned number)
{
	size_t len = buf_len(row);

	if (len <= number) {
		memset(buf_reserve(row, number + 1 - len), 0, number + 1 - len);
		buf_wrote(row, number + 1 - len);
	}
	if (row->data[number] < UINT8_MAX)
		row->data[number]++;
}

void
books_came(struct books *books, unsigned number)
{
	struct turn turn = { books->last, number };

	if (number < books->last)
		(void)buf_append(&books->turned, &turn, sizeof(turn));
	books->last = number;
	count(&books->got, number);
}

void
books_returned(struct books *books, unsigned number)
{
	count(&books->returned, number);
}

static unsigned
sum_of(const struct buf *row)
{
	unsigned sum = 0;

	for (size_t at = 0; at < buf_len(row); at++)
		sum += buf_bytes(row)[at];
	return sum;
}

void
books_show_sums(void)
{
	unsigned sent = 0, got = 0, returned = 0, pairs = 0;

	for (unsigned at = 0; at < crowd.started; at++) {
		const struct books *books = &crowd.members[at].books;

		sent += books->sent;
		got += sum_of(&books->got);
		returned += sum_of(&books->returned);
		pairs +=
		    at % 2 && !*books->end && !*crowd.members[at - 1].books.end;
	}
	printf("sent=%u got=%u returned=%u pairs=%u\n", sent, got, returned,
	    pairs);
	fflush(stdout);
}

/* The numbers of which there are `least` to `most`. */
static void
show_numbers(const char *name, const struct buf *row, unsigned least,
    unsigned most)
{
	const char *comma = "";

	printf("\"%s\": [", name);
	for (size_t at = 0; at < buf_len(row); at++) {
		if (buf_bytes(row)[at] < least || buf_bytes(row)[at] > most)
			continue;
		printf("%s%zu", comma, at);
		comma = ", ";
	}
	printf("], ");
}

static void
show_turned(const struct buf *turned)
{
	struct turn turn;

	printf("\"turned\": [");
	for (size_t at = 0; at < buf_len(turned) / sizeof(turn); at++) {
		memcpy(&turn, buf_bytes(turned) + at * sizeof(turn),
		    sizeof(turn));
		printf("%s[%u, %u]", at ? ", " : "", turn.before, turn.number);
	}
	printf("], ");
}

static void
show_member(const struct member *member)
{
	const struct books *books = &member->books;
	char name[64];

	member_name(member->number, name);
	printf("{\"jid\": \"%s\", \"port\": %u, \"sent\": %u, \"count\": %zu, ",
	    name, member->port, books->sent, buf_len(&books->got));
	show_numbers("missing", &books->got, 0, 0);
	show_numbers("twice", &books->got, 2, UINT8_MAX);
	show_numbers("returned", &books->returned, 1, UINT8_MAX);
	show_turned(&books->turned);
	printf("\"foreign\": %u, \"waits\": %s, \"end\": \"%s\"}\n",
	    books->foreign, member->pinged ? "true" : "false", books->end);
}

void
books_show(void)
{
	for (unsigned at = 0; at < crowd.started; at++)
		show_member(&crowd.members[at]);
	crowd_answer("ok");
}
