/* SPDX-License-Identifier: Apache-2.0 */
/* What a server says of itself and of what clients are to be offered
 * (PROTOCOL.md §4), and what it may not make us believe. */
#include "common/xmpp/stream.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/xmpp/multiplex_rig.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STARTTLS "<starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\""

static struct multiplex_item item;

static void
decode(const char *text)
{
	item = rig_decode(text);
}

START_TEST(test_the_list_of_mechanisms_is_bounded_and_holds_only_names)
{
	struct multiplex_configuration *found = &item.configuration;
	char text[8192];
	size_t len;
	int i;

	len = (size_t)snprintf(text, sizeof(text),
	    "<iq type='set' id='1'><configuration xmlns='" NS_MULTIPLEX_IQ
	    "'><mechanisms xmlns='" NS_SASL "'>");
	len += (size_t)snprintf(text + len, sizeof(text) - len,
	    "<mechanism>PLAIN</mechanism><mechanism/><mechanism> X</mechanism>"
	    "<mechanism>lower</mechanism><mechanism>A&lt;B</mechanism>"
	    "<mechanism>ABCDEFGHIJKLMNOPQRSTU</mechanism>"
	    "<mechanism>X-OAUTH2</mechanism>");
	for (i = 0; i < 120; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "<mechanism>MECHANISM%d</mechanism>", i);
	snprintf(text + len, sizeof(text) - len,
	    "</mechanisms></configuration></iq>");
	decode(text);
	ck_assert_int_eq(item.kind, MULTIPLEX_CONFIGURATION);
	ck_assert_uint_lt(strlen(found->offer.mechanisms),
	    sizeof(found->offer.mechanisms));
	ck_assert_int_eq(strncmp(found->offer.mechanisms,
			     "PLAIN X-OAUTH2 MECHANISM0 ", 26),
	    0);
	ck_assert_msg(!found->starttls, "STARTTLS should not be offered");
}
END_TEST

#define CONFIGURE(inner) \
	"<iq type='set' id='1'><configuration xmlns='" NS_MULTIPLEX_IQ \
	"'>" inner "</configuration></iq>"

static const struct {
	const char *said;
	bool facts, unassigned;
} modules[] = {
	{ CONFIGURE(""), false, false },
	{ CONFIGURE("<module xmlns='" NS_MODULE "'/>"), false, false },
	{ CONFIGURE("<module xmlns='" NS_MODULE "' facts='1' "
		    "unassigned='1'/>"),
	    true, true },
	{ CONFIGURE("<a xmlns='u:a' v='>'>></a> <module "
		    "xmlns='" NS_MODULE "' unassigned='1'>x</module>"),
	    false, true },
	{ CONFIGURE("<module xmlns='" NS_MODULE "' facts='1'/>"), true, false },
	{ CONFIGURE("<module xmlns='" NS_MODULE "' facts='0' "
		    "unassigned='10'/>"),
	    false, false },
	/* another version, deeper down, or another's words */
	{ CONFIGURE("<module xmlns='urn:cmanager:module:2' facts='1' "
		    "unassigned='1'/>"),
	    false, false },
	{ CONFIGURE("<module unassigned='1'/>"), false, false },
	{ CONFIGURE("<a xmlns='u:a'><module xmlns='" NS_MODULE
		    "' unassigned='1'/></a>"),
	    false, false },
	{ CONFIGURE("<module xmlns='" NS_MODULE "'><b facts='1' "
		    "unassigned='1'/></module>"),
	    false, false },
};

START_TEST(test_a_module_says_what_it_understands)
{
	struct multiplex_configuration *found = &item.configuration;

	decode(modules[_i].said);
	ck_assert_int_eq(item.kind, MULTIPLEX_CONFIGURATION);
	ck_assert_msg(found->facts == modules[_i].facts,
	    "facts=%d, expected %d: %s", found->facts, modules[_i].facts,
	    modules[_i].said);
	ck_assert_msg(found->unassigned == modules[_i].unassigned,
	    "unassigned=%d, expected %d: %s", found->unassigned,
	    modules[_i].unassigned, modules[_i].said);
}
END_TEST

START_TEST(test_whose_it_is)
{
	const struct multiplex_configuration *found = &item.configuration;

	decode("<iq type='set' id='1' from='one.example'><configuration "
	       "xmlns='" NS_MULTIPLEX_IQ "'><module xmlns='" NS_MODULE
	       "' default='1'/></configuration></iq>");
	ck_assert_str_eq(item.from, "one.example");
	ck_assert_msg(found->of_module && found->of_default_host,
	    "it should be of the module, for its default host");
	decode(CONFIGURE("<module xmlns='" NS_MODULE "' default='0'/>"));
	ck_assert_ptr_null(item.from);
	ck_assert_msg(found->of_module && !found->of_default_host,
	    "it should be of the module, for another host");
	decode(CONFIGURE("<module xmlns='urn:x' default='1'/>"));
	ck_assert_msg(!found->of_module && !found->of_default_host,
	    "it should not be of the module");
}
END_TEST

