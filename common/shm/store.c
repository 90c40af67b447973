/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/store.h"

shm_kill_point_fn *shm_kill_point;
