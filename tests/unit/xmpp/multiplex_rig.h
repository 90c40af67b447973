/* SPDX-License-Identifier: Apache-2.0 */
/* multiplex_rig - a link's framer, and what it reads as items of the server. */
#ifndef TESTS_UNIT_XMPP_MULTIPLEX_RIG_H
#define TESTS_UNIT_XMPP_MULTIPLEX_RIG_H

#include "common/base/buf.h"
#include "common/xmpp/framer.h"
#include "common/xmpp/multiplex.h"

#define RIG_MANAGER "cm1"

extern struct framer *framer;
/* What a test writes. */
extern struct buf out;

/* For tcase_add_checked_fixture(). */
void rig_setup(void);
void rig_teardown(void);

/* The item that one whole element is, behind a header of a server's. */
struct multiplex_item rig_decode(const char *text);
/* The item that the framer's element is. */
struct multiplex_item rig_item(void);

#endif
