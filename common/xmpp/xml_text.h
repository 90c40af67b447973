/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xml_text - whether what stands between the marks of canonical text
 * (canonical.h) may stand there: characters of XML 1.0 in UTF-8, the references
 * that stream.c writes and no others, and names as expat takes them. Pure.
 */
#ifndef COMMON_XMPP_XML_TEXT_H
#define COMMON_XMPP_XML_TEXT_H

#include "common/xmpp/canonical.h"

/* All that stands between two tags. */
bool xml_text_is_content(struct canonical_span content);

/* What stands between the quotes of an attribute. */
bool xml_text_is_value(struct canonical_span value);

/* A name that canonical.h has read, so of its bytes: that it is one of XML's,
 * with at most one colon, inside it; *prefix_len_out is 0 without. */
MUST_CHECK bool xml_text_split_name(struct canonical_span name,
    size_t *prefix_len_out);

#endif
