/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator: runs by seed, and ends at the first in which a rule is broken.
 *
 *   simulation [--seeds N] [--seed S] [--steps K] [--jobs J] [--trace]
 *              [--twice] [--go-on] [--break NAME] [--faults]
 *
 *   --seeds N   so many seeds (1000), from S (1) on
 *   --steps K   of each (500)
 *   --jobs J    processes (one for each processor)
 *   --trace     prints what happens
 *   --go-on     to the last seed, whatever breaks
 *   --break     with this fault (common/base/breaks.def), or `list`
 *   --faults    lists what is done to upstream and its links, fault_list.h
 *   --twice     each seed twice, which has to go the same way
 */
#include "common/base/breaks.h"
#include "common/base/log.h"
#include "tests/simulation/fault_list.h"
#include "tests/simulation/trace.h"
#include "tests/simulation/world.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct options {
	uint64_t seeds, first;
	unsigned steps, jobs;
	bool twice, go_on;
};

static const struct {
	const char *name, *meaning;
} breaks[] = {
	{ "none", "" },
#define BREAK_ROW(symbol, meaning) { #symbol, meaning },
#include "common/base/breaks.def"
#undef BREAK_ROW
};

enum break_name breaks_chosen;

static uint64_t present_seed;

/* A claim of the code's own was broken, or worse. */
static void
on_signal(int number)
{
	fprintf(stderr, "seed %" PRIu64 " step %u: signal %d\n", present_seed,
	    world.step, number);
	signal(number, SIG_DFL);
	raise(number);
}

static bool
run_one(const struct options *options, uint64_t seed)
{
	const char *breach;
	uint64_t hash;

	present_seed = seed;
	breach = world_run(seed, options->steps);
	if (breach) {
		printf("seed %" PRIu64 " step %u: %s\n", seed, world.step,
		    breach);
		return false;
	}
	if (!options->twice)
		return true;
	hash = trace_hash();
	(void)world_run(seed, options->steps);
	if (hash == trace_hash())
		return true;
	printf("seed %" PRIu64 ": it goes another way the second time\n", seed);
	return false;
}

static int
run_share(const struct options *options, unsigned share)
{
	int status = 0;

	world_init();
	for (uint64_t i = share; i < options->seeds; i += options->jobs) {
		if (run_one(options, options->first + i))
			continue;
		status = 1;
		if (!options->go_on)
			break;
	}
	return status;
}

static bool
run_all(const struct options *options)
{
	bool all = true;
	int ended;

	fflush(stdout);
	if (options->jobs == 1)
		return run_share(options, 0) == 0;
	for (unsigned i = 0; i < options->jobs; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			int status = run_share(options, i);

			fflush(stdout);
			_exit(status); /* what was killed has leaks */
		}
		if (pid < 0)
			return false;
	}
	for (unsigned i = 0; i < options->jobs; i++)
		all &= wait(&ended) > 0 && WIFEXITED(ended) &&
		       WEXITSTATUS(ended) == 0;
	return all;
}

static void
usage(void)
{
	fprintf(stderr,
	    "usage: simulation [--seeds N] [--seed S] [--steps K] [--jobs J]"
	    " [--trace] [--twice] [--go-on]\n"
	    "       [--break NAME|list] [--faults]\n");
	exit(2);
}

static void
choose_break(const char *name)
{
	if (strcmp(name, "list") == 0) {
		for (size_t i = 1; i < ARRAY_LEN(breaks); i++)
			printf("%s\t%s\n", breaks[i].name, breaks[i].meaning);
		exit(0);
	}
	for (size_t i = 1; i < ARRAY_LEN(breaks); i++)
		if (strcmp(name, breaks[i].name) == 0)
			breaks_chosen = (enum break_name)i;
	if (!breaks_chosen)
		usage();
}

static void
parse(int argc, char **argv, struct options *options)
{
	for (int i = 1; i < argc; i++) {
		const char *name = argv[i];
		uint64_t value = 0;

		if (strcmp(name, "--trace") == 0) {
			trace_is_printed = true;
			options->jobs = 1;
			continue;
		}
		if (strcmp(name, "--faults") == 0) {
			fault_list_print();
			options->jobs = 1;
			continue;
		}
		if (strcmp(name, "--go-on") == 0) {
			options->go_on = true;
			continue;
		}
		if (strcmp(name, "--twice") == 0) {
			options->twice = true;
			continue;
		}
		if (++i == argc)
			usage();
		value = strtoull(argv[i], NULL, 10);
		if (strcmp(name, "--break") == 0)
			choose_break(argv[i]);
		else if (strcmp(name, "--seeds") == 0)
			options->seeds = value;
		else if (strcmp(name, "--seed") == 0)
			options->first = value;
		else if (strcmp(name, "--steps") == 0)
			options->steps = (unsigned)value;
		else if (strcmp(name, "--jobs") == 0)
			options->jobs = (unsigned)value;
		else
			usage();
	}
}

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
	struct options options = { .seeds = 1000,
		.first = 1,
		.steps = 500,
		.jobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN) };
	double began = seconds(), took;
	bool all;

	parse(argc, argv, &options);
	log_init("upstream", trace_is_printed ? LOG_DEBUG : LOG_ERROR);
	if (!trace_is_printed)
		log_sink_set(open("/dev/null", O_WRONLY), LOG_FORM_TEXT);
	signal(SIGABRT, on_signal);
	signal(SIGSEGV, on_signal);
	setvbuf(stdout, NULL, trace_is_printed ? _IONBF : _IOLBF, 0);
	all = run_all(&options);
	took = seconds() - began;
	if (all)
		printf("%" PRIu64 " seeds of %u steps in %.1f s, %.0f steps/s:"
		       " no rule was broken\n",
		    options.seeds, options.steps, took,
		    (double)options.seeds * options.steps / took);
	return all ? 0 : 1;
}
