/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model of the kernel (kernel.h, platform_model.c) is compared with the
 * kernel: the same operations, drawn from a seed, on a connection of either
 * (twins.h).
 *
 *   test_kernel_model [--seeds N] [--seed S] [--steps K] [--jobs J] [--trace]
 *
 *   --seeds N   so many seeds (200), from S (1) on
 *   --steps K   at most, of each (40)
 *   --jobs J    processes (one)
 *   --trace     prints what is done
 */
#include "tests/simulation/chance.h"
#include "tests/simulation/kernel.h"
#include "tests/simulation/trace.h"
#include "tests/simulation/twins.h"
#include "tests/simulation/world.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEPS_MAX 400u

/* All is drawn before anything is done: what the kernel does must not change
 * it. */
struct step {
	const struct operation *operation;
	size_t len;
	unsigned times;
	bool on;     /* of what can be on and off */
	bool settle; /* before the next one */
	bool count;
};

struct operation {
	const char *name;
	/* That of a step among all others; an end ends most of what can be
	 * done, so that it comes late. */
	unsigned chance;
	bool ends;
	void (*work)(struct twins *twins, const struct step *step);
};

struct options {
	uint64_t seeds, first;
	unsigned steps, jobs;
};

static struct totals {
	_Atomic uint64_t seeds, steps, differences, late;
} * totals;

/* --- operations --- */

static void
do_write(struct twins *twins, const struct step *step)
{
	twins_write(twins, step->len);
}

static void
do_read(struct twins *twins, const struct step *step)
{
	twins_read(twins, step->len);
}

static void
do_far_write(struct twins *twins, const struct step *step)
{
	twins_far_write(twins, step->len);
}

static void
do_far_read(struct twins *twins, const struct step *step)
{
	twins_far_read(twins, step->len);
}

static void
do_share(struct twins *twins, const struct step *step)
{
	(void)step;
	twins_share(twins);
}

static void
do_kill_writer(struct twins *twins, const struct step *step)
{
	twins_kill_writer(twins, step->len, step->times);
}

static void
do_reset_on_close(struct twins *twins, const struct step *step)
{
	twins_set_reset_on_close(twins, step->on);
}

static void
do_unshare(struct twins *twins, const struct step *step)
{
	(void)step;
	twins_unshare(twins);
}

static void
do_shut(struct twins *twins, const struct step *step)
{
	(void)step;
	twins_shut(twins);
}

static void
do_close(struct twins *twins, const struct step *step)
{
	(void)step;
	twins_close(twins);
}

static void
do_reset(struct twins *twins, const struct step *step)
{
	(void)step;
	twins_reset(twins);
}

static void
do_abandon(struct twins *twins, const struct step *step)
{
	(void)step;
	twins_abandon(twins);
}

static void
do_far_shut(struct twins *twins, const struct step *step)
{
	(void)step;
	twins_far_shut(twins);
}

static void
do_far_close(struct twins *twins, const struct step *step)
{
	(void)step;
	twins_far_close(twins, true);
}

static void
do_far_reset(struct twins *twins, const struct step *step)
{
	(void)step;
	twins_far_close(twins, false);
}

static const struct operation operations[] = {
	{ "write", 60, false, do_write },
	{ "read", 40, false, do_read },
	{ "far write", 40, false, do_far_write },
	{ "far read", 50, false, do_far_read },
	{ "share", 5, false, do_share },
	{ "kill writer", 3, false, do_kill_writer },
	{ "reset on close", 4, false, do_reset_on_close },
	{ "unshare", 4, true, do_unshare },
	{ "shut", 3, true, do_shut },
	{ "close", 3, true, do_close },
	{ "reset", 2, true, do_reset },
	{ "abandon", 2, true, do_abandon },
	{ "far shut", 3, true, do_far_shut },
	{ "far close", 3, true, do_far_close },
	{ "far reset", 2, true, do_far_reset },
};

/* --- steps --- */

static const struct operation *
draw_operation(void)
{
	const struct operation *at = operations;
	unsigned sum = 0, drawn;

	for (unsigned i = 0; i < ARRAY_LEN(operations); i++)
		sum += operations[i].chance;
	for (drawn = chance_below(sum); drawn >= at->chance; at++)
		drawn -= at->chance;
	return at;
}

static void
draw_steps(struct step *steps, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		steps[i] = (struct step){
			.operation = draw_operation(),
			.len =
			    1 + chance_up_to(chance_one_in(4) ? 600000 : 20000),
			.times = chance_below(200),
			.on = chance_one_in(2),
			.settle = chance_one_in(2),
			.count = chance_one_in(4),
		};
}

static struct twins_options
draw_options(void)
{
	struct twins_options options = { 0 };

	if (chance_one_in(2))
		options.near_buffer = 4096 << chance_below(6);
	if (chance_one_in(2))
		options.far_buffer = 16384 << chance_below(4);
	if (!chance_one_in(4))
		options.segment = 536 << chance_below(5);
	return options;
}

