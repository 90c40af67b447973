/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What operators write, and what they are told about it.
 */
#include "common/process/config.h"
#include "common/xmpp/multiplex.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REQUIRED \
	"<xmpp><domain>example.org</domain><password>s3cr3t</password></xmpp>"

static struct config *config;
static char *said;
static size_t said_len;

static int
parse(const char *text)
{
	FILE *messages;
	int result;

	free(said);
	config_free(&config);
	messages = open_memstream(&said, &said_len);
	result = config_parse("conf/manager.xml", text, strlen(text), messages,
	    &config);
	fclose(messages);
	return result;
}

static void
teardown(void)
{
	config_free(&config);
	free(said);
	said = NULL;
}

/* Fails, and the one line said begins so. */
static void
ck_refused(const char *text, const char *line)
{
	ck_assert_int_eq(parse(text), -EINVAL);
	ck_assert_ptr_null(config);
	ck_assert_msg(strstr(said, line) != NULL, "said: %s", said);
}

START_TEST(domain_and_password_are_enough)
{
	ck_assert_int_eq(parse("<jive>" REQUIRED "</jive>"), 0);
	ck_assert_str_eq(config->server.domain, "example.org");
	ck_assert_uint_eq(config->server.port, 5262);
	ck_assert_uint_eq(config->server.link_count, 5);
	ck_assert_msg(config->server.verify,
	    "the server's certificate should be checked by default");
	ck_assert_msg(config->client.plain_active,
	    "clients should be served in clear text by default");
	ck_assert_double_eq(config->client.idle_s, 1800);
	ck_assert_double_eq(config->client.end_timeout_s, 2);
	ck_assert_uint_ge(config->worker_count, 1);
	ck_assert_uint_ge(config->worker_max, config->worker_count);
}
END_TEST

START_TEST(a_generated_name_is_the_same_each_time)
{
	char *first;

	ck_assert_int_eq(parse("<jive>" REQUIRED "</jive>"), 0);
	first = strdup(config->server.manager_name);
	ck_assert_int_eq(parse("<jive>" REQUIRED "</jive>"), 0);
	ck_assert_str_eq(first, config->server.manager_name);
	free(first);
}
END_TEST

START_TEST(without_a_domain_the_line_says_so)
{
	ck_refused("<jive>\n<xmpp><password>x</password></xmpp></jive>",
	    "conf/manager.xml:1: xmpp.domain is missing");
}
END_TEST

START_TEST(an_empty_password_counts_as_absent)
{
	ck_refused("<jive><xmpp><domain>a</domain>\n<password> </password>"
		   "</xmpp></jive>",
	    "xmpp.password is missing");
}
END_TEST

START_TEST(a_bad_value_names_line_value_and_what_is_allowed)
{
	ck_refused("<jive>\n" REQUIRED "\n<xmpp>\n<port>http</port></xmpp>"
		   "</jive>",
	    "conf/manager.xml:4: xmpp.port: 'http' is not a number from 1 to"
	    " 65535");
}
END_TEST

START_TEST(a_name_with_illegal_characters_is_refused)
{
	ck_refused("<jive>" REQUIRED "\n<xmpp><manager>\n<name>"
		   "a234567890b234567890c234567890d234567890e234567890f2345"
		   "67890g2345</name></manager></xmpp></jive>",
	    "64 at most");
	ck_refused("<jive>" REQUIRED "\n<xmpp><manager>\n<name>c m</name>"
		   "</manager></xmpp></jive>",
	    "conf/manager.xml:3: xmpp.manager.name: 'c m'");
}
END_TEST

START_TEST(an_unknown_name_is_a_warning_with_the_nearest_one)
{
	ck_assert_int_eq(parse("<jive>" REQUIRED
			       "\n<xmpp><hostnam>h</hostnam></xmpp></jive>"),
	    0);
	ck_assert_msg(strstr(said, "conf/manager.xml:2: warning: unknown option"
				   " xmpp.hostnam is ignored; the nearest known"
				   " is xmpp.hostname\n"),
	    "said: %s", said);
}
END_TEST

START_TEST(all_siblings_of_one_name_are_searched)
{
	ck_assert_int_eq(parse("<jive>" REQUIRED "<xmpp><server><certificate>"
			       "<verify>true</verify><verify><chain>false</"
			       "chain></verify>"
			       "</certificate></server></xmpp></jive>"),
	    0);
	ck_assert_msg(config->server.verify,
	    "the server's certificate should be checked");
	ck_assert_msg(!config->server.verify_chain,
	    "the server's chain should not be checked");
}
END_TEST

