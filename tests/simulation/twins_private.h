/* SPDX-License-Identifier: Apache-2.0 */
/* twins_private - what the files of twins.h have in common. */
#ifndef TESTS_SIMULATION_TWINS_PRIVATE_H
#define TESTS_SIMULATION_TWINS_PRIVATE_H

#include "tests/simulation/twins.h"

/* The model is given the next bytes that go up. */
MUST_CHECK enum io_result twins_write_model(struct twins *twins, size_t len,
    size_t *len_out);
/* Far has read these. */
void twins_note_far_read(struct twins *twins, const uint8_t *bytes, size_t len);

#endif
