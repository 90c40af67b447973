/* SPDX-License-Identifier: Apache-2.0 */
#include "master/child_policy.h"

#include "common/process/heritage.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* In a build for tests upstream kills itself where it is told, before it is
 * ready, too; what is to be seen comes behind that. */
#ifdef CM_KILL_POINTS
#define KILLS_ITSELF true
#else
#define KILLS_ITSELF false
#endif

static const char *const state_names[] = {
	[CHILD_WAITING] = "waiting",
	[CHILD_STARTING] = "starting",
	[CHILD_SERVING] = "serving",
	[CHILD_DRAINING] = "draining",
	[CHILD_STOPPING] = "stopping",
	[CHILD_UNUSED] = "unused",
};

const char *
child_state_name(enum child_state state)
{
	return state_names[state];
}

/* The only place that changes the state. */
static void
enter(struct child_policy *policy, enum child_state state, double due)
{
	policy->state = state;
	policy->due = due;
}

void
child_policy_init(struct child_policy *policy, double now)
{
	*policy = (struct child_policy){ .state = CHILD_WAITING, .due = now };
}

void
child_policy_init_unused(struct child_policy *policy)
{
	*policy =
	    (struct child_policy){ .state = CHILD_UNUSED, .due = HUGE_VAL };
}

enum child_order
child_policy_next(struct child_policy *policy, double now)
{
	if (now < policy->due)
		return CHILD_ORDER_NOTHING;
	if (policy->state == CHILD_WAITING)
		return CHILD_ORDER_SPAWN;
	if (!child_policy_is_filled(policy))
		return CHILD_ORDER_NOTHING;
	policy->due = HUGE_VAL;
	return CHILD_ORDER_KILL;
}

double
child_policy_due(const struct child_policy *policy)
{
	return policy->due;
}

void
child_policy_spawned(struct child_policy *policy, double now,
    double ready_timeout_s)
{
	CHECK(policy->state == CHILD_WAITING);
	enter(policy, CHILD_STARTING, now + ready_timeout_s);
}

bool
child_policy_ready(struct child_policy *policy, double now)
{
	if (policy->state != CHILD_STARTING)
		return false;
	policy->serving_since = now;
	enter(policy, CHILD_SERVING, HUGE_VAL);
	return true;
}

static double
back_off(struct child_policy *policy)
{
	if (policy->backoff_s <= 0)
		policy->backoff_s = CHILD_BACKOFF_MIN_S;
	else
		policy->backoff_s =
		    MIN(2 * policy->backoff_s, CHILD_BACKOFF_MAX_S);
	return policy->backoff_s;
}

/* The oldest of the last ten must be a second ago. */
static double
take_turn(struct child_policy_rate *rate, double now)
{
	double at = now;

	if (rate->count == CHILD_RATE)
		at = MAX(now, rate->times[rate->next] + 1.0);
	else
		rate->count++;
	rate->times[rate->next] = at;
	rate->next = (rate->next + 1) % CHILD_RATE;
	return at;
}

void
child_policy_died(struct child_policy *policy, double now, bool own_making,
    struct child_policy_rate *rate)
{
	double served = now - policy->serving_since;
	bool served_at_all = policy->state == CHILD_SERVING;

	CHECK(child_policy_is_filled(policy));
	if (policy->state == CHILD_STOPPING ||
	    policy->state == CHILD_DRAINING) {
		enter(policy, CHILD_UNUSED, HUGE_VAL);
		return;
	}
	if (served_at_all && served >= CHILD_STABLE_S)
		policy->backoff_s = 0;
	if (KILLS_ITSELF && !own_making)
		enter(policy, CHILD_WAITING, now);
	else if (!served_at_all || (own_making && served < CHILD_EARLY_S))
		enter(policy, CHILD_WAITING, now + back_off(policy));
	else
		enter(policy, CHILD_WAITING, take_turn(rate, now));
}

void
child_policy_give_up(struct child_policy *policy)
{
	CHECK(child_policy_is_filled(policy));
	enter(policy, CHILD_UNUSED, HUGE_VAL);
}

void
child_policy_failed(struct child_policy *policy, double now)
{
	CHECK(policy->state == CHILD_WAITING);
	enter(policy, CHILD_WAITING, now + back_off(policy));
}

