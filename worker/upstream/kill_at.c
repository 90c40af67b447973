/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/kill_at.h"

#include "common/base/base.h"
#include "common/base/log.h"
#include "common/shm/store.h"

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* More kinds of points than there are; a power of two. */
#define KINDS 1024u

/* Of each kind, one in so many of its first passings is the last, of the second
 * passings half as many, and so on: so rare kinds come as often as others. */
#define ONE_OF 250.0

struct kind {
	const char *function;
	const char *what;
	uint64_t passed;
};

static struct {
	uint64_t random; /* state of draw() */
	uint64_t passed;
	uint64_t last; /* the number of the one to die at */
	bool by_kind;  /* or at an earlier one */
	struct kind kinds[KINDS];
} state;

static const char *orders; /* the file; NULL: there is none */

/* From 0 to 1, without either: splitmix64. */
static double
draw(void)
{
	uint64_t x = state.random += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	x ^= x >> 31;
	return ((double)(x >> 12) + 0.5) / (double)(1ull << 52);
}

static struct kind *
kind_of(const char *function, const char *what)
{
	uintptr_t mixed = (uintptr_t)function * 31 + (uintptr_t)what;
	size_t at = (mixed ^ mixed >> 10) & (KINDS - 1);

	while (state.kinds[at].function != function ||
	       state.kinds[at].what != what) {
		if (!state.kinds[at].function) {
			state.kinds[at] = (struct kind){ function, what, 0 };
			break;
		}
		at = (at + 1) & (KINDS - 1);
	}
	return &state.kinds[at];
}

static void
on_kill_point(const char *function, const char *what)
{
	struct kind *kind = kind_of(function, what);

	state.passed++;
	kind->passed++;
	if (state.passed < state.last &&
	    !(state.by_kind && draw() * ONE_OF * (double)kind->passed < 1))
		return;
	log_at(LOG_NOTICE,
	    "killing itself point=\"%s: %s\" passed=%" PRIu64 " of=%" PRIu64,
	    function, what, kind->passed, state.passed);
	(void)raise(SIGKILL);
}

void
kill_at_open(void)
{
	const char *path = getenv("CM_KILL_AT");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *page;

	if (fd < 0)
		return;
	page = mmap(NULL, KILL_AT_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	orders = page == MAP_FAILED ? NULL : page;
	close(fd);
}

void
kill_at_begin(uint32_t incarnation)
{
	char text[KILL_AT_BYTES + 1] = "", *rest;
	uint64_t most;

	if (orders)
		memcpy(text, orders, KILL_AT_BYTES);
	state.random = strtoull(text, &rest, 10) * 1000003 + incarnation;
	most = strtoull(rest, NULL, 10);
	if (most == 0)
		return;
	(void)draw();
	state.by_kind = draw() < 0.75;
	/* Early ones are as likely as late. */
	state.last =
	    state.by_kind ? most : (uint64_t)exp(draw() * log((double)most));
	shm_kill_point = on_kill_point;
}