START_TEST(of_two_values_the_first_counts_and_the_second_is_named)
{
	ck_assert_int_eq(parse("<jive>" REQUIRED "<xmpp><port>1</port>\n"
			       "<port>2</port></xmpp></jive>"),
	    0);
	ck_assert_uint_eq(config->server.port, 1);
	ck_assert_ptr_nonnull(strstr(said, ":2: warning: xmpp.port"));
}
END_TEST

START_TEST(older_names_still_count)
{
	ck_assert_int_eq(
	    parse("<jive><xmpp><domain>a</domain><sharedSecret>k</sharedSecret>"
		  "<socket><plain><port>1234</port></plain></socket></xmpp>"
		  "</jive>"),
	    0);
	ck_assert_str_eq(config->server.password, "k");
	ck_assert_uint_eq(config->client.plain_port, 1234);
}
END_TEST

START_TEST(the_domain_is_prepared_as_an_address)
{
	ck_assert_int_eq(parse("<jive><xmpp><domain>EXAMPLE.org</domain>"
			       "<password>x</password></xmpp></jive>"),
	    0);
	ck_assert_str_eq(config->server.domain, "example.org");
}
END_TEST

START_TEST(a_doctype_is_refused)
{
	ck_refused("<!DOCTYPE jive [<!ENTITY a \"b\">]><jive>" REQUIRED
		   "</jive>",
	    "conf/manager.xml:1: not readable as XML: a DOCTYPE");
}
END_TEST

START_TEST(broken_xml_is_one_line_with_its_place)
{
	ck_refused("<jive>\n<xmpp></jive>", "conf/manager.xml:2: not readable");
	ck_refused("", "conf/manager.xml:1: not readable");
	ck_refused("<other/>", "must be 'jive'");
}
END_TEST

START_TEST(a_file_that_is_not_there_is_named)
{
	ck_refused("<jive>" REQUIRED "<xmpp><socket><ssl>\n<certificate>no.pem"
		   "</certificate></ssl></socket></xmpp></jive>",
	    "conf/manager.xml:2: xmpp.socket.ssl.certificate: cannot read"
	    " 'conf/no.pem': No such file");
}
END_TEST

static const struct {
	const char *path, *start, *rest;
} unreadable[] = {
	{ "/nowhere/manager.xml",
	    "/nowhere/manager.xml: cannot read: No such file or directory;"
	    " name another with -c FILE; /",
	    "manager.xml is a sample" },
	{ "/tmp", "/tmp: cannot read: Is a directory; ",
	    "name the file in it with -c FILE" },
	{ "/proc/1/environ", "/proc/1/environ: cannot read: Permission denied;",
	    "it must be readable for the user who starts cmanagerd" },
};

START_TEST(where_none_can_be_read_the_way_to_one_is_named)
{
	struct config *none;
	char *text = NULL;
	size_t len;
	FILE *messages = open_memstream(&text, &len);

	if (geteuid() == 0)
		ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
	ck_assert_int_eq(config_load(unreadable[_i].path, messages, &none),
	    -EINVAL);
	fclose(messages);
	ck_assert_msg(strstr(text, unreadable[_i].start) == text, "%s", text);
	ck_assert_msg(strstr(text, unreadable[_i].rest), "%s", text);
	free(text);
}
END_TEST

static void
write_file(const char *path, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
	fclose(file);
}

/* A file of these bytes, where <ssl> has the element. */
static void
expect_file_refused(const char *element, const void *bytes, size_t len,
    const char *why)
{
	char path[] = "/tmp/cm-file-XXXXXX", text[512];
	int fd = mkstemp(path);

	close(fd);
	write_file(path, bytes, len);
	snprintf(text, sizeof(text),
	    "<jive>" REQUIRED "<xmpp><socket><ssl><%s>%s</%s></ssl></socket>"
	    "</xmpp></jive>",
	    element, path, element);
	ck_refused(text, why);
	unlink(path);
}

START_TEST(a_java_key_store_is_refused_with_the_command_that_converts_it)
{
	expect_file_refused("keystore", "\xFE\xED\xFE\xED\0\0\0\2", 8,
	    "keytool");
}
END_TEST

START_TEST(a_key_of_tickets_has_one_length)
{
	char path[] = "/tmp/cm-key-XXXXXX", text[512];
	int fd = mkstemp(path);

	close(fd);
	write_file(path, "no more than this", 17);
	snprintf(text, sizeof(text),
	    "<jive>" REQUIRED "<xmpp><socket><ssl><ticket><key>%s"
	    "</key></ticket></ssl></socket></xmpp></jive>",
	    path);
	ck_refused(text, "has 17 bytes and not 64; such a file is made by");
	unlink(path);
}
END_TEST

