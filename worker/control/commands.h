/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands - what can be requested at the control socket: commands.def has a
 * row each.
 */
#ifndef WORKER_CONTROL_COMMANDS_H
#define WORKER_CONTROL_COMMANDS_H

#include "worker/control/request.h"

/* Finds its handler and begins it. `line`, `view`, `asker` and `out` are set.
 */
void commands_begin(struct request *request, enum right right);

/* Handlers: commands.c, show_*.c, kill.c, drain.c, pause.c,
 * trace.c. */
typedef void command_fn(struct request *request);
#define COMMAND(words, operation, handler, arguments, help) \
	command_fn command_##handler;
#include "worker/control/commands.def"
#undef COMMAND

#endif
