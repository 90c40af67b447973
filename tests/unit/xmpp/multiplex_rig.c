/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/xmpp/multiplex_rig.h"

#include "common/xmpp/stream.h"
#include "tests/support/xmpp/wide_limits.h"

#include <check.h>
#include <string.h>

struct framer *framer;
struct buf out;

void
rig_setup(void)
{
	framer = framer_new(&wide_limits, FRAMER_UNWRAP);
	buf_init(&out, 0);
}

void
rig_teardown(void)
{
	framer_free(&framer);
	buf_destroy(&out);
}

struct multiplex_item
rig_item(void)
{
	struct multiplex_item item;

	multiplex_decode(framer, framer_element(framer), RIG_MANAGER, &item);
	return item;
}

struct multiplex_item
rig_decode(const char *text)
{
	framer_prime(framer, NS_MULTIPLEX);
	ck_assert_msg(framer_feed(framer, text, strlen(text)) == FRAMER_ELEMENT,
	    "not one whole element: %s", text);
	return rig_item();
}
