/* SPDX-License-Identifier: Apache-2.0 */
/*
 * title - the process's name in ps: "cmanagerd: worker 0". Call title_init
 * first thing in main.
 */
#ifndef COMMON_PROCESS_TITLE_H
#define COMMON_PROCESS_TITLE_H

#include "common/base/base.h"

void title_init(int argc, char **argv);
void title_set(const char *format, ...) PRINTF_LIKE(1, 2);
/* For ps alone, and without a system call: also within confine.h. */
void title_show(const char *title);

#endif
