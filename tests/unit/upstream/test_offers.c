/* SPDX-License-Identifier: Apache-2.0 */
/* Which domain's clients a configuration of the server is for. */
#include "common/process/config.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/log/log_lines.h"
#include "tests/unit/upstream/fixture.h"
#include "worker/upstream/service/offers.h"

#include <check.h>
#include <string.h>

#define MECHANISM(domain) (up.server.offers[domain].mechanisms)

/* one.example, the main domain, and two.example. */
static void
begin_two(void)
{
	static char one[] = "one.example", two[] = "two.example";
	static struct config config;

	begin_upstream();
	config = *up.config;
	config.server.domain_names[0] = one;
	config.server.domain_names[1] = two;
	config.server.domain_count = 2;
	domains_free(&up.domains);
	domains_init(&up.domains, &config);
	up.server.domain_count = up.domains.count;
}

static bool
take(const char *from, const char *mechanism, bool of_module, bool is_default)
{
	struct multiplex_configuration configuration = {
		.starttls = true,
		.starttls_required = !of_module,
		.of_module = of_module,
		.of_default_host = is_default,
		.facts = of_module,
		.limit_rate = 7,
	};

	strcpy(configuration.offer.mechanisms, mechanism);
	return offers_take(&up, from, &configuration);
}

START_TEST(each_domain_has_its_own)
{
	ck_assert_msg(!take("two.example", "B", true, false),
	    "the default host's should still be due");
	ck_assert_msg(take("one.example", "A", true, true),
	    "behind the default host's nothing should be due");
	ck_assert_str_eq(MECHANISM(0), "A");
	ck_assert_str_eq(MECHANISM(1), "B");
	ck_assert_uint_eq(up.server.offers[0].known, 1);
	ck_assert_uint_eq(up.server.offers[1].known, 1);
	ck_assert_uint_eq(up.server.offers[1].tls_policy, SERVER_TLS_OPTIONAL);
	ck_assert_uint_eq(up.server.offers[1].limit_rate, 7);
	ck_assert_uint_eq(up.server.facts, 1);
	ck_assert_uint_eq(log_lines_with("one domain"), 0);
}
END_TEST

START_TEST(the_default_host_s_is_the_main_domain_s_if_none_bears_its_name)
{
	ck_assert_msg(take("other.example", "O", true, true),
	    "behind the default host's nothing should be due");
	ck_assert_str_eq(MECHANISM(0), "O");
	ck_assert_uint_eq(up.server.offers[1].known, 0);
}
END_TEST

START_TEST(the_main_domain_s_own_goes_before_the_default_host_s)
{
	(void)take("one.example", "A", true, false);
	ck_assert_msg(take("other.example", "O", true, true),
	    "behind the default host's nothing should be due");
	ck_assert_str_eq(MECHANISM(0), "A");
}
END_TEST

START_TEST(a_host_that_is_no_domain_of_ours_is_passed_over)
{
	(void)take("other.example", "O", true, false);
	ck_assert_uint_eq(up.server.offers[0].known, 0);
	ck_assert_uint_eq(up.server.offers[1].known, 0);
	ck_assert_uint_eq(up.server.facts, 0);
}
END_TEST

/* The server has one, whatever it calls it. */
static const char *const senders[] = { NULL, "one.example", "two.example",
	"other.example" };

START_TEST(without_the_module_there_is_one_domain_and_more_are_an_error)
{
	int turn;

	for (turn = 0; turn < 2; turn++) {
		hints_prove_port(&up.hints); /* a link is up */
		ck_assert_msg(take(senders[_i], "A", false, false),
		    "nothing more should be due");
	}
	ck_assert_str_eq(MECHANISM(0), "A");
	ck_assert_uint_eq(up.server.offers[0].tls_policy, SERVER_TLS_REQUIRED);
	ck_assert_uint_eq(up.server.offers[1].known, 0);
	ck_assert_uint_eq(log_lines_with("xmpp.domain names more"), 1);
	ck_assert_uint_eq(log_lines_with(" error "), 1);
}
END_TEST

/* An earlier release of it has one configuration, and says no name. */
START_TEST(a_module_that_names_no_host_means_the_main_domain)
{
	ck_assert_msg(take(NULL, "A", true, false),
	    "nothing more should be due");
	ck_assert_str_eq(MECHANISM(0), "A");
	ck_assert_uint_eq(up.server.offers[1].known, 0);
}
END_TEST

/* Once it has said all, and until it tells of it. */
START_TEST(a_domain_that_the_server_does_not_have_is_logged)
{
	static const char line[] =
	    "no host of this name domains=\"two.example\"";
	int turn;

	for (turn = 0; turn < 2; turn++) {
		hints_prove_port(&up.hints); /* a link is up */
		(void)take("other.example", "O", true, false);
		ck_assert_uint_eq(log_lines_with(line), turn);
		(void)take("one.example", "A", true, true);
		ck_assert_uint_eq(log_lines_with(line), 1);
	}
	(void)take("two.example", "B", true, false);
	(void)take("one.example", "A", true, true);
	offers_forget(&up);
	(void)take("one.example", "A", true, true);
	ck_assert_uint_eq(log_lines_with(line), 2);
}
END_TEST

START_TEST(what_was_said_before_the_first_link_counts_no_longer)
{
	(void)take("one.example", "A", true, false);
	(void)take("two.example", "B", true, false);
	offers_forget(&up);
	ck_assert_uint_eq(up.server.offers[0].known, 0);
	ck_assert_uint_eq(up.server.offers[1].known, 0);
	/* what clients are offered until then */
	ck_assert_str_eq(MECHANISM(0), "A");
	(void)take("other.example", "O", true, true);
	ck_assert_str_eq(MECHANISM(0), "O");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("offers");
	TCase *tcase = tcase_create("offers");

	tcase_add_checked_fixture(tcase, begin_two, finish_upstream);
	tcase_add_test(tcase, each_domain_has_its_own);
	tcase_add_test(tcase,
	    the_default_host_s_is_the_main_domain_s_if_none_bears_its_name);
	tcase_add_test(tcase,
	    the_main_domain_s_own_goes_before_the_default_host_s);
	tcase_add_test(tcase, a_host_that_is_no_domain_of_ours_is_passed_over);
	tcase_add_loop_test(tcase,
	    without_the_module_there_is_one_domain_and_more_are_an_error, 0,
	    ARRAY_LEN(senders));
	tcase_add_test(tcase,
	    a_module_that_names_no_host_means_the_main_domain);
	tcase_add_test(tcase, a_domain_that_the_server_does_not_have_is_logged);
	tcase_add_test(tcase,
	    what_was_said_before_the_first_link_counts_no_longer);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
