/* SPDX-License-Identifier: Apache-2.0 */
/* twins_stubs - what the model of the kernel asks of the rest of the
 * simulator, where only its connections are of interest. */
#include "tests/simulation/books.h"
#include "tests/simulation/kill.h"
#include "tests/simulation/master.h"
#include "tests/simulation/process.h"
#include "tests/simulation/world.h"
#include "worker/upstream/link/link.h"

struct world world;

void
process_end(void)
{
}

void
books_note_death(void)
{
}

void
kill_at_call(void)
{
}

void
master_receive(const struct channel_message *message)
{
	(void)message;
}

bool
world_server_listens(void)
{
	return true;
}

void
link_ready(struct link *link, enum platform_event event)
{
	(void)link;
	(void)event;
}

void
link_resolved(struct link *link, const struct resolve_answer *answer)
{
	(void)link;
	(void)answer;
}
