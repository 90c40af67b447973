/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/kill_at.h"

#ifdef CM_KILL_POINTS

#include "common/base/base.h"
#include "common/base/log.h"
#include "common/shm/store.h"

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
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

static struct {
	char name[128]; /* of the point to die at */
	uint64_t count, left;
} chosen;

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

/* Says which it is, and dies. */
static void
die(const char *function, const char *what, uint64_t passed)
{
	log_at(LOG_NOTICE,
	    "killing itself point=\"%s: %s\" passed=%" PRIu64 " of=%" PRIu64,
	    function, what, passed, state.passed);
	(void)raise(SIGKILL);
}

static void
at_any(const char *function, const char *what)
{
	struct kind *kind = kind_of(function, what);

	state.passed++;
	kind->passed++;
	if (state.passed >= state.last ||
	    (state.by_kind && draw() * ONE_OF * (double)kind->passed < 1))
		die(function, what, kind->passed);
}

static void
at_chosen(const char *function, const char *what)
{
	size_t len = strlen(function);

	state.passed++;
	if (strncmp(chosen.name, function, len) != 0 ||
	    strncmp(chosen.name + len, ": ", 2) != 0 ||
	    strcmp(chosen.name + len + 2, what) != 0 || --chosen.left > 0)
		return;
	die(function, what, chosen.count);
}

/* The incarnation's line; NULL: there are none, but two numbers. */
static const char *
find_line(const char *text, uint32_t incarnation)
{
	const char *line = text;
	unsigned count = 0;

	for (const char *at = text; (at = strchr(at, '\n')); at++)
		count++;
	if (count == 0)
		return NULL;
	for (count = incarnation % count; count > 0; count--)
		line = strchr(line, '\n') + 1;
	return line;
}

static void
begin_chosen(const char *line)
{
	char *rest;

	chosen.count = chosen.left = strtoull(line, &rest, 10);
	rest += strspn(rest, " ");
	snprintf(chosen.name, sizeof(chosen.name), "%.*s",
	    (int)strcspn(rest, "\n"), rest);
	if (chosen.count > 0)
		shm_kill_point = at_chosen;
}

static void
begin_any(const char *text, uint32_t incarnation)
{
	char *rest;
	uint64_t most;

	state.random = strtoull(text, &rest, 10) * 1000003 + incarnation;
	most = strtoull(rest, NULL, 10);
	if (most == 0)
		return;
	(void)draw();
	state.by_kind = draw() < 0.75;
	/* Early ones are as likely as late. */
	state.last =
	    state.by_kind ? most : (uint64_t)exp(draw() * log((double)most));
	shm_kill_point = at_any;
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
	static char text[KILL_AT_BYTES + 1];
	const char *line;

	if (orders)
		memcpy(text, orders, KILL_AT_BYTES);
	line = find_line(text, incarnation);
	if (line)
		begin_chosen(line);
	else
		begin_any(text, incarnation);
}

#endif
