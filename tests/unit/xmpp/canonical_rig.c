/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/xmpp/canonical_rig.h"

#include <stdlib.h>
#include <string.h>

char *exact;
struct canonical_reader reader;

void
begin(const void *bytes, size_t len)
{
	free(exact);
	exact = xmalloc(MAX(len, 1u));
	if (len)
		memcpy(exact, bytes, len);
	canonical_begin(&reader, exact, len);
}

void
begin_text(const char *text)
{
	begin(text, strlen(text));
}

void
finish(void)
{
	free(exact);
	exact = NULL;
}

const char *
token_name(enum canonical_token token)
{
	static const char *const names[] = { "start", "attribute", "open",
		"empty", "close", "content", "end", "broken" };

	return names[token];
}
