/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control/act_client.h"

#include "common/net/fd.h"
#include "worker/supervised.h"

#include <errno.h>

#define PENDING_MAX 512u /* the channel's queue takes more */

void
act_client_begin(struct act_client *client, struct act *act)
{
	struct channel_message message;

	list_init(&act->pending);
	act->ticket = ++client->ticket;
	message = act_message(act);
	if (client->count == PENDING_MAX ||
	    supervised_try_send(client->supervised, &message) != 0) {
		act->error = -EAGAIN;
		act->done = true;
		return;
	}
	list_append(&client->pending, &act->pending);
	client->count++;
}

void
act_client_forget(struct act_client *client, struct act *act)
{
	list_remove(&act->pending);
	client->count--;
}

void
act_client_init(struct act_client *client, struct supervised *supervised)
{
	client->supervised = supervised;
	list_init(&client->pending);
}

static struct act *
find(struct act_client *client, uint32_t ticket)
{
	list_each(item, &client->pending)
	{
		struct act *act = container_of(item, struct act, pending);

		if (act->ticket == ticket)
			return act;
	}
	return NULL;
}

void
act_client_take(struct act_client *client,
    const struct channel_message *message)
{
	struct act *act = find(client, message->ticket);
	int fd = message->fd;

	if (!act) {
		fd_close(&fd);
		return;
	}
	act_client_forget(client, act);
	act->error = -(int)MIN(message->number, 4095u);
	if (message->is_fd_lost && !act->error)
		act->error = -EMFILE;
	act->fd = fd;
	act->done = true;
}