START_TEST(a_certificate_that_is_none_is_refused)
{
	expect_file_refused("certificate", "no certificate", 14,
	    "xmpp.socket.ssl.certificate: ");
}
END_TEST

START_TEST(no_port_at_all_is_refused)
{
	ck_refused("<jive>" REQUIRED "<xmpp><socket><default>\n<active>false"
		   "</active></default></socket></xmpp></jive>",
	    "conf/manager.xml:2: xmpp.socket.default.active: nothing to listen"
	    " on");
}
END_TEST

START_TEST(a_user_that_is_not_there_is_refused_at_the_start)
{
	ck_refused("<jive>" REQUIRED "\n<user>no-such-user</user></jive>",
	    "conf/manager.xml:2: user: 'no-such-user' is not a user of this"
	    " system");
	ck_assert_int_eq(parse("<jive>" REQUIRED "<user>nobody</user></jive>"),
	    0);
}
END_TEST

START_TEST(what_does_not_fit_the_rings_is_refused)
{
	ck_refused("<jive>" REQUIRED "<rings><up>65536</up></rings></jive>",
	    "rings.up: 65536 is less than twice");
	ck_refused("<jive>" REQUIRED "<rings><up>1048577</up></rings></jive>",
	    "rings.up: 1048577 is not a power of two");
}
END_TEST

/* With what comes to it on its way up (common/xmpp/multiplex.h). */
START_TEST(a_stanza_fits_into_its_ring_and_into_the_servers_limit)
{
	ck_assert_int_eq(parse("<jive>" REQUIRED "<xmpp><parser><buffer><size>"
			       "507904</size></buffer></parser></xmpp></jive>"),
	    0);
	ck_refused("<jive>" REQUIRED "<xmpp><parser><buffer><size>507905"
		   "</size></buffer></parser></xmpp></jive>",
	    "rings.up: 1048576 is less than twice");
	ck_assert_int_eq(
	    parse("<jive>" REQUIRED "<xmpp><parser><buffer><size>1048576"
		  "</size></buffer></parser></xmpp><rings><up>2097152</up>"
		  "</rings></jive>"),
	    0);
	ck_assert_uint_eq(config->client.stanza_bytes, MULTIPLEX_STANZA_MAX);
}
END_TEST

START_TEST(secrets_are_not_printed)
{
	char *text;
	size_t len;
	FILE *out;

	ck_assert_int_eq(parse("<jive>" REQUIRED "</jive>"), 0);
	out = open_memstream(&text, &len);
	config_print(config, out);
	fclose(out);
	ck_assert_ptr_null(strstr(text, "s3cr3t"));
	ck_assert_ptr_nonnull(strstr(text, "<domain>example.org</domain>"));
	free(text);
}
END_TEST

/* Printing and reading again changes nothing: every path is spelt right. */
START_TEST(what_is_printed_reads_back_the_same)
{
	char *first, *second;
	size_t len;
	FILE *out;

	ck_assert_int_eq(parse("<jive>" REQUIRED "<workers><count>3</count>"
			       "</workers></jive>"),
	    0);
	out = open_memstream(&first, &len);
	config_print(config, out);
	fclose(out);
	ck_assert_int_eq(parse(first), 0);
	ck_assert_ptr_null(strstr(said, "unknown"));
	out = open_memstream(&second, &len);
	config_print(config, out);
	fclose(out);
	ck_assert_str_eq(first, second);
	free(first);
	free(second);
}
END_TEST

/* CM_WRITE_SAMPLE=1 writes it anew. */
START_TEST(the_sample_file_lists_every_option_as_the_table_has_it)
{
	char *text, *found;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	config_print_sample(out);
	fclose(out);
	if (getenv("CM_WRITE_SAMPLE"))
		write_file(CM_SOURCE_DIR "/conf/manager.xml", text, len);
	found = calloc(1, len + 2);
	out = fopen(CM_SOURCE_DIR "/conf/manager.xml", "r");
	ck_assert_ptr_nonnull(out);
	ck_assert_uint_eq(fread(found, 1, len + 1, out), len);
	fclose(out);
	ck_assert_str_eq(text, found);
#define OPTION(path, field, type, value, least, most, change, help) \
	ck_assert_msg(strstr(text, help) != NULL, "%s", path);
#define FOREIGN(path, value, help)
#define ALIAS(path, other)
#include "common/process/options.def"
#undef OPTION
#undef FOREIGN
#undef ALIAS
	free(text);
	free(found);
}
END_TEST

