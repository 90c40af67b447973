/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/upstream/resume_rig.h"

#include "common/net/digest.h"
#include "common/net/endpoint.h"
#include "common/net/fd.h"
#include "common/shm/directory.h"
#include "tests/support/net/loopback.h"
#include "worker/upstream/link/link.h"
#include "worker/upstream/partitions.h"
#include "worker/upstream/recovery/link_resume.h"

#include <check.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

struct link *const resume_link = &up.links[RESUME_LINK];
struct region *resume_region;
int resume_server, resume_kept;
struct heritage_link resume_left[RESUME_LINK + 1];
char resume_streamid[STREAMID_MAX + 1];
uint32_t resume_slot;

static struct channel *master;

/* A session of partition 0. */
static void
claim_session(void)
{
	struct directory *directory =
	    directory_new(resume_region, NULL, "cm1", digest_random);

	ck_assert_int_eq(directory_claim(directory, 0, &resume_slot), 0);
	directory_streamid(directory, resume_slot, resume_streamid);
	directory_free(&directory);
}

void
resume_setup(void)
{
	int ends[2];

	resume_region = begin_region();
	claim_session();
	loopback_pair("127.0.0.1", ends);
	resume_kept = ends[0];
	resume_server = ends[1];
	for (unsigned i = 0; i < RESUME_LINK; i++)
		resume_left[i].fd = -1;
	resume_left[RESUME_LINK].attempt = RESUME_ATTEMPT;
	ck_assert_int_eq(endpoint_cookie(resume_kept,
			     &resume_left[RESUME_LINK].cookie),
	    0);
}

void
resume_teardown(void)
{
	finish_upstream();
	channel_free(&master);
	fd_close(&resume_kept);
	fd_close(&resume_server);
}

/* A worker has partition 0. */
void
resume_join_worker(void)
{
	partitions_take(&up, 0, 1);
	/* Pieces for such small rings. */
	ring_writer_init(&up.partitions[0].down, 512, FIXTURE_RING_BYTES);
	region_down_ring(resume_region, 0, &worker_end);
}

/* All lanes are on the link, which serves; the server's header came long ago.
 */
static void
serve(void)
{
	static const char header[] =
	    "<stream:stream xmlns='jabber:connectionmanager' "
	    "xmlns:stream='http://etherx.jabber.org/streams' id='7'>";

	link_open(resume_link, dup(resume_kept));
	resume_link->state = LINK_SERVING;
	resume_link->joined = true;
	resume_link->attempt = RESUME_ATTEMPT;
	resume_link->cookie = resume_left[RESUME_LINK].cookie;
	CHECK(link_reader_feed(&resume_link->reader, header, strlen(header)) ==
	      FRAMER_HEADER);
	CHECK(link_reader_next(&resume_link->reader) == FRAMER_MORE);
	link_set_join(&up.set, RESUME_LINK);
	link_remember(resume_link);
	up.server.phase = SERVER_SERVING;
	up.server.version++;
	server_state_publish(resume_region, &up.server);
	links_remember(&up);
}

enum turn { FIRST_SERVES, FIRST_NEGOTIATES, SUCCESSOR };

static void
live_and_die(enum turn turn, resume_work_fn *work)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		resume_left[RESUME_LINK].fd =
		    turn == SUCCESSOR ? dup(resume_kept) : -1;
		begin_process(resume_left, ARRAY_LEN(resume_left));
		resume_join_worker();
		up.briefed = true;
		if (turn == FIRST_SERVES)
			serve();
		work();
		CHECK(raise(SIGKILL) == 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	    "the predecessor ended by itself with status %#x",
	    (unsigned)status);
}

void
resume_live_and_die(bool first, resume_work_fn *work)
{
	live_and_die(first ? FIRST_SERVES : SUCCESSOR, work);
}

void
resume_live_and_negotiate(resume_work_fn *work)
{
	live_and_die(FIRST_NEGOTIATES, work);
}

void
resume_succeed(void)
{
	resume_left[RESUME_LINK].fd = dup(resume_kept);
	begin_process(resume_left, ARRAY_LEN(resume_left));
	master = begin_supervision();
}

bool
resume_goes_on(void)
{
	return resume_link->fd >= 0 && resume_link->state == LINK_SERVING &&
	       link_set_carrier(&up.set, 0) == (int)RESUME_LINK;
}

uint64_t
resume_parsed(void)
{
	uint64_t position;

	ck_assert_msg(link_position_get(&up.memory->links[RESUME_LINK].parsed,
			  &position),
	    "the position should be sound");
	return position;
}
