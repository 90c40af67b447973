/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options that the command line gives beside the file.
 */
#include "common/process/config.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_TEXT \
	"<jive><xmpp><domain>example.org</domain><password>s3cr3t</password>" \
	"<manager><name>of-the-file</name></manager></xmpp></jive>"

static struct config *config;
static char *said;

static int
parse_with(const char *given)
{
	size_t len;
	FILE *messages = open_memstream(&said, &len);
	int result;

	config_give(&given, 1);
	result = config_parse("conf/manager.xml", FILE_TEXT, strlen(FILE_TEXT),
	    messages, &config);
	fclose(messages);
	return result;
}

static void
teardown(void)
{
	config_give(NULL, 0);
	config_free(&config);
	free(said);
	said = NULL;
}

static unsigned name_line;

static void
look_at_name(void *context, const char *path, const char *value, unsigned line)
{
	(void)context;
	(void)value;
	if (strcmp(path, "xmpp.manager.name") == 0)
		name_line = line;
}

START_TEST(what_is_given_counts_whatever_the_file_says)
{
	ck_assert_int_eq(parse_with("xmpp.manager.name=CM-0"), 0);
	ck_assert_str_eq(config->server.manager_name, "cm-0");
	config_each(config, look_at_name, NULL);
	ck_assert_uint_eq(name_line, CONFIG_LINE_GIVEN);
}
END_TEST

START_TEST(an_older_name_stands_for_the_new_one)
{
	ck_assert_int_eq(parse_with("xmpp.socket.plain.port=15222"), 0);
	ck_assert_uint_eq(config->client.plain_port, 15222);
}
END_TEST

START_TEST(a_value_may_have_an_equals_sign)
{
	ck_assert_int_eq(parse_with("state.directory=/a=b"), 0);
	ck_assert_str_eq(config->state_directory, "/a=b");
}
END_TEST

START_TEST(it_is_forgotten_when_none_is_given)
{
	ck_assert_int_eq(parse_with("xmpp.manager.name=cm-0"), 0);
	config_give(NULL, 0);
	config_free(&config);
	ck_assert_int_eq(config_parse("conf/manager.xml", FILE_TEXT,
			     strlen(FILE_TEXT), stderr, &config),
	    0);
	ck_assert_str_eq(config->server.manager_name, "of-the-file");
}
END_TEST

static const struct {
	const char *given, *said;
} refused[] = {
	{ "xmpp.port", "-D xmpp.port: it must be name=value\n" },
	{ "xmpp.port=http", "-D xmpp.port: 'http' is not a number from 1" },
	{ "http.port=", "-D http.port: a value must follow\n" },
	{ "http.address=", "-D http.address: a value must follow\n" },
	{ "xmpp.socket.ssl.key=", "-D xmpp.socket.ssl.key: a value must" },
	{ "xmpp.prot=1", "there is no such option; the nearest is xmpp.port" },
	{ "=1", "-D : there is no such option" },
	{ "xmpp=1", "-D xmpp: there is no such option" },
	{ "locale=de", "-D locale: messages are in English" },
	{ "xmpp.password=x", "-D xmpp.password: a secret belongs in the" },
	{ "xmpp.sharedSecret=x", "a secret belongs in the file" },
	{ "xmpp.manager.name=c m",
	    "command line: xmpp.manager.name: 'c m' is not made of" },
	{ "http.address=localhost",
	    "command line: http.address: 'localhost' is not an" },
	{ "xmpp.server.certificate.authorities=/none.pem",
	    "command line: xmpp.server.certificate.authorities: cannot read" },
	{ "a\033[2J=1", "-D a\\x1b[2J: there is no such option" },
};

START_TEST(what_cannot_be_is_refused_in_words)
{
	ck_assert_int_eq(parse_with(refused[_i].given), -EINVAL);
	ck_assert_ptr_null(config);
	ck_assert_msg(strstr(said, refused[_i].said) != NULL, "said: %s", said);
	ck_assert_ptr_null(strstr(said, "s3cr3t"));
}
END_TEST

/* Before any file is read; what depends on more than the option is not. */
START_TEST(what_is_no_argument_is_found_without_a_file)
{
	const char *given = refused[_i].given;
	bool alone = strncmp(refused[_i].said, "command line: ", 14) != 0;
	size_t len;
	FILE *messages = open_memstream(&said, &len);
	int error;

	config_give(&given, 1);
	error = config_check_given(messages);
	fclose(messages);
	ck_assert_int_eq(error, alone ? -EINVAL : 0);
	if (alone)
		ck_assert_msg(strstr(said, refused[_i].said) != NULL,
		    "said: %s", said);
}
END_TEST

START_TEST(a_long_value_is_shown_whole)
{
	static char given[2048] = "log.level=", shown[2048] = "'";

	memset(given + 10, 'x', 1500);
	memset(shown + 1, 'x', 1500);
	strcat(shown, "' is not ");
	ck_assert_int_eq(parse_with(given), -EINVAL);
	ck_assert_msg(strstr(said, shown) != NULL, "said: %s", said);
}
END_TEST

START_TEST(a_warning_of_it_names_no_line_of_the_file)
{
	ck_assert_int_eq(parse_with("xmpp.manager.connections=1"), 0);
	ck_assert_msg(strstr(said, "command line: warning: xmpp.manager.") !=
			  NULL,
	    "said: %s", said);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("config_given");
	TCase *tests = tcase_create("config_given");

	tcase_add_checked_fixture(tests, NULL, teardown);
	tcase_add_test(tests, what_is_given_counts_whatever_the_file_says);
	tcase_add_test(tests, an_older_name_stands_for_the_new_one);
	tcase_add_test(tests, a_value_may_have_an_equals_sign);
	tcase_add_test(tests, it_is_forgotten_when_none_is_given);
	tcase_add_loop_test(tests, what_cannot_be_is_refused_in_words, 0,
	    (int)ARRAY_LEN(refused));
	tcase_add_loop_test(tests, what_is_no_argument_is_found_without_a_file,
	    0, ARRAY_LEN(refused));
	tcase_add_test(tests, a_long_value_is_shown_whole);
	tcase_add_test(tests, a_warning_of_it_names_no_line_of_the_file);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
