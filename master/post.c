/* SPDX-License-Identifier: Apache-2.0 */
#include "master/post.h"

#include <math.h>

static const char *const state_names[] = {
	[POST_WAITING] = "waiting",
	[POST_STARTING] = "starting",
	[POST_SERVING] = "serving",
	[POST_DRAINING] = "draining",
	[POST_STOPPING] = "stopping",
	[POST_VACANT] = "vacant",
};

const char *
post_state_name(enum post_state state)
{
	return state_names[state];
}

/* The only place that changes the state. */
static void
enter(struct post *post, enum post_state state, double due)
{
	post->state = state;
	post->due = due;
}

void
post_init(struct post *post, double now)
{
	*post = (struct post){ .state = POST_WAITING, .due = now };
}

void
post_init_vacant(struct post *post)
{
	*post = (struct post){ .state = POST_VACANT, .due = HUGE_VAL };
}

enum post_order
post_next(struct post *post, double now)
{
	if (now < post->due)
		return POST_NOTHING;
	if (post->state == POST_WAITING)
		return POST_SPAWN;
	if (!post_is_filled(post))
		return POST_NOTHING;
	post->due = HUGE_VAL;
	return POST_KILL;
}

double
post_due(const struct post *post)
{
	return post->due;
}

void
post_spawned(struct post *post, double now, double ready_timeout_s)
{
	CHECK(post->state == POST_WAITING);
	enter(post, POST_STARTING, now + ready_timeout_s);
}

bool
post_ready(struct post *post, double now)
{
	if (post->state != POST_STARTING)
		return false;
	post->serving_since = now;
	enter(post, POST_SERVING, HUGE_VAL);
	return true;
}

static double
back_off(struct post *post)
{
	if (post->backoff_s <= 0)
		post->backoff_s = POST_BACKOFF_MIN_S;
	else
		post->backoff_s = MIN(2 * post->backoff_s, POST_BACKOFF_MAX_S);
	return post->backoff_s;
}

/* The oldest of the last ten must be a second ago. */
static double
take_turn(struct post_rate *rate, double now)
{
	double at = now;

	if (rate->count == POST_RATE)
		at = MAX(now, rate->times[rate->next] + 1.0);
	else
		rate->count++;
	rate->times[rate->next] = at;
	rate->next = (rate->next + 1) % POST_RATE;
	return at;
}

void
post_died(struct post *post, double now, bool own_making,
    struct post_rate *rate)
{
	double served = now - post->serving_since;
	bool served_at_all = post->state == POST_SERVING;

	CHECK(post_is_filled(post));
	if (post->state == POST_STOPPING || post->state == POST_DRAINING) {
		enter(post, POST_VACANT, HUGE_VAL);
		return;
	}
	if (served_at_all && served >= POST_STABLE_S)
		post->backoff_s = 0;
	if (!served_at_all || (own_making && served < POST_EARLY_S))
		enter(post, POST_WAITING, now + back_off(post));
	else
		enter(post, POST_WAITING, take_turn(rate, now));
}

void
post_give_up(struct post *post)
{
	CHECK(post_is_filled(post));
	enter(post, POST_VACANT, HUGE_VAL);
}

void
post_failed(struct post *post, double now)
{
	CHECK(post->state == POST_WAITING);
	enter(post, POST_WAITING, now + back_off(post));
}

void
post_hold(struct post *post)
{
	CHECK(post->state == POST_WAITING);
	post->due = HUGE_VAL;
}

bool
post_release(struct post *post, double now)
{
	if (post->state != POST_WAITING || post->due < HUGE_VAL)
		return false;
	post->due = now;
	return true;
}

void
post_cut_off(struct post *post, double now)
{
	/* A deadline that has passed is HUGE_VAL: it is killed already. */
	if (post_is_ready(post) ||
	    (post->state == POST_STARTING && post->due < HUGE_VAL))
		post->due = MIN(post->due, now + POST_CUT_OFF_S);
}

void
post_stop(struct post *post, double now, double timeout_s)
{
	if (post->state == POST_WAITING)
		enter(post, POST_VACANT, HUGE_VAL);
	else if (post->state == POST_STARTING || post_is_ready(post))
		enter(post, POST_STOPPING, now + timeout_s);
}

/* One that was cut off stays so. */
void
post_drain(struct post *post)
{
	CHECK(post->state == POST_SERVING);
	enter(post, POST_DRAINING, post->due);
}

void
post_undrain(struct post *post)
{
	CHECK(post->state == POST_DRAINING);
	enter(post, POST_SERVING, post->due);
}

void
post_postpone(struct post *post, double by_s)
{
	post->due += by_s; /* HUGE_VAL stays what it is */
}

void
post_hurry(struct post *post, double now)
{
	if (post->state == POST_STOPPING && post->due < HUGE_VAL)
		post->due = now;
}

bool
post_is_filled(const struct post *post)
{
	return post->state == POST_STARTING || post_is_ready(post) ||
	       post->state == POST_STOPPING;
}

bool
post_is_ready(const struct post *post)
{
	return post->state == POST_SERVING || post->state == POST_DRAINING;
}

bool
post_is_active(const struct post *post)
{
	return post->state == POST_WAITING || post->state == POST_STARTING ||
	       post->state == POST_SERVING;
}
