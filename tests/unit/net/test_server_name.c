/* SPDX-License-Identifier: Apache-2.0 */
/* Which host a client has named (SNI): in this handshake, whatever its ticket
 * says; and what it may send instead of a name. */
#include "common/net/tls.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/net/identity.h"
#include "tests/unit/net/tls_peer.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define TLS12 "NORMAL:-VERS-ALL:+VERS-TLS1.2"
#define TLS13 "NORMAL:-VERS-ALL:+VERS-TLS1.3"
#define LABEL "abcdefghijklmnopqrstuvwxyz-0123456789-abcdefghijklmnopqrstuvwxy"
/* 253 bytes, as many as a name may have. */
#define LONGEST \
	LABEL "." LABEL "." LABEL "." \
	      "abcdefghijklmnopqrstuvwxyz-0123456789-abcdefghijklmnopqrstuvw"

static const char *const versions[] = { TLS12, TLS13 };

static struct identity identity;
static struct tls_context *context;

static void
setup(void)
{
	static const uint8_t key[TLS_TICKET_KEY_BYTES] = { 1 };
	struct tls_server_material material = {
		.path = "test", .ticket_key = key, .ticket_lifetime_s = 3600
	};
	struct tls_error error;

	identity_make(&identity, "xmpp.example", 0);
	material.certificate = identity.certificate;
	material.certificate_len = identity.certificate_len;
	material.key = identity.key;
	material.key_len = identity.key_len;
	ck_assert_int_eq(tls_context_new_server(&material, &context, &error),
	    0);
}

static void
teardown(void)
{
	tls_peer_forget_ticket();
	tls_context_free(&context);
	identity_free(&identity);
}

/* What the server has heard, "" for none, or "-": no handshake. */
static const char *
heard(const char *version, const char *name, bool resumed)
{
	static char host[HOST_NAME_TEXT_MAX];
	struct tls_peer peer;
	bool any;

	if (tls_peer_begin(&peer, context, version, name)) {
		ck_assert_int_eq(transport_is_resumed(&peer.server), resumed);
		any = transport_server_name(&peer.server, host);
		ck_assert_int_eq(any, host[0] != '\0');
	} else {
		ck_assert_int_eq(transport_server_name(&peer.server, host),
		    false);
		host[0] = '-';
		host[1] = '\0';
	}
	tls_peer_end(&peer);
	return host;
}

START_TEST(the_name_is_heard_in_full_and_resumed_handshakes)
{
	ck_assert_str_eq(heard(versions[_i], "a.example", false), "a.example");
	ck_assert_str_eq(heard(versions[_i], "a.example", true), "a.example");
	ck_assert_str_eq(heard(versions[_i], "b.example", false), "b.example");
	ck_assert_str_eq(heard(versions[_i], NULL, false), "");
	ck_assert_str_eq(heard(versions[_i], NULL, true), "");
}
END_TEST

/* With TLS 1.3 such a session is resumed: the name is the one just sent. */
START_TEST(a_name_is_heard_in_one_spelling)
{
	bool resumed = _i == 1;

	ck_assert_str_eq(heard(versions[_i], "a.example", false), "a.example");
	ck_assert_str_eq(heard(versions[_i], "A.EXAMPLE", resumed),
	    "a.example");
	ck_assert_str_eq(heard(versions[_i], "a.example.", resumed),
	    "a.example");
	ck_assert_uint_eq(strlen(LONGEST), HOST_NAME_TEXT_MAX - 1);
	ck_assert_str_eq(heard(versions[_i], LONGEST, false), LONGEST);
}
END_TEST

/* GnuTLS ends some of these itself, "-". */
static const char *const wrong[] = {
	".",
	"a example",
	" a.example",
	"a.example ",
	"*.example",
	"a.example/b",
	LONGEST "x",
	LONGEST "x.",
};

START_TEST(what_is_no_name_counts_as_none)
{
	const char *host = heard(versions[_i % 2], wrong[_i / 2], false);

	ck_assert_msg(strcmp(host, "") == 0 || strcmp(host, "-") == 0,
	    "\"%s\" should be none but is \"%s\"", wrong[_i / 2], host);
}
END_TEST

START_TEST(who_is_plain_names_none)
{
	char host[HOST_NAME_TEXT_MAX] = "x";
	struct transport plain;

	transport_init(&plain, -1);
	ck_assert_int_eq(transport_server_name(&plain, host), false);
	ck_assert_str_eq(host, "");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("server_name");
	TCase *all = tcase_create("all");
	int count = ARRAY_LEN(versions);

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_loop_test(all,
	    the_name_is_heard_in_full_and_resumed_handshakes, 0, count);
	tcase_add_loop_test(all, a_name_is_heard_in_one_spelling, 0, count);
	tcase_add_loop_test(all, what_is_no_name_counts_as_none, 0,
	    count * (int)ARRAY_LEN(wrong));
	tcase_add_test(all, who_is_plain_names_none);
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