START_TEST(the_sample_file_lacks_only_domain_and_password)
{
	FILE *messages;

	free(said);
	messages = open_memstream(&said, &said_len);
	ck_assert_int_eq(config_load(CM_SOURCE_DIR "/conf/manager.xml",
			     messages, &config),
	    -EINVAL);
	fclose(messages);
	ck_assert_ptr_nonnull(strstr(said, "xmpp.domain is missing"));
	ck_assert_ptr_nonnull(strstr(said, "xmpp.password is missing"));
	ck_assert_ptr_null(strstr(said, "unknown"));
}
END_TEST

/* The elements of the Java manager's file, in its shape. */
static const char java_file[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<!-- comment -->\n<jive>\n<xmpp>\n<domain>example.org</domain>\n"
    "<!--<hostname>h</hostname>-->\n<port>5262</port>\n"
    "<password>x</password>\n<manager><name></name>"
    "<connections>1</connections><incoming><threads>5</threads></incoming>"
    "</manager>\n<server><certificate><verify>true</verify><verify>"
    "<chain>true</chain><root>true</root><validity>true</validity></verify>"
    "<accept-selfsigned>false</accept-selfsigned></certificate></server>\n"
    "<client><idle>1800000</idle></client>\n<processor><count>1</count>"
    "<threads><standard>16</standard><ssl>16</ssl></threads></processor>\n"
    "<socket><default><active>true</active><port>5222</port></default>"
    "<ssl><active>true</active><port>5223</port><storeType>jks</storeType>"
    "</ssl><backlog>50</backlog><buffer><receive>-1</receive>"
    "<send>-1</send></buffer><linger>-1</linger></socket>\n"
    "<httpbind><enabled>false</enabled><port><plain>7070</plain>"
    "<secure>7443</secure></port><client><requests><polling>5</polling>"
    "<max>2</max></requests><idle>30</idle></client></httpbind>\n"
    "</xmpp>\n<log><debug><enabled>false</enabled></debug></log>\n</jive>\n";

START_TEST(a_file_of_the_java_manager_is_taken_as_it_is)
{
	ck_assert_int_eq(parse(java_file), 0);
	ck_assert_msg(!strstr(said, "unknown") && !strstr(said, "no effect"),
	    "said: %s", said);
	ck_assert_uint_eq(config->server.link_count, 1);
	ck_assert_ptr_nonnull(strstr(said, "2 or more are advised"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("config");
	TCase *tests = tcase_create("config");

	tcase_add_checked_fixture(tests, NULL, teardown);
	tcase_add_test(tests, domain_and_password_are_enough);
	tcase_add_test(tests, a_generated_name_is_the_same_each_time);
	tcase_add_test(tests, without_a_domain_the_line_says_so);
	tcase_add_test(tests, an_empty_password_counts_as_absent);
	tcase_add_test(tests, a_bad_value_names_line_value_and_what_is_allowed);
	tcase_add_test(tests, a_name_with_illegal_characters_is_refused);
	tcase_add_test(tests,
	    an_unknown_name_is_a_warning_with_the_nearest_one);
	tcase_add_test(tests, all_siblings_of_one_name_are_searched);
	tcase_add_test(tests,
	    of_two_values_the_first_counts_and_the_second_is_named);
	tcase_add_test(tests, older_names_still_count);
	tcase_add_test(tests, the_domain_is_prepared_as_an_address);
	tcase_add_test(tests, a_doctype_is_refused);
	tcase_add_test(tests, broken_xml_is_one_line_with_its_place);
	tcase_add_test(tests, a_file_that_is_not_there_is_named);
	tcase_add_loop_test(tests,
	    where_none_can_be_read_the_way_to_one_is_named, 0,
	    ARRAY_LEN(unreadable));
	tcase_add_test(tests,
	    a_java_key_store_is_refused_with_the_command_that_converts_it);
	tcase_add_test(tests, a_certificate_that_is_none_is_refused);
	tcase_add_test(tests, a_key_of_tickets_has_one_length);
	tcase_add_test(tests, no_port_at_all_is_refused);
	tcase_add_test(tests, a_user_that_is_not_there_is_refused_at_the_start);
	tcase_add_test(tests, what_does_not_fit_the_rings_is_refused);
	tcase_add_test(tests,
	    a_stanza_fits_into_its_ring_and_into_the_servers_limit);
	tcase_add_test(tests, secrets_are_not_printed);
	tcase_add_test(tests, what_is_printed_reads_back_the_same);
	tcase_add_test(tests,
	    the_sample_file_lists_every_option_as_the_table_has_it);
	tcase_add_test(tests, the_sample_file_lacks_only_domain_and_password);
	tcase_add_test(tests, a_file_of_the_java_manager_is_taken_as_it_is);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
