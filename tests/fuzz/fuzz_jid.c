/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jid: any text is an address or not; what is prepared has the parts that the
 * text had, no part is too long, and it is already prepared.
 */
#include "common/xmpp/jid.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct parts {
	size_t node, domain, resource; /* lengths; 0: none */
	const char *domain_text;
};

static struct parts
split(const char *jid)
{
	const char *slash = strchr(jid, '/');
	size_t bare = slash ? (size_t)(slash - jid) : strlen(jid);
	const char *at = memchr(jid, '@', bare);
	struct parts parts = { 0 };

	parts.node = at ? (size_t)(at - jid) : 0;
	parts.domain = at ? bare - parts.node - 1 : bare;
	parts.domain_text = at ? at + 1 : jid;
	parts.resource = slash ? strlen(slash + 1) : 0;
	return parts;
}

static void
check_prepared(const char *text, const char *prepared)
{
	char again[JID_MAX + 1];
	struct parts before = split(text), after = split(prepared);

	CHECK((before.node > 0) == (after.node > 0));
	CHECK((before.resource > 0) == (after.resource > 0));
	CHECK(after.domain > 0);
	CHECK(after.node <= JID_PART_MAX && after.domain <= JID_PART_MAX &&
	      after.resource <= JID_PART_MAX);
	CHECK(!memchr(after.domain_text, '@', after.domain));
	CHECK(jid_prepare(prepared, again) == 0);
	CHECK(strcmp(prepared, again) == 0);
}

/* What clients write to goes up once and for all; the own domain has one
 * spelling then. */
static void
check_target(const char *text, const char *domain, bool unassigned)
{
	char prepared[JID_MAX + 1], again[JID_MAX + 1];
	struct jid_domain own;

	jid_domain_init(&own, domain);
	if (jid_prepare_target(text, &own, unassigned, prepared) == 0) {
		CHECK(split(prepared).domain > 0);
		CHECK(jid_prepare_target(prepared, &own, unassigned, again) ==
		      0);
		CHECK(strcmp(prepared, again) == 0);
	}
	if (jid_prepare_answer(text, &own, prepared) == 0)
		CHECK(jid_prepare_answer(prepared, &own, again) == 0 &&
		      strcmp(prepared, again) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char prepared[JID_MAX + 1], name[64], again[64];
	char *text = malloc(len + 1);

	CHECK(text);
	memcpy(text, bytes, len);
	text[len] = '\0';
	if (jid_prepare(text, prepared) == 0)
		check_prepared(text, prepared);
	check_target(text,
	    "b\xC3\xBC"
	    "cher.example",
	    false);
	check_target(text, "xn--bcher-kva.example", true);
	if (jid_prepare_manager_name(text, name, sizeof(name)) == 0) {
		CHECK(strlen(name) == strlen(text));
		CHECK(jid_prepare_manager_name(name, again, sizeof(again)) ==
		      0);
		CHECK(strcmp(name, again) == 0);
	}
	free(text);
	return 0;
}