static void
do_step(struct twins *twins, const struct step *step)
{
	const struct operation *operation = step->operation;

	TRACE(step->len, "%s %zu%s%s", operation->name, step->len,
	    step->settle ? " settle" : "", step->count ? " count" : "");
	/* What goes on at one end while the other ends is chance. */
	if (operation->ends)
		twins_settle(twins, false);
	if (!twins->difference[0])
		operation->work(twins, step);
	/* What is written to nobody brings a reset. */
	if (!twins->difference[0] && (step->settle || operation->ends ||
					 twins->far < 0 || twins->of->up.ended))
		twins_settle(twins, step->count);
}

/* --- seeds --- */

/* All that can come comes. */
static void
drain(struct twins *twins)
{
	uint64_t before;

	do {
		before = twins->far_read + twins->near_read;
		twins_settle(twins, false);
		if (!twins->difference[0])
			twins_far_read(twins, TWINS_STREAM);
		if (!twins->difference[0])
			twins_read(twins, TWINS_STREAM);
	} while (twins->far_read + twins->near_read > before &&
		 !twins->difference[0]);
	if (twins->difference[0] || twins->far < 0)
		return;
	before = twins->of->reset_by_us || twins->of->dead_here
		     ? MIN(twins->arrived, twins->of->up.written)
		     : twins->of->up.written;
	if (twins->far_read < before)
		twins_differ(twins, "far has read %lu of %lu",
		    (unsigned long)twins->far_read, (unsigned long)before);
}

static void
run_one(const struct options *options, uint64_t seed)
{
	static struct step steps[STEPS_MAX];
	static struct twins twins;
	struct twins_options sizes;
	unsigned count;

	chance_begin(seed);
	trace_begin();
	sizes = draw_options();
	count = chance_between(1, MIN(options->steps, STEPS_MAX));
	draw_steps(steps, count);
	twins_open(&twins, &sizes);
	TRACE(seed, "seed %" PRIu64 ": near %d far %d segment %d", seed,
	    sizes.near_buffer, sizes.far_buffer, sizes.segment);
	for (world.step = 0; world.step < count && !twins.difference[0];
	     world.step++)
		do_step(&twins, &steps[world.step]);
	totals->steps += world.step;
	if (!twins.difference[0])
		drain(&twins);
	totals->seeds++;
	totals->late += twins.late;
	if (twins.difference[0]) {
		totals->differences++;
		printf("seed %" PRIu64 " step %u %s: %s\n", seed, world.step,
		    world.step > 0 ? steps[world.step - 1].operation->name : "",
		    twins.difference);
		fflush(stdout);
	}
	twins_close_all(&twins);
}

static void
run_share(const struct options *options, unsigned share)
{
	twins_make_bytes();
	for (uint64_t i = share; i < options->seeds; i += options->jobs)
		run_one(options, options->first + i);
}

static bool
run_all(const struct options *options)
{
	bool all = true;
	int status;

	for (unsigned i = 0; i < options->jobs; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			run_share(options, i);
			exit(0);
		}
		CHECK(pid > 0);
	}
	for (unsigned i = 0; i < options->jobs; i++)
		all &= wait(&status) > 0 && WIFEXITED(status) &&
		       WEXITSTATUS(status) == 0;
	return all;
}

static void
usage(void)
{
	fprintf(stderr, "usage: test_kernel_model [--seeds N] [--seed S]"
			" [--steps K] [--jobs J] [--trace]\n");
	exit(2);
}

static void
parse(int argc, char **argv, struct options *options)
{
	for (int i = 1; i < argc; i++) {
		const char *name = argv[i];
		uint64_t value;

		if (strcmp(name, "--trace") == 0) {
			trace_is_printed = true;
			continue;
		}
		if (++i == argc)
			usage();
		value = strtoull(argv[i], NULL, 10);
		if (strcmp(name, "--seeds") == 0)
			options->seeds = value;
		else if (strcmp(name, "--seed") == 0)
			options->first = value;
		else if (strcmp(name, "--steps") == 0 && value > 0)
			options->steps = (unsigned)value;
		else if (strcmp(name, "--jobs") == 0 && value > 0)
			options->jobs = (unsigned)value;
		else
			usage();
	}
}

int
main(int argc, char **argv)
{
	struct options options = {
		.seeds = 200, .first = 1, .steps = 40, .jobs = 1
	};
	bool all;

	parse(argc, argv, &options);
	setvbuf(stdout, NULL, _IOLBF, 0);
	totals = mmap(NULL, sizeof(*totals), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(totals != MAP_FAILED);
	all = run_all(&options);
	printf("seeds=%" PRIu64 " steps=%" PRIu64 " differences=%" PRIu64 "\n",
	    totals->seeds, totals->steps, totals->differences);
	if (totals->late > 1 + options.seeds / 100) {
		printf("%" PRIu64 " resets came too late for what they take"
		       " back\n",
		    totals->late);
		all = false;
	}
	return all && totals->seeds == options.seeds && totals->differences == 0
		   ? 0
		   : 1;
}
