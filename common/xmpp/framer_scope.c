/* SPDX-License-Identifier: Apache-2.0 */
/* What a stream's header declares for all that comes behind it. */
#include "common/xmpp/framer_private.h"
#include "common/xmpp/multiplex.h"
#include "common/xmpp/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The further ones and that of the root's own prefix. */
#define DECLARATIONS_MAX (FRAMER_SCOPE_DECLARATIONS + 1)

struct declaration {
	const char *prefix, *uri;
};

void
framer_scope_forget(struct framer *framer)
{
	buf_reset(&framer->declarations);
	framer->declaration_count = 0;
	free(framer->scope);
	framer->scope = NULL;
	framer->scope_known = false;
	framer->language[0] = '\0';
}

void
framer_scope_declare(struct framer *framer, const char *prefix, const char *uri)
{
	if (framer->declaration_count++ >= DECLARATIONS_MAX)
		return; /* too many: see framer_scope_close() */
	buf_append(&framer->declarations, prefix, strlen(prefix) + 1);
	buf_append(&framer->declarations, uri, strlen(uri) + 1);
}

/* By prefix, for the order means nothing. */
static size_t
sort(const struct framer *framer, struct declaration *sorted_out)
{
	const char *text = (const char *)buf_bytes(&framer->declarations);
	struct declaration next;
	size_t i, at;

	for (i = 0; i < framer->declaration_count; i++) {
		next.prefix = text;
		next.uri = text + strlen(text) + 1;
		text = next.uri + strlen(next.uri) + 1;
		for (at = i; at > 0 &&
			     strcmp(sorted_out[at - 1].prefix, next.prefix) > 0;
		     at--)
			sorted_out[at] = sorted_out[at - 1];
		sorted_out[at] = next;
	}
	return i;
}

static bool
is_own(const struct qname *root, const char *prefix)
{
	return strlen(prefix) == root->prefix_len &&
	       memcmp(prefix, root->prefix, root->prefix_len) == 0;
}

/* Only streams that are read on are ever lent a framer. */
static bool
may_be_lent(const struct framer *framer, const struct qname *root)
{
	const char *namespace = framer->default_namespace;

	return namespace && root->local_len == 6 &&
	       memcmp(root->local, "stream", 6) == 0 &&
	       (strcmp(namespace, NS_STREAM) == 0 ||
		   (root->prefix_len > 0 &&
		       (strcmp(namespace, NS_CLIENT) == 0 ||
			   strcmp(namespace, NS_MULTIPLEX) == 0)));
}

static bool
is_usual(const struct framer *framer, const struct declaration *declarations,
    size_t count)
{
	return !framer->language[0] && count == 1 &&
	       strcmp(framer->default_namespace, NS_STREAM) != 0 &&
	       strcmp(declarations[0].prefix, "stream") == 0 &&
	       strcmp(declarations[0].uri, NS_STREAM) == 0;
}

/* The root's start tag with all of them; gives the bytes of the further. */
static size_t
write_tag(const struct framer *framer, const struct qname *root,
    const struct declaration *declarations, size_t count, struct buf *out)
{
	size_t i, before, further = 0;

	buf_append_char(out, '<');
	buf_append(out, root->prefix, root->prefix_len);
	buf_append_str(out, root->prefix_len ? ":stream" : "stream");
	buf_append_str(out, " xmlns=\"");
	buf_append_str(out, framer->default_namespace);
	buf_append_char(out, '"');
	for (i = 0; i < count; i++) {
		before = buf_len(out);
		buf_append_str(out, " xmlns:");
		buf_append_str(out, declarations[i].prefix);
		buf_append_str(out, "=\"");
		stream_escape_value(out, declarations[i].uri,
		    strlen(declarations[i].uri));
		buf_append_char(out, '"');
		if (!is_own(root, declarations[i].prefix))
			further += buf_len(out) - before;
	}
	if (framer->language[0])
		stream_attribute(out, "xml:lang", framer->language);
	buf_append_char(out, '>');
	buf_append_char(out, '\0');
	return further;
}

void
framer_scope_language(struct framer *framer, const char **attributes)
{
	struct qname name;

	if (framer->options & FRAMER_UNWRAP)
		return;
	for (; attributes[0]; attributes += 2) {
		qname_split(attributes[0], &name);
		if (qname_is_language(&name) &&
		    stream_is_language(attributes[1]))
			snprintf(framer->language, sizeof(framer->language),
			    "%s", attributes[1]);
	}
}

bool
framer_scope_close(struct framer *framer, const struct qname *root)
{
	struct declaration declarations[DECLARATIONS_MAX];
	size_t count, further;
	struct buf tag;

	if (framer->declaration_count > DECLARATIONS_MAX ||
	    framer->declarations.failed)
		return false;
	if (!may_be_lent(framer, root))
		return true;
	count = sort(framer, declarations);
	framer->scope_known = true;
	if (is_usual(framer, declarations, count))
		return true;
	buf_init(&tag, 0);
	further = write_tag(framer, root, declarations, count, &tag);
	framer->scope_known = further <= FRAMER_SCOPE_BYTES;
	if (framer->scope_known)
		framer->scope = xstrdup((const char *)buf_bytes(&tag));
	buf_destroy(&tag);
	return framer->scope_known;
}

const char *
framer_scope(const struct framer *framer)
{
	return framer->scope;
}
