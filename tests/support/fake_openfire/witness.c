/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fake_openfire/witness.h"

static void
note_end(struct witness *witness)
{
	uint64_t end = (uint64_t)(XML_GetCurrentByteIndex(witness->parser) +
				  XML_GetCurrentByteCount(witness->parser));

	(void)buf_append(&witness->ends, &end, sizeof(end));
}

static void
on_start(void *data, const char *name, const char **attrs)
{
	struct witness *witness = data;

	(void)name;
	(void)attrs;
	if (witness->depth++ == 0)
		note_end(witness);
}

static void
on_end(void *data, const char *name)
{
	struct witness *witness = data;

	(void)name;
	if (--witness->depth <= 1)
		note_end(witness);
}

void
witness_init(struct witness *witness)
{
	*witness = (struct witness){ .parser = XML_ParserCreate(NULL) };
	CHECK(witness->parser);
	buf_init(&witness->ends, 0);
	witness_reset(witness);
}

void
witness_destroy(struct witness *witness)
{
	XML_ParserFree(witness->parser);
	buf_destroy(&witness->ends);
}

void
witness_reset(struct witness *witness)
{
	XML_ParserReset(witness->parser, NULL);
	XML_SetReparseDeferralEnabled(witness->parser, XML_FALSE);
	XML_SetUserData(witness->parser, witness);
	XML_SetElementHandler(witness->parser, on_start, on_end);
	witness->depth = 0;
	witness->error = NULL;
	buf_reset(&witness->ends);
}

void
witness_feed(struct witness *witness, const void *bytes, size_t len)
{
	if (witness->error)
		return;
	if (XML_Parse(witness->parser, bytes, (int)len, 0) != XML_STATUS_OK)
		witness->error =
		    XML_ErrorString(XML_GetErrorCode(witness->parser));
}
