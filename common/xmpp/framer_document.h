/* SPDX-License-Identifier: Apache-2.0 */
/*
 * framer_document - a whole XML document at once, as a tree of named values:
 * what configuration files are. Comments are skipped; a DOCTYPE is refused, so
 * there are no entities of the document's own.
 *
 * Pure; memory bounded by the document's length.
 */
#ifndef COMMON_XMPP_FRAMER_DOCUMENT_H
#define COMMON_XMPP_FRAMER_DOCUMENT_H

#include "common/base/base.h"

#define DOCUMENT_DEPTH_MAX 32
#define DOCUMENT_PATH_MAX  512

/* Borrowed during the call. */
struct document_element {
	const char *path; /* names below the root, joined by dots; "": root */
	const char *name; /* its own name */
	const char *text; /* character data directly inside, trimmed */
	unsigned line;    /* of the start tag, from 1 */
	bool has_children;
};

/* Called at each end tag, so children come before their parent. */
typedef void document_element_fn(void *context,
    const struct document_element *element);

struct document_error {
	unsigned line;
	char text[128];
};

/* 0, or -EBADMSG and the error when it is no document of ours. */
MUST_CHECK int framer_document_parse(const void *bytes, size_t len,
    document_element_fn *on_element, void *context,
    struct document_error *error_out);

#endif
