/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crowd --port N [--tls | --direct PORT] [--domain D] [--size COUNT]
 *       [--at-once COUNT] [--features]
 *
 * With --direct those of odd numbers come to that port, and over TLS.
 *
 * Commands on standard input, one line each, one line of answer:
 *
 *   grow COUNT   so many clients, all quiet: `ok`, or `error`; with --features
 *                they are from the first stream features on
 *   count        `quiet=N lost=N failed=N`
 *   talk RATE    so many numbered stanzas a second from now on, of all pairs
 *                together: `ok`
 *   sums         `sent=N got=N returned=N pairs=N`: numbered stanzas, and pairs
 *                of which both are there
 *   settle       everybody asks the server something: `settled` when all of
 *                them, and so what was said before, are answered
 *   books        a line of JSON for each member, behind them `ok`
 *
 * Its end is the end of the process.
 */
#include "tests/bench/crowd.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct crowd crowd = {
	.domain = "xmpp.example",
	.size = 15000,
	.at_once = 64,
};

void
crowd_answer(const char *text)
{
	puts(text);
	fflush(stdout);
}

void
crowd_changed(void)
{
	while (crowd.started < crowd.goal &&
	       crowd.started - crowd.quiet - crowd.failed < crowd.at_once) {
		unsigned number = crowd.started++;

		member_start(&crowd.members[number], number);
	}
	if (!crowd.growing || crowd.quiet + crowd.failed < crowd.goal)
		return;
	crowd.growing = false;
	crowd_answer(crowd.failed || crowd.lost ? "error" : "ok");
}

static void
run(const char *line)
{
	unsigned count;
	double rate;

	if (sscanf(line, "grow %u", &count) == 1 && count <= crowd.size) {
		crowd.goal = MAX(count, crowd.goal);
		crowd.growing = true;
		crowd_changed();
	} else if (!strcmp(line, "count")) {
		printf("quiet=%u lost=%u failed=%u\n", crowd.quiet, crowd.lost,
		    crowd.failed);
		fflush(stdout);
	} else if (sscanf(line, "talk %lf", &rate) == 1) {
		talk_at(rate);
		crowd_answer("ok");
	} else if (!strcmp(line, "sums")) {
		books_show_sums();
	} else if (!strcmp(line, "settle")) {
		talk_settle();
	} else if (!strcmp(line, "books")) {
		books_show();
	} else {
		crowd_answer("error");
	}
}

static void
on_command(struct ev_loop *loop, ev_io *io, int events)
{
	static char line[256];
	static size_t len;
	char byte;

	(void)events;
	if (read(io->fd, &byte, 1) <= 0) {
		ev_break(loop, EVBREAK_ALL);
	} else if (byte != '\n') {
		line[len] = byte;
		len = MIN(len + 1, sizeof(line) - 1);
	} else {
		line[len] = '\0';
		len = 0;
		run(line);
	}
}

static void
take_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "tls", no_argument, NULL, 't' },
		{ "direct", required_argument, NULL, 'D' },
		{ "domain", required_argument, NULL, 'd' },
		{ "size", required_argument, NULL, 's' },
		{ "at-once", required_argument, NULL, 'a' },
		{ "features", no_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'p')
			crowd.port = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 't')
			crowd.tls = true;
		else if (option == 'D')
			crowd.direct = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 'f')
			crowd.features = true;
		else if (option == 'd')
			crowd.domain = optarg;
		else if (option == 's')
			crowd.size = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 'a')
			crowd.at_once = (unsigned)strtoul(optarg, NULL, 10);
		else
			exit(2);
	}
	if (!crowd.port || !crowd.size || !crowd.at_once)
		exit(2);
}

int
main(int argc, char **argv)
{
	take_options(argc, argv);
	CHECK(gnutls_certificate_allocate_credentials(&crowd.credentials) == 0);
	crowd.members = xcalloc(crowd.size, sizeof(*crowd.members));
	crowd.loop = ev_default_loop(EVFLAG_AUTO);
	CHECK(crowd.loop);
	ev_io_init(&crowd.commands, on_command, STDIN_FILENO, EV_READ);
	ev_io_start(crowd.loop, &crowd.commands);
	ev_run(crowd.loop, 0);
	return 0;
}
