/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a configuration means on this machine: where it listens, and who else
 * can get at its secrets.
 */
#include "common/process/config.h"
#include "common/shm/region.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DOCUMENT \
	"<jive><xmpp><domain>example.org</domain><password>s3cr3t</password>" \
	"%s%s%s</xmpp></jive>"

static struct config *config;
static char path[] = "/tmp/test_config_machineXXXXXX";
static char *said;
static size_t said_len;

static void
setup(void)
{
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void
teardown(void)
{
	config_free(&config);
	free(said);
	said = NULL;
	unlink(path);
}

static int
load(const char *before, const char *value, const char *after)
{
	FILE *file = fopen(path, "w"), *messages;
	int result;

	ck_assert_ptr_nonnull(file);
	fprintf(file, DOCUMENT, before, value, after);
	fclose(file);
	free(said);
	config_free(&config);
	messages = open_memstream(&said, &said_len);
	result = config_load(path, messages, &config);
	fclose(messages);
	return result;
}

static int
listen_at(const char *value)
{
	return load("<socket><network><interface>", value,
	    "</interface></network></socket>");
}

/* --- where it listens --- */

static const struct {
	const char *value, *addresses;
} places[] = {
	{ "192.0.2.1", "192.0.2.1" }, { "[2001:db8::1]", "2001:db8::1" },
	{ " 192.0.2.1\n2001:db8:0::1 192.0.2.1", "192.0.2.1 2001:db8::1" },
	{ "lo", "127.0.0.1" },        /* and maybe ::1 */
	{ "localhost", "127.0.0.1" }, /* likewise */
};

START_TEST(addresses_interfaces_and_hosts_are_found)
{
	struct endpoint endpoints[MACHINE_ADDRESSES_MAX];
	const char *wanted = places[_i].addresses;

	ck_assert_msg(listen_at(places[_i].value) == 0, "said: %s", said);
	ck_assert_msg(strncmp(config->client.interface, wanted,
			  strlen(wanted)) == 0,
	    "found: %s", config->client.interface);
	ck_assert_uint_ge(config_interface_addresses(config->client.interface,
			      5222, endpoints),
	    1);
	ck_assert_uint_eq(endpoint_port(&endpoints[0]), 5222);
}
END_TEST

static const char *const nowhere[] = { "eth99", "localhost.invalid", "a b",
	"192.0.2", "192.0.2.1/24", "fe80::1%lo" };

START_TEST(what_is_none_is_named_and_no_server_is_asked)
{
	ck_assert_int_eq(listen_at(nowhere[_i]), -EINVAL);
	ck_assert_msg(strstr(said, "xmpp.socket.network.interface: '") &&
			  strstr(said, "name servers are not queried"),
	    "said: %s", said);
}
END_TEST

START_TEST(without_one_it_stays_open)
{
	ck_assert_int_eq(load("", "", ""), 0);
	ck_assert_ptr_null(config->client.interface);
}
END_TEST

/* --- how much memory it shares --- */

START_TEST(a_receive_buffer_has_room_for_the_largest_item)
{
	static const size_t rows[][2] = { { 0, 256 << 10 },
		{ 65536, 256 << 10 }, { 87381, 256 << 10 },
		{ 87382, 512 << 10 }, { 1 << 20, 4 << 20 },
		{ 16 << 20, 64 << 20 } };
	struct config big = { .sessions_per_worker = 1 };
	struct region_geometry geometry;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		big.server.item_bytes = rows[i][0];
		config_region_geometry(&big, &geometry);
		ck_assert_uint_eq(geometry.receive_bytes, rows[i][1]);
	}
}
END_TEST

/* --- who can get at its secrets --- */

static const struct {
	mode_t mode;
	const char *said; /* NULL: nothing */
} modes[] = {
	{ 0600, NULL },
	{ 0640, NULL },
	{ 0644, "everybody on this machine can read" },
	{ 0660, "others can change" },
	{ 0602, "others can change" },
};

START_TEST(a_secret_that_others_reach_is_warned_of)
{
	chmod(path, modes[_i].mode);
	ck_assert_int_eq(load("", "", ""), 0);
	if (!modes[_i].said) {
		ck_assert_msg(!strstr(said, " holds "), "said: %s", said);
		return;
	}
	ck_assert_msg(strstr(said, ": warning: ") && strstr(said, path) &&
			  strstr(said, modes[_i].said),
	    "said: %s", said);
	ck_assert_ptr_null(strstr(said, "s3cr3t"));
}
END_TEST

START_TEST(so_is_a_key_in_the_file_of_the_certificate)
{
	static const char *const texts[] = {
		"-----BEGIN CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n",
	};
	char beside[] = "/tmp/test_config_machineXXXXXX";
	int fd = mkstemp(beside);
	size_t i;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fchmod(fd, 0644), 0);
	for (i = 0; i < ARRAY_LEN(texts); i++) {
		ck_assert_int_eq(ftruncate(fd, 0), 0);
		ck_assert_int_eq(pwrite(fd, texts[i], strlen(texts[i]), 0),
		    (int)strlen(texts[i]));
		ck_assert_int_ne(load("<socket><ssl><certificate>", beside,
				     "</certificate></ssl></socket>"),
		    0); /* it is none */
		ck_assert_msg(!strstr(said, " holds a private key") == (i == 0),
		    "said: %s", said);
	}
	close(fd);
	unlink(beside);
}
END_TEST

START_TEST(so_is_who_owns_it)
{
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(chown(path, 1, 0), 0);
	ck_assert_int_eq(load("", "", ""), 0);
	ck_assert_msg(strstr(said, "its owner") != NULL, "said: %s", said);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("config and machine");
	TCase *tests = tcase_create("config and machine");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, addresses_interfaces_and_hosts_are_found, 0,
	    ARRAY_LEN(places));
	tcase_add_loop_test(tests, what_is_none_is_named_and_no_server_is_asked,
	    0, ARRAY_LEN(nowhere));
	tcase_add_test(tests, without_one_it_stays_open);
	tcase_add_test(tests, a_receive_buffer_has_room_for_the_largest_item);
	tcase_add_loop_test(tests, a_secret_that_others_reach_is_warned_of, 0,
	    ARRAY_LEN(modes));
	tcase_add_test(tests, so_is_a_key_in_the_file_of_the_certificate);
	tcase_add_test(tests, so_is_who_owns_it);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
