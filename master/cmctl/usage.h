/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage - how cmctl and the commands are called; needs no daemon.
 */
#ifndef MASTER_CMCTL_USAGE_H
#define MASTER_CMCTL_USAGE_H

#include <stdio.h>

#define SOCKET_PATH "/run/cmanager/control"

/* cmctl's own options. */
void usage_print_options(FILE *out);
/* cmctl's options and all commands. */
void usage_print_all(FILE *out);
/* The commands that begin with these words, up to `end`; an exit code. */
int usage_print_commands(char **words, char **end);

#endif
