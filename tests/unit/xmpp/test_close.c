/* SPDX-License-Identifier: Apache-2.0 */
/* The reasons why a stream ends. */
#include "common/xmpp/close.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* RFC 6120 §4.9.3, all of them. */
static const char *const conditions[] = { "bad-format", "bad-namespace-prefix",
	"conflict", "connection-timeout", "host-gone", "host-unknown",
	"improper-addressing", "internal-server-error", "invalid-from",
	"invalid-namespace", "invalid-xml", "not-authorized", "not-well-formed",
	"policy-violation", "remote-connection-failed", "reset",
	"resource-constraint", "restricted-xml", "see-other-host",
	"system-shutdown", "undefined-condition", "unsupported-encoding",
	"unsupported-feature", "unsupported-stanza-type",
	"unsupported-version" };

static bool
is_condition(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(conditions); i++)
		if (strcmp(conditions[i], name) == 0)
			return true;
	return false;
}

START_TEST(test_each_reason_is_said_with_a_condition_of_the_rfc_or_none)
{
	int i;

	for (i = 0; i < CLOSE_REASON_COUNT; i++) {
		const struct close_info *info = close_info(i);

		ck_assert_msg(!info->stream_error ||
				  is_condition(info->stream_error),
		    "%s", info->name);
		ck_assert_msg(!info->stream_error == !info->text &&
				  (!info->text ||
				      info->text[strlen(info->text) - 1] ==
					  '.'),
		    "%s is not explained", info->name);
	}
}
END_TEST

START_TEST(test_each_reason_has_a_name_of_its_own)
{
	int i, k;

	for (i = 0; i < CLOSE_REASON_COUNT; i++) {
		const char *name = close_info(i)->name;

		ck_assert_uint_gt(strlen(name), 0);
		for (k = 0; k < i; k++)
			ck_assert_str_ne(name, close_info(k)->name);
	}
}
END_TEST

START_TEST(test_what_the_protocol_asks_for_is_what_a_client_is_told)
{
	static const struct {
		enum close_reason reason;
		const char *stream_error;
	} asked[] = {
		/* PROTOCOL.md §8.6 */
		{ CLOSE_TOO_BIG, "policy-violation" },
		{ CLOSE_IDLE, "connection-timeout" },
		{ CLOSE_RESTRICTED_XML, "restricted-xml" },
		{ CLOSE_UNSUPPORTED_STANZA, "unsupported-stanza-type" },
		{ CLOSE_NOT_WELL_FORMED, "not-well-formed" },
		{ CLOSE_HOST_UNKNOWN, "host-unknown" },
		{ CLOSE_INVALID_NAMESPACE, "invalid-namespace" },
		{ CLOSE_NO_SERVER, "remote-connection-failed" },
		{ CLOSE_SHUTDOWN, "system-shutdown" },
		{ CLOSE_SERVER_SHUTDOWN, "system-shutdown" },
		{ CLOSE_REFUSED, "not-authorized" },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(asked); i++)
		ck_assert_str_eq(close_info(asked[i].reason)->stream_error,
		    asked[i].stream_error);
	/* The client has gone, or the server has said it. */
	ck_assert_ptr_null(close_info(CLOSE_PEER_CLOSED)->stream_error);
	ck_assert_ptr_null(close_info(CLOSE_SERVER_ERROR)->stream_error);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("close");
	TCase *tcase = tcase_create("close");

	tcase_add_test(tcase,
	    test_each_reason_is_said_with_a_condition_of_the_rfc_or_none);
	tcase_add_test(tcase, test_each_reason_has_a_name_of_its_own);
	tcase_add_test(tcase,
	    test_what_the_protocol_asks_for_is_what_a_client_is_told);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
