/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill_points - included before all else into what is killed (-include): each
 * atomic store, which is what other processes and successors see, is a point to
 * die at, right before it.
 */
#ifndef TESTS_SIMULATION_KILL_POINTS_H
#define TESTS_SIMULATION_KILL_POINTS_H

#include <stdatomic.h>

void kill_at_store(void);

#undef atomic_store_explicit
#undef atomic_store
#ifdef __clang__
#define atomic_store_explicit(place, value, order) \
	__extension__({ \
		kill_at_store(); \
		__c11_atomic_store((place), (value), (order)); \
	})
#else
#define atomic_store_explicit(place, value, order) \
	__extension__({ \
		__auto_type kill_place_ = (place); \
		__typeof__((void)0, *kill_place_) kill_value_ = (value); \
		kill_at_store(); \
		__atomic_store(kill_place_, &kill_value_, (order)); \
	})
#endif
#define atomic_store(place, value) \
	atomic_store_explicit(place, value, memory_order_seq_cst)

#endif
