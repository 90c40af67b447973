/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of certificates, and what operators are told of it. */
#include "common/process/config.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/net/identity.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY "certificates"

static char folder[] = "/tmp/cm-directory-XXXXXX";
static struct identity own, other;
static struct config *config;
static char *said;
static size_t said_len;

static void
setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	ck_assert_int_eq(mkdir(DIRECTORY, 0700), 0);
	identity_make(&own, "xmpp.example", 0);
	identity_make(&other, "other.example", 0);
}

static void
teardown(void)
{
	char command[128];

	config_free(&config);
	free(said);
	said = NULL;
	identity_free(&own);
	identity_free(&other);
	(void)snprintf(command, sizeof(command), "rm -r %s", folder);
	ck_assert_int_eq(system(command), 0);
}

static void
put(const char *name, const void *bytes, size_t len)
{
	char path[256];
	FILE *file;

	(void)snprintf(path, sizeof(path), DIRECTORY "/%s", name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
	ck_assert_int_eq(fchmod(fileno(file), 0600), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static void
put_both(const char *name, const struct identity *identity)
{
	char text[16384];

	(void)snprintf(text, sizeof(text), "%s%s", identity->certificate,
	    identity->key);
	put(name, text, strlen(text));
}

static int
load(const char *more)
{
	char text[1024];
	FILE *messages;
	int error;

	(void)snprintf(text, sizeof(text),
	    "<jive><xmpp><domain>xmpp.example</domain><password>s</password>"
	    "<socket><ssl><directory>" DIRECTORY "</directory>%s</ssl></socket>"
	    "</xmpp></jive>",
	    more);
	free(said);
	config_free(&config);
	messages = open_memstream(&said, &said_len);
	error =
	    config_parse("manager.xml", text, strlen(text), messages, &config);
	(void)fclose(messages);
	return error;
}

static void
ck_said(const char *text)
{
	ck_assert_msg(strstr(said, text) != NULL, "said: %s", said);
}

static void
ck_opened(unsigned at, const char *file, const struct identity *identity)
{
	const struct tls_identity *opened = &config->client.identities.all[at];

	ck_assert_str_eq(opened->file, file);
	ck_assert_str_eq(opened->chain, (char *)identity->certificate);
	ck_assert_str_eq(opened->key, (char *)identity->key);
}

START_TEST(each_form_is_opened_and_what_is_none_is_skipped)
{
	size_t len;
	uint8_t *store = identity_store(&own, "changeit", &len);

	put_both("a.pem", &own);
	put("b.crt", other.certificate, other.certificate_len);
	put("b.key", other.key, other.key_len);
	put("c.p12", store, len);
	put("d.pem", own.certificate, own.certificate_len);
	put("d.key", own.key, own.key_len);
	free(store);
	put(".hidden.pem", "x", 1);
	put("a.pem~", "x", 1);
	put("a.pem.bak", "x", 1);
	put("#a.pem#", "x", 1);
	put("README", "x", 1);
	ck_assert_msg(load("") == 0, "said: %s", said);
	ck_assert_ptr_null(strstr(said, DIRECTORY));
	ck_assert_uint_eq(config->client.identities.count, 4);
	ck_opened(0, "a.pem", &own);
	ck_opened(1, "b.crt", &other);
	ck_opened(2, "c.p12", &own);
	ck_opened(3, "d.pem", &own);
}
END_TEST

/* A worker parses none of them at a reload. */
START_TEST(whom_each_is_for_is_read_once)
{
	const struct tls_identity *all;

	put_both("a.pem", &own);
	put_both("b.pem", &other);
	put_both("c.pem", &own);
	ck_assert_msg(load("") == 0, "said: %s", said);
	all = config->client.identities.all;
	ck_assert_str_eq(all[0].hosts, "xmpp.example");
	ck_assert_int_eq(all[0].for_domain, true);
	ck_assert_str_eq(all[1].hosts, "other.example");
	ck_assert_int_eq(all[1].for_domain, false);
	ck_assert_mem_eq(all[0].digest, all[2].digest, sizeof(all[0].digest));
	ck_assert_mem_ne(all[0].digest, all[1].digest, sizeof(all[0].digest));
}
END_TEST

START_TEST(what_is_no_pair_is_refused_by_its_name)
{
	put_both("a.pem", &own);
	put("b.crt", other.certificate, other.certificate_len);
	ck_assert_int_eq(load(""), -EINVAL);
	ck_said("xmpp.socket.ssl.directory: '" DIRECTORY "/b.crt' has no"
		" private key");
	put("b.key", own.key, own.key_len);
	ck_assert_int_eq(load(""), -EINVAL);
	ck_said(DIRECTORY "/b.key: the key does not belong to the certificate");
	put("b.key", "x", 1);
	ck_assert_int_eq(load(""), -EINVAL);
	ck_said(DIRECTORY "/b.key: the key cannot be read");
	put("b.crt", "x", 1);
	ck_assert_int_eq(load(""), -EINVAL);
	ck_said(DIRECTORY "/b.crt: the certificate cannot be read");
}
END_TEST

START_TEST(a_store_with_another_password_is_refused)
{
	size_t len;
	uint8_t *store = identity_store(&own, "secret of it", &len);

	put("a.p12", store, len);
	free(store);
	ck_assert_int_eq(load(""), -EINVAL);
	ck_said(DIRECTORY "/a.p12: cannot be opened as PKCS#12");
	ck_assert_int_eq(load("<keypass>secret of it</keypass>"), 0);
	ck_opened(0, "a.p12", &own);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_refused)
{
	put_both("a.pem", &own);
	ck_assert_int_eq(mkdir(DIRECTORY "/b.pem", 0700), 0);
	ck_assert_int_eq(load(""), -EINVAL);
	ck_said("cannot read '" DIRECTORY "/b.pem': Is a directory");
}
END_TEST

START_TEST(a_directory_that_is_none_or_empty_is_refused)
{
	ck_assert_int_eq(load(""), -EINVAL);
	ck_said("there is no certificate in '" DIRECTORY "'");
	ck_assert_int_eq(rmdir(DIRECTORY), 0);
	ck_assert_int_eq(load(""), -EINVAL);
	ck_said("cannot read '" DIRECTORY "': No such file");
	ck_assert_int_eq(mkdir(DIRECTORY, 0700), 0);
}
END_TEST

START_TEST(what_lies_there_alone_is_warned_of)
{
	put_both("a.pem", &own);
	put("b.key", other.key, other.key_len);
	put("a.ocsp", "x", 1);
	ck_assert_int_eq(load(""), 0);
	ck_said("warning: xmpp.socket.ssl.directory: '" DIRECTORY "/b.key' is"
		" not used");
	ck_said("warning: xmpp.socket.ssl.directory: '" DIRECTORY "/a.ocsp' is"
		" not shown to clients: it is no OCSP response in DER");
	ck_assert_ptr_null(config->client.identities.all[0].ocsp);
}
END_TEST

START_TEST(more_than_fit_are_refused)
{
	char name[32];
	unsigned i;

	for (i = 0; i <= 3 * TLS_IDENTITIES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "%u.ocsp", i);
		put(name, "", 0);
	}
	ck_assert_int_eq(load(""), -EINVAL);
	ck_said("'" DIRECTORY "' has more than 3000 files");
}
END_TEST

static void
on_change(void *context, const char *path, bool live)
{
	ck_assert_str_eq(path, "xmpp.socket.ssl.directory");
	ck_assert_msg(live, "a directory should be read again by a reload");
	++*(unsigned *)context;
}

START_TEST(another_file_in_it_is_a_change)
{
	struct config *before;
	unsigned changes = 0;

	put_both("a.pem", &own);
	ck_assert_int_eq(load(""), 0);
	before = config;
	config = NULL;
	ck_assert_int_eq(load(""), 0);
	config_keep(config, before, on_change, &changes);
	ck_assert_uint_eq(changes, 0);
	put_both("b.pem", &other);
	ck_assert_int_eq(load(""), 0);
	config_keep(config, before, on_change, &changes);
	ck_assert_uint_eq(changes, 1);
	ck_assert_uint_eq(config->client.identities.count, 2);
	config_look_at_certificates(config);
	ck_assert_uint_eq(config->certificates.count, 2);
	ck_assert_str_eq(config_certificate_file(config,
			     &config->certificates.rows[1]),
	    DIRECTORY "/b.pem");
	config_free(&before);
}
END_TEST

static Suite *
make_suite(void)
{
	Suite *suite = suite_create("config_directory");
	TCase *tests = tcase_create("config_directory");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, each_form_is_opened_and_what_is_none_is_skipped);
	tcase_add_test(tests, whom_each_is_for_is_read_once);
	tcase_add_test(tests, what_is_no_pair_is_refused_by_its_name);
	tcase_add_test(tests, a_store_with_another_password_is_refused);
	tcase_add_test(tests, a_file_that_cannot_be_read_is_refused);
	tcase_add_test(tests, a_directory_that_is_none_or_empty_is_refused);
	tcase_add_test(tests, what_lies_there_alone_is_warned_of);
	tcase_add_test(tests, more_than_fit_are_refused);
	tcase_add_test(tests, another_file_in_it_is_a_change);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return run_suite(make_suite());
}
