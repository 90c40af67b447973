/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fake_openfire/dialect.h"

#include "common/base/base.h"

#include <string.h>

static const struct dialect dialects[] = {
	{ .name = "3.6",
	    .close_bound = true,
	    .two_writes = true,
	    .old_header = true,
	    .random_packets = true,
	    .says_shutdown = true,
	    .allow_nul = true,
	    .strict_space = true,
	    .auth_always = true },
	{ .name = "4.1",
	    .close_bound = true,
	    .two_writes = true,
	    .old_header = true,
	    .says_shutdown = true,
	    .allow_nul = true,
	    .strict_space = true },
	{ .name = "4.7", .old_header = true },
	{ .name = "4.9",
	    .escaped = true,
	    .error_in_close = true,
	    .silent = true,
	    .uuid = true },
	{ .name = "5.1",
	    .escaped = true,
	    .error_in_close = true,
	    .newline = true,
	    .silent = true,
	    .uuid = true,
	    .ghosts = true,
	    .says_shutdown = true },
};

const struct dialect *
dialect_find(const char *name)
{
	for (size_t at = 0; at < ARRAY_LEN(dialects); at++)
		if (!strcmp(dialects[at].name, name))
			return &dialects[at];
	return NULL;
}
