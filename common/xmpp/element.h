/* SPDX-License-Identifier: Apache-2.0 */
/*
 * element - borrowed view of one whole top-level element of a stream.
 *
 * Made by the framer; every pointer is valid until the framer is fed again.
 * Names are local names; an absent namespace is "". Strings are unescaped and
 * NUL-terminated (XML text holds no NUL).
 */
#ifndef COMMON_XMPP_ELEMENT_H
#define COMMON_XMPP_ELEMENT_H

#include "common/base/base.h"

struct attribute {
	const char *name;      /* local name */
	const char *namespace; /* "" for unprefixed */
	const char *value;
};

struct element {
	const char *name;
	const char *namespace;
	const struct attribute *attributes;
	size_t attribute_count;
	unsigned child_count; /* element children */

	/* The first element child, when there is one. */
	const char *child_name;
	const char *child_namespace;
	const struct attribute *child_attributes;
	size_t child_attribute_count;

	/* Character data directly inside the element, unescaped. */
	const char *text;
	size_t text_len;

	/* Canonical serialisation (PROTOCOL.md §6.6): of the element itself,
	 * or, in a framer made with FRAMER_UNWRAP for a <route/>, of its first
	 * child, namespaces mapped for a client's stream. */
	const uint8_t *bytes;
	size_t len;
};

/* Value of the attribute without namespace, or NULL. */
const char *element_attribute(const struct element *element, const char *name);
const char *element_child_attribute(const struct element *element,
    const char *name);
/* True when local name and namespace are these. */
bool element_is(const struct element *element, const char *name,
    const char *namespace);

#endif
