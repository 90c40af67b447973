/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire - what a server sent, brought to the form in which a client gets it, by
 * text alone: to compare with what our parser made of it.
 */
#ifndef TESTS_SCENARIO_WIRE_H
#define TESTS_SCENARIO_WIRE_H

#include "common/base/buf.h"

/* raw: CDATA as text, no xmlns:stream, a bare > in text. plain: the same,
 * unescaped once. */
void wire_texts(const struct buf *sent, struct buf *raw_out,
    struct buf *plain_out);

#endif
