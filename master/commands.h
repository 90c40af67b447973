/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands - what can be requested at the control socket (commands.def has a
 * row each). A request is begun, then stepped until it is complete, so that a
 * long one never keeps the master from its children.
 */
#ifndef MASTER_COMMANDS_H
#define MASTER_COMMANDS_H

#include "master/control_line.h"

#include <jansson.h>

#define REQUEST_ERROR_MAX 1024

struct buf;
struct children;
struct config;
struct directory;
struct resources;
struct reload_report;

/* What the handlers see of the daemon; all borrowed. */
struct commands_view {
	const struct config *config;
	struct resources *resources;
	struct children *children;
	struct directory *directory;
	int64_t started_s; /* unix time, for people */
	uint32_t begun_s;  /* the same moment; steady_clock.h */
	/* False: refused. The report is the caller's to free. */
	bool (*reload)(void *context, struct reload_report *report_out);
	void *context;
};

enum right { RIGHT_NONE, RIGHT_LOOK, RIGHT_ACT };

struct request {
	const struct commands_view *view;
	struct control_line line;
	unsigned first;                 /* word that is the first argument */
	json_t *answer;                 /* owned; NULL: none */
	char error[REQUEST_ERROR_MAX];  /* "": it went well */
	bool (*step)(struct request *); /* true: complete; NULL: it is */
	void *state;                    /* of step; freed with free() */
	bool waits;      /* its step needs not be taken at once */
	struct buf *out; /* borrowed: what is to be sent before the answer */
	int fd; /* that the step works with; closed at the end; -1: none */
};

/* `line`, `view` and `out` are set, fd is -1. */
void commands_begin(struct request *request, enum right right);
/* A bounded piece of the work; true when the request is complete. */
MUST_CHECK bool commands_step(struct request *request);
void commands_end(struct request *request);

/* The argument of this number, or NULL. */
const char *request_argument(const struct request *request, unsigned number);
void request_fail(struct request *request, const char *format, ...)
    PRINTF_LIKE(2, 3);

/* Handlers: commands.c, show_*.c, kill.c, drain.c, trace.c. */
typedef void command_fn(struct request *request);
#define COMMAND(words, right, handler, arguments, help) \
	command_fn command_##handler;
#include "master/commands.def"
#undef COMMAND

#endif
