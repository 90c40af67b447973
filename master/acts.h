/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acts - what operators have the master do (common/process/act.h). Whether they
 * may is looked up here, by the connection on which they asked.
 */
#ifndef MASTER_ACTS_H
#define MASTER_ACTS_H

#include "common/process/act.h"

struct supervisor;

/* Fills in the answer. Nothing that the act holds is trusted. */
void acts_perform(struct supervisor *supervisor, struct act *act);

#endif
