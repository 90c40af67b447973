/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker does with the certificates of its next configuration. */
#include "common/net/tls_certificate.h"
#include "common/process/config.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/client/fixture.h"
#include "tests/unit/net/identity.h"

#include <check.h>
#include <string.h>

/* Beside the rig's own; its name is not the one that a peer sends, unless a
 * test says that it is. */
static struct identity second;
static const char *second_chain;
static const char *second_host;

static void
add_second(struct config *config)
{
	struct tls_identity identity = { .chain = xstrdup(second_chain),
		.key = xstrdup((const char *)second.key),
		.digest = "the same",
		.hosts = xstrdup(second_host) };
	struct tls_identities *all = &config->client.identities;

	all->all[0].hosts = xstrdup("");
	all->all[0].for_domain = true;
	ck_assert_int_eq(tls_identities_add(all, &identity), true);
}

static void
setup(void)
{
	identity_make(&second, "second", 0);
	second_chain = (const char *)second.certificate;
	second_host = "elsewhere.test";
	rig_amend = add_second;
	rig_start("");
}

static void
teardown(void)
{
	rig_amend = NULL;
	rig_end();
	identity_free(&second);
}

/* Whether a client is shown the second. */
static bool
is_shown_second(void)
{
	struct certificate_facts facts;
	bool is_second;

	peer_connect(&peer, true);
	ck_assert_int_eq(transport_peer_certificate(&peer.transport,
			     "example.org", &facts),
	    true);
	is_second = strcmp(facts.subject, "CN=second") == 0;
	peer_close(&peer);
	return is_second;
}

/* Reloads, and waits until the second is shown to a peer, or is no more. */
static void
reload_for(const char *host, bool shown)
{
	int64_t until = rig_now_ms() + RIG_DEADLINE_MS;

	second_host = host;
	rig_configure("");
	while (is_shown_second() != shown)
		ck_assert_msg(rig_now_ms() < until,
		    "the second certificate should be shown: %d", shown);
}

/* It looks at no more than the digest, be the certificate in use or not yet:
 * what comes with it at last nobody can read. */
START_TEST(what_has_the_same_digest_is_taken_over_and_not_read)
{
	ck_assert_int_eq(is_shown_second(), false);
	if (_i == 0) {
		reload_for("example.org", true);
		reload_for("elsewhere.test", false);
	}
	second_chain = "nothing that can be read";
	reload_for("example.org", true);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("client certificates");
	TCase *tcase = tcase_create("certificates");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase,
	    what_has_the_same_digest_is_taken_over_and_not_read, 0, 2);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
