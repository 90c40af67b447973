/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulation/kill.h"

#include "tests/simulation/fault_list.h"
#include "tests/simulation/heap.h"
#include "tests/simulation/kill_points.h"

#include <setjmp.h>
#include <unistd.h>

static jmp_buf out;
static bool is_running;
static struct kill_plan left, counts;
static int exit_code;

void __sanitizer_cov_trace_pc(void);
NORETURN void __wrap__exit(int code);
NORETURN void __real__exit(int code);

NORETURN static void
leave(enum kill_end end)
{
	is_running = false;
	_longjmp(out, (int)end);
}

static enum kill_end
run(kill_work_fn *work, const struct kill_plan *plan, bool on_heap)
{
	int end = _setjmp(out);

	if (end == KILL_NONE) {
		is_running = true;
		counts = (struct kill_plan){ 0 };
		kill_arm(plan);
		(void)heap_set_upstreams(on_heap);
		fault_list_count(on_heap);
		work();
		is_running = false;
	}
	(void)heap_set_upstreams(false);
	fault_list_count(false);
	return (enum kill_end)end;
}

enum kill_end
kill_run(kill_work_fn *work, const struct kill_plan *plan)
{
	return run(work, plan, true);
}

enum kill_end
kill_run_worker(kill_work_fn *work, const struct kill_plan *plan)
{
	return run(work, plan, false);
}

void
kill_arm(const struct kill_plan *plan)
{
	left = *plan;
}

struct kill_plan
kill_counts(void)
{
	return counts;
}

void
__sanitizer_cov_trace_pc(void)
{
	if (!is_running)
		return;
	counts.blocks++;
	if (left.blocks && --left.blocks == 0)
		leave(KILL_KILLED);
}

void
kill_at_store(void)
{
	if (!is_running)
		return;
	counts.stores++;
	if (left.stores && --left.stores == 0)
		leave(KILL_KILLED);
}

/* As if it were a store. */
void
kill_at_call(void)
{
	kill_at_store();
}

int
kill_exit_code(void)
{
	return exit_code;
}

void
__wrap__exit(int code)
{
	exit_code = code;
	if (is_running)
		leave(KILL_EXITED);
	__real__exit(code);
}
