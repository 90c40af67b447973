/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store - stores to shared memory that a successor goes by, and the instants
 * between them.
 *
 * A process may be killed at any instruction. What a successor finds changes at
 * a store, or at a call that the kernel remembers: so each of these instants is
 * as good as a whole stretch of others. In a build with CM_KILL_POINTS, which
 * only tests have, a function that they set is called at each of them; in any
 * other build shm_store() is atomic_store_explicit() and kill_point() nothing.
 */
#ifndef COMMON_SHM_STORE_H
#define COMMON_SHM_STORE_H

#include <stdatomic.h>

#ifdef CM_KILL_POINTS

/* function and what: where it is, for as long as the process lives; together
 * they name the point. NULL, as at first: nobody is told. */
typedef void shm_kill_point_fn(const char *function, const char *what);

extern shm_kill_point_fn *shm_kill_point;

#define kill_point(what) \
	(shm_kill_point ? shm_kill_point(__func__, what) : (void)0)
#define shm_store(word, value, order) \
	(kill_point(#word), atomic_store_explicit(word, value, order))

#else

#define kill_point(what)              ((void)0)
#define shm_store(word, value, order) atomic_store_explicit(word, value, order)

#endif
#endif
