/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request - one that is being worked on, as its handler sees it. It is stepped
 * until it is complete, so that a long one never keeps the process from its
 * other work.
 */
#ifndef WORKER_CONTROL_REQUEST_H
#define WORKER_CONTROL_REQUEST_H

#include "common/process/act.h"
#include "worker/control/control_line.h"
#include "worker/control/report.h"

#include <jansson.h>

struct act_client;
struct buf;
struct config;
struct directory;
struct region;

/* What the handlers see of the daemon, and have it do; all borrowed. */
struct commands_view {
	const struct config *config;
	struct region *region; /* only looked at */
	struct directory *directory;
	struct act_client *acts; /* NULL: it may have none done */
};

struct request {
	const struct commands_view *view;
	struct control_line line;
	unsigned first;                 /* word that is the first argument */
	json_t *answer;                 /* owned; NULL: none, or rows */
	struct report_rows rows;        /* the answer, when `get` is set */
	struct report_table table;      /* of a list; no noun: it is none */
	char *error;                    /* owned; NULL: it went well */
	char *done;                     /* owned: what people are shown instead
					 * of the answer; NULL: the answer */
	bool (*step)(struct request *); /* true: complete; NULL: it is */
	void *state;                    /* of step; freed with free() */
	bool scans;      /* its step looks through all sessions */
	bool waits;      /* its step needs not be taken at once */
	bool awaits_act; /* its step has nothing to do before an act is done */
	int asker;       /* borrowed: the connection it has come on */
	struct act act;  /* begun by request_act() */
	bool (*on_done)(struct request *); /* of it; as step */
	void (*on_end)(struct request *);  /* before state is freed; NULL */
	struct buf *out; /* borrowed: what is to be said before the answer */
};

/* A bounded piece of the work; true when the request is complete. */
MUST_CHECK bool request_step(struct request *request);
/* Frees what it holds and forgets its acts. */
void request_end(struct request *request);

/* The argument of this number, or NULL. */
const char *request_argument(const struct request *request, unsigned number);
/* The living session that the first argument names, by its id or that of its
 * stream; false: the request has failed, with the reason. */
MUST_CHECK bool request_find_session(struct request *request,
    uint32_t *slot_out, uint32_t *generation_out);
/* Why it fails; the first reason stays. */
void request_fail(struct request *request, const char *format, ...)
    PRINTF_LIKE(2, 3);
/* Likewise, with the text of a buffer, which is destroyed. */
void request_fail_with(struct request *request, struct buf *why);
/* How it went, as the last line of the answer. */
void request_append_end(const struct request *request, struct buf *out);
/* What was done, as a sentence for people; the answer has it for programs. */
void request_report(struct request *request, const char *format, ...)
    PRINTF_LIKE(2, 3);
/* Has the master do this. on_done is the step when it has answered; it is not
 * called for one who may not, or when the act is refused for now. */
void request_act(struct request *request, struct act act,
    bool (*on_done)(struct request *));
/* Fails the request and returns true when the asker may not, or when nobody can
 * act now: the master ends, or has no descriptor free. */
bool request_is_denied(struct request *request, const struct act *act);

#endif
