/* SPDX-License-Identifier: Apache-2.0 */
#include "common/process/act.h"

#include <errno.h>

static const struct {
	enum channel_type type;
	enum operation operation;
} acts[] = {
	{ CHANNEL_ACT_RELOAD, OPERATION_RELOAD },
	{ CHANNEL_ACT_LOG_LEVEL, OPERATION_LOG_LEVEL },
	{ CHANNEL_ACT_DRAIN, OPERATION_DRAIN },
	{ CHANNEL_ACT_UNDRAIN, OPERATION_UNDRAIN },
	{ CHANNEL_ACT_PAUSE, OPERATION_PAUSE },
	{ CHANNEL_ACT_RESUME, OPERATION_RESUME },
	{ CHANNEL_ACT_KILL, OPERATION_KILL },
	{ CHANNEL_ACT_TRACE, OPERATION_TRACE },
};

struct channel_message
act_message(const struct act *act)
{
	struct channel_message message = { .partition = act->partition,
		.generation = act->generation,
		.number = act->number,
		.ticket = act->ticket,
		.fd = act->asker };
	size_t i;

	for (i = 0; i < ARRAY_LEN(acts); i++)
		if (acts[i].operation == act->operation)
			break;
	CHECK(i < ARRAY_LEN(acts));
	message.type = acts[i].type;
	return message;
}

bool
act_of_message(const struct channel_message *message, struct act *act_out)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(acts); i++)
		if (acts[i].type == message->type)
			break;
	if (i == ARRAY_LEN(acts))
		return false;
	*act_out = (struct act){ .operation = acts[i].operation,
		.partition = message->partition,
		.generation = message->generation,
		.number = message->number,
		.ticket = message->ticket,
		.asker = message->fd,
		.error = message->is_fd_lost ? -EMFILE : 0,
		.fd = -1 };
	return true;
}
