/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/core/state.h"

#include "worker/upstream/core/platform.h"

double
upstream_now(const struct upstream *up)
{
	return up->now_s;
}

void
upstream_send(struct upstream *up, enum channel_type type, uint32_t partition)
{
	const struct channel_message message = {
		.type = type,
		.partition = partition,
		.incarnation = up->partitions[partition].incarnation,
		.fd = -1,
	};

	(void)up->platform->send(up->platform, &message);
}
