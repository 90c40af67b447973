/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/client/rig_wire.h"

#include "common/net/endpoint.h"
#include "common/process/config.h"
#include "common/xmpp/multiplex.h"
#include "common/xmpp/recognise.h"
#include "worker/domains.h"
#include "worker/up_frame.h"

#include <check.h>
#include <string.h>

static void
render_create(struct buf *out, const struct multiplex_names *names,
    const struct frame *frame, const char *streamid, bool facts)
{
	char address[ENDPOINT_TEXT_MAX];
	struct endpoint endpoint;
	struct up_create create;
	struct multiplex_facts about;

	ck_assert_uint_eq(frame->len, sizeof(create));
	memcpy(&create, frame->bytes, sizeof(create));
	endpoint_from_bytes(create.address, 0, &endpoint);
	about = (struct multiplex_facts){ create.encrypted, create.tls_version,
		create.cipher };
	multiplex_render_create(out, names, streamid, "1",
	    endpoint_print_address(&endpoint, address), facts ? &about : NULL);
}

/* Upstream ends a worker that says anything else. */
static void
check_recognised(const struct frame *frame)
{
	static struct recogniser *recogniser;

	if (!recogniser)
		recogniser = recogniser_new();
	ck_assert_msg(recognise_element(recogniser, frame->bytes, frame->len) !=
			  RECOGNISED_NOTHING,
	    "upstream would end the worker for '%.*s'", (int)frame->len,
	    (const char *)frame->bytes);
}

void
rig_wire(struct buf *out, const struct config *config,
    const struct frame *frame, const char *streamid, bool facts)
{
	struct multiplex_names names = {
		.manager = config->server.manager_name,
	};
	struct domains domains;

	domains_init(&domains, config);
	ck_assert_uint_lt(frame->domain, domains.count);
	names.domain = domains.all[frame->domain].spelling;
	if (frame->kind == FRAME_CREATE) {
		render_create(out, &names, frame, streamid, facts);
	} else if (frame->kind == FRAME_FAILED) {
		check_recognised(frame);
		ck_assert_int_eq(multiplex_render_failed(out, &names, streamid,
				     "1", frame->bytes, frame->len),
		    0);
	} else if (frame->kind == FRAME_CLOSE) {
		multiplex_render_close(out, &names, streamid, "1");
	} else if (frame->kind == FRAME_PROBE) {
		multiplex_render_probe(out, &names, streamid);
	} else if (frame->kind != FRAME_RELEASE && frame->kind != FRAME_LEAVE) {
		check_recognised(frame);
		multiplex_render_packet_start(out, &names, streamid);
		buf_append(out, frame->bytes, frame->len);
		multiplex_render_packet_end(out);
	}
	domains_free(&domains);
}
