/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spare - descriptors kept free for what the master gives. Where none is free
 * the kernel drops a descriptor that comes with a message, so those who take
 * many, as clients do, leave these alone. One set for each process.
 */
#ifndef WORKER_SPARE_H
#define WORKER_SPARE_H

#include "common/base/base.h"

/* `fd` is open as long as the process wants spare ones; it is copied. */
void spare_init(int fd);

/* True: the spare ones are there, and another descriptor may be taken. False:
 * too few are free; errno says why. Costs nothing while they are there. */
MUST_CHECK bool spare_hold(void);

/* They are free to be given, until they are held again. */
void spare_release(void);

#endif