void
child_policy_hold(struct child_policy *policy)
{
	CHECK(policy->state == CHILD_WAITING);
	policy->due = HUGE_VAL;
}

bool
child_policy_release(struct child_policy *policy, double now)
{
	if (policy->state != CHILD_WAITING || policy->due < HUGE_VAL)
		return false;
	policy->due = now;
	return true;
}

void
child_policy_cut_off(struct child_policy *policy, double now)
{
	/* A deadline that has passed is HUGE_VAL: it is killed already. */
	if (child_policy_is_ready(policy) ||
	    (policy->state == CHILD_STARTING && policy->due < HUGE_VAL))
		policy->due = MIN(policy->due, now + CHILD_CUT_OFF_S);
}

void
child_policy_stop(struct child_policy *policy, double now, double timeout_s)
{
	if (policy->state == CHILD_WAITING)
		enter(policy, CHILD_UNUSED, HUGE_VAL);
	else if (policy->state == CHILD_STARTING ||
		 child_policy_is_ready(policy))
		enter(policy, CHILD_STOPPING, now + timeout_s);
}

/* One that was cut off stays so. */
void
child_policy_drain(struct child_policy *policy)
{
	CHECK(policy->state == CHILD_SERVING);
	enter(policy, CHILD_DRAINING, policy->due);
}

void
child_policy_undrain(struct child_policy *policy)
{
	CHECK(policy->state == CHILD_DRAINING);
	enter(policy, CHILD_SERVING, policy->due);
}

void
child_policy_postpone(struct child_policy *policy, double by_s)
{
	policy->due += by_s; /* HUGE_VAL stays what it is */
}

void
child_policy_hurry(struct child_policy *policy, double now)
{
	if (policy->state == CHILD_STOPPING && policy->due < HUGE_VAL)
		policy->due = now;
}

bool
child_policy_is_filled(const struct child_policy *policy)
{
	return policy->state == CHILD_STARTING ||
	       child_policy_is_ready(policy) || policy->state == CHILD_STOPPING;
}

bool
child_policy_is_ready(const struct child_policy *policy)
{
	return policy->state == CHILD_SERVING ||
	       policy->state == CHILD_DRAINING;
}

bool
child_policy_is_active(const struct child_policy *policy)
{
	return policy->state == CHILD_WAITING ||
	       policy->state == CHILD_STARTING ||
	       policy->state == CHILD_SERVING;
}

void
child_liveness_start(struct child_liveness *liveness, uint64_t word, double now)
{
	*liveness = (struct child_liveness){ .word = word, .since = now };
}

bool
child_liveness_is_lost(struct child_liveness *liveness, uint64_t word,
    double now, double timeout_s)
{
	if (word != liveness->word) {
		child_liveness_start(liveness, word, now);
		return false;
	}
	if (now - liveness->since < timeout_s)
		return false;
	liveness->since = HUGE_VAL;
	return true;
}

/* --- what waitpid() returned --- */

const char *
child_death_print(int status, char text_out[CHILD_DEATH_TEXT_MAX])
{
	const char *name;

	if (WIFEXITED(status)) {
		snprintf(text_out, CHILD_DEATH_TEXT_MAX, "exit code=%d",
		    WEXITSTATUS(status));
		return text_out;
	}
	name = sigabbrev_np(WTERMSIG(status));
	snprintf(text_out, CHILD_DEATH_TEXT_MAX, "signal=%s%s",
	    name ? name : "?", WCOREDUMP(status) ? " core=yes" : "");
	return text_out;
}

bool
child_death_is_final(int status)
{
	return WIFEXITED(status) && WEXITSTATUS(status) == CHILD_EXIT_CONFIG;
}

bool
child_death_is_own_making(int status)
{
	static const int own[] = { SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE,
		SIGSYS, SIGPIPE, SIGTRAP, SIGXCPU, SIGXFSZ };
	size_t i;

	if (WIFEXITED(status))
		return true;
	for (i = 0; i < ARRAY_LEN(own); i++)
		if (WTERMSIG(status) == own[i])
			return true;
	return false;
}