START_TEST(test_an_offer_counts_only_at_its_place)
{
	const struct multiplex_configuration *found = &item.configuration;

	decode(CONFIGURE(
	    "<clear xmlns='" NS_MODULE "'>" STARTTLS "><required/></starttls>"
	    "<mechanisms xmlns='" NS_SASL "'><mechanism>PLAIN</mechanism>"
	    "</mechanisms><auth xmlns='http://jabber.org/features/iq-auth'/>"
	    "<register xmlns='http://jabber.org/features/iq-register'/>"
	    "</clear><mechanisms xmlns='" NS_SASL "'>"
	    "<mechanism>SCRAM-SHA-1</mechanism></mechanisms>"));
	ck_assert_str_eq(found->offer.mechanisms, "SCRAM-SHA-1");
	ck_assert_msg(!found->starttls,
	    "STARTTLS should not be taken from <clear/>");
	ck_assert_msg(!found->offer.non_sasl_auth,
	    "jabber:iq:auth should not be taken from <clear/>");
	ck_assert_msg(!found->offer.in_band_register,
	    "registration should not be taken from <clear/>");
	decode(CONFIGURE(STARTTLS "/><clear xmlns='" NS_MODULE "'/>"));
	ck_assert_msg(found->starttls, "STARTTLS should be offered");
	ck_assert_msg(!found->starttls_required,
	    "STARTTLS should not be required");
	ck_assert_str_eq(found->offer.mechanisms, "");
}
END_TEST

#define MECHANISMS(inside) \
	"<mechanisms xmlns='" NS_SASL "'>" inside "</mechanisms>"
#define MECHANISM(name) "<mechanism>" name "</mechanism>"
#define REGISTER        "<register xmlns='http://jabber.org/features/iq-register'/>"
#define IQ_AUTH         "<auth xmlns='http://jabber.org/features/iq-auth'/>"
#define CLEAR(inside)   "<clear xmlns='urn:cmanager:module:1'>" inside "</clear>"

START_TEST(test_clear_text_has_an_offer_of_its_own_wherever_it_stands)
{
	static const char *const texts[] = {
		CONFIGURE(MECHANISMS(MECHANISM("PLAIN"))
			REGISTER CLEAR(MECHANISMS(MECHANISM("SCRAM-SHA-1"))
				IQ_AUTH)),
		CONFIGURE(CLEAR(MECHANISMS(MECHANISM("SCRAM-SHA-1")) IQ_AUTH)
			MECHANISMS(MECHANISM("PLAIN")) REGISTER),
		CONFIGURE(REGISTER CLEAR(MECHANISMS(MECHANISM("SCRAM-SHA-1"))
			IQ_AUTH) MECHANISMS(MECHANISM("PLAIN"))),
	};
	const struct multiplex_configuration *found = &item.configuration;

	decode(texts[_i]);
	ck_assert_int_eq(item.kind, MULTIPLEX_CONFIGURATION);
	ck_assert_msg(found->has_clear,
	    "what is offered in clear text should be known");
	ck_assert_str_eq(found->offer.mechanisms, "PLAIN");
	ck_assert_msg(found->offer.in_band_register,
	    "registration should be offered");
	ck_assert_msg(!found->offer.non_sasl_auth,
	    "jabber:iq:auth should not be offered");
	ck_assert_str_eq(found->clear.mechanisms, "SCRAM-SHA-1");
	ck_assert_msg(!found->clear.in_band_register,
	    "registration should not be offered in clear text");
	ck_assert_msg(found->clear.non_sasl_auth,
	    "jabber:iq:auth should be offered in clear text");
}
END_TEST

START_TEST(test_an_empty_offer_is_one_and_none_is_none)
{
	const struct multiplex_configuration *found = &item.configuration;

	decode(CONFIGURE(MECHANISMS(MECHANISM(
	    "PLAIN")) "<clear xmlns='urn:cmanager:module:1'/>" REGISTER));
	ck_assert_msg(found->has_clear,
	    "what is offered in clear text should be known");
	ck_assert_str_eq(found->clear.mechanisms, "");
	ck_assert_str_eq(found->offer.mechanisms, "PLAIN");
	ck_assert_msg(found->offer.in_band_register,
	    "registration should be offered");
	/* Of another namespace it means nothing to us. */
	decode(CONFIGURE(MECHANISMS(MECHANISM("PLAIN")) "<clear "
							"xmlns='x'/>"));
	ck_assert_msg(!found->has_clear,
	    "an element of another namespace should be no offer");
	ck_assert_int_eq(found->facts, 0);
	ck_assert_uint_eq(found->limit_rate, 0);
	ck_assert_str_eq(found->offer.mechanisms, "PLAIN");
}
END_TEST

START_TEST(test_the_limits_that_are_asked_for_are_read)
{
	const struct multiplex_configuration *found = &item.configuration;

	decode(CONFIGURE("<limits xmlns='urn:cmanager:module:1' burst='2' "
			 "rate='10240'/>"));
	ck_assert_uint_eq(found->limit_rate, 10240);
	ck_assert_uint_eq(found->limit_burst_s, 2);
	decode(CONFIGURE("<limits xmlns='urn:cmanager:module:1' "
			 "rate='99999999999' burst='two'/>"));
	ck_assert_uint_eq(found->limit_rate, 0);
	ck_assert_uint_eq(found->limit_burst_s, 0);
	/* The name alone means nothing. */
	decode(CONFIGURE("<limits rate='1'/>"));
	ck_assert_uint_eq(found->limit_rate, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("multiplex_configuration");
	TCase *tcase = tcase_create("multiplex_configuration");

	tcase_add_checked_fixture(tcase, rig_setup, rig_teardown);
	tcase_add_test(tcase,
	    test_the_list_of_mechanisms_is_bounded_and_holds_only_names);
	tcase_add_loop_test(tcase, test_a_module_says_what_it_understands, 0,
	    (int)ARRAY_LEN(modules));
	tcase_add_test(tcase, test_whose_it_is);
	tcase_add_test(tcase, test_an_offer_counts_only_at_its_place);
	tcase_add_loop_test(tcase,
	    test_clear_text_has_an_offer_of_its_own_wherever_it_stands, 0, 3);
	tcase_add_test(tcase, test_an_empty_offer_is_one_and_none_is_none);
	tcase_add_test(tcase, test_the_limits_that_are_asked_for_are_read);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
