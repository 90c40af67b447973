/* SPDX-License-Identifier: Apache-2.0 */
/* Transports over a socket pair, plain and through TLS. */
#include "common/base/log.h"
#include "common/net/fd.h"
#include "common/net/tls.h"
#include "common/net/transport.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/net/identity.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct transport one, two;
static int ends[2];
static struct identity identity;
static struct tls_context *server, *client;

static void
setup(void)
{
	struct tls_verify verify = {
		.verify = true, .check_chain = true, .check_validity = true
	};
	struct tls_error error;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
			     ends),
	    0);
	transport_init(&one, ends[0]);
	transport_init(&two, ends[1]);
	identity_make(&identity, "xmpp.example", 0);
	ck_assert_int_eq(identity_server(&identity, &server, &error), 0);
	verify.authorities = identity.certificate;
	verify.authorities_len = identity.certificate_len;
	ck_assert_int_eq(tls_context_new_client(&verify, &client, &error), 0);
}

static void
teardown(void)
{
	transport_destroy(&one);
	transport_destroy(&two);
	tls_context_free(&server);
	tls_context_free(&client);
	identity_free(&identity);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

/* Drives both ends until both are done or one failed. */
static enum io_result
handshake(struct tls_error *client_error)
{
	enum io_result a = IO_AGAIN, b = IO_AGAIN;
	int turns;

	for (turns = 0; turns < 100; turns++) {
		if (a == IO_AGAIN)
			a = transport_handshake(&one, NULL);
		if (b == IO_AGAIN)
			b = transport_handshake(&two, client_error);
		if (b == IO_FAILED || (a != IO_AGAIN && b != IO_AGAIN))
			break;
	}
	return b == IO_FAILED || a == IO_FAILED ? IO_FAILED : IO_OK;
}

static void
send_and_receive(size_t len)
{
	uint8_t *out = malloc(len), *in = malloc(len);
	size_t sent = 0, got = 0, now, i;
	struct iovec vector;
	enum io_result result;

	for (i = 0; i < len; i++)
		out[i] = (uint8_t)(i * 31 + i / 251);
	while (got < len) {
		vector.iov_base = out + sent;
		vector.iov_len = len - sent;
		result = transport_write(&one, &vector, sent < len, &now);
		ck_assert_msg(result == IO_OK || result == IO_AGAIN,
		    "writing should go on or wait, not end with %d",
		    (int)result);
		sent += now;
		do {
			result =
			    transport_read(&two, in + got, len - got, &now);
			ck_assert_msg(result == IO_OK || result == IO_AGAIN,
			    "reading should go on or wait, not end with %d",
			    (int)result);
			got += now;
		} while (result == IO_OK && got < len);
	}
	ck_assert_mem_eq(in, out, len);
	ck_assert_uint_eq(transport_produced(&one), one.written);
	free(out);
	free(in);
}

START_TEST(test_plain_bytes_arrive_and_are_counted)
{
	send_and_receive(3 * 1024 * 1024);
	ck_assert_uint_eq(one.written, 3 * 1024 * 1024);
}
END_TEST

START_TEST(test_secure_bytes_arrive_in_order)
{
	char text[128];
	uint16_t version, cipher;

	transport_start_tls_server(&one, server, false);
	transport_start_tls_client(&two, client, "xmpp.example");
	ck_assert_int_eq(handshake(NULL), IO_OK);
	ck_assert_msg(transport_is_secure(&one),
	    "the server's side should be secure");
	ck_assert_msg(transport_is_secure(&two),
	    "the client's side should be secure");
	transport_describe(&one, &version, &cipher, text, sizeof(text));
	ck_assert_uint_eq(version, 0x0304);
	send_and_receive(3 * 1024 * 1024 + 17);
	ck_assert_uint_gt(one.written, 3 * 1024 * 1024 + 17);
}
END_TEST

START_TEST(test_the_end_is_seen)
{
	uint8_t byte;
	size_t len;

	transport_start_tls_server(&one, server, false);
	transport_start_tls_client(&two, client, "xmpp.example");
	ck_assert_int_eq(handshake(NULL), IO_OK);
	transport_shutdown(&one);
	ck_assert_int_eq(transport_read(&two, &byte, 1, &len), IO_EOF);
}
END_TEST

START_TEST(test_a_certificate_for_another_name_is_refused)
{
	struct tls_error error;

	transport_start_tls_server(&one, server, false);
	transport_start_tls_client(&two, client, "other.example");
	ck_assert_int_eq(handshake(&error), IO_FAILED);
	ck_assert_ptr_nonnull(strstr(error.text, "not for other.example"));
}
END_TEST

START_TEST(test_an_unknown_signer_is_refused_unless_told)
{
	struct tls_verify verify = {
		.verify = true, .check_chain = true, .check_validity = true
	};
	struct tls_error error;

	tls_context_free(&client);
	ck_assert_int_eq(tls_context_new_client(&verify, &client, &error), 0);
	transport_start_tls_server(&one, server, false);
	transport_start_tls_client(&two, client, "xmpp.example");
	ck_assert_int_eq(handshake(&error), IO_FAILED);
	ck_assert_ptr_nonnull(strstr(error.text, "not accepted"));
}
END_TEST

START_TEST(test_a_selfsigned_certificate_is_accepted_when_told)
{
	struct tls_verify verify = { .verify = true,
		.check_chain = true,
		.check_validity = true,
		.accept_selfsigned = true };
	struct tls_error error;

	tls_context_free(&client);
	ck_assert_int_eq(tls_context_new_client(&verify, &client, &error), 0);
	transport_start_tls_server(&one, server, false);
	transport_start_tls_client(&two, client, "xmpp.example");
	ck_assert_int_eq(handshake(&error), IO_OK);
}
END_TEST

START_TEST(test_an_expired_certificate_is_refused)
{
	struct identity old;
	struct tls_error error;
	struct tls_verify verify = { .verify = true,
		.check_chain = true,
		.check_validity = true,
		.accept_selfsigned = true };

	identity_make(&old, "xmpp.example", -86400);
	tls_context_free(&server);
	tls_context_free(&client);
	ck_assert_int_eq(identity_server(&old, &server, &error), 0);
	ck_assert_int_eq(tls_context_new_client(&verify, &client, &error), 0);
	transport_start_tls_server(&one, server, false);
	transport_start_tls_client(&two, client, "xmpp.example");
	ck_assert_int_eq(handshake(&error), IO_FAILED);
	ck_assert_ptr_nonnull(strstr(error.text, "expired"));
	identity_free(&old);
}
END_TEST

START_TEST(test_keys_and_certificates_must_match)
{
	struct identity other, mixed;
	struct tls_context *none;
	struct tls_error error;

	identity_make(&other, "xmpp.example", 0);
	mixed = identity;
	mixed.key = other.key;
	mixed.key_len = other.key_len;
	ck_assert_int_ne(identity_server(&mixed, &none, &error), 0);
	ck_assert_ptr_nonnull(strstr(error.text, "does not belong"));
	identity_free(&other);
}
END_TEST

START_TEST(test_a_java_key_store_is_refused_with_the_command)
{
	static const uint8_t jks[] = { 0xFE, 0xED, 0xFE, 0xED, 0, 0, 0, 2 };
	struct tls_server_material material = {
		.store = jks, .store_len = sizeof(jks), .path = "conf/keystore"
	};
	struct tls_context *none;
	struct tls_error error;

	ck_assert_int_ne(tls_context_new_server(&material, &none, &error), 0);
	ck_assert_ptr_nonnull(strstr(error.text,
	    "keytool -importkeystore -srckeystore conf/keystore"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("transport");
	TCase *tcase = tcase_create("transport");

	log_init("test", LOG_ERROR);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_plain_bytes_arrive_and_are_counted);
	tcase_add_test(tcase, test_secure_bytes_arrive_in_order);
	tcase_add_test(tcase, test_the_end_is_seen);
	tcase_add_test(tcase, test_a_certificate_for_another_name_is_refused);
	tcase_add_test(tcase, test_an_unknown_signer_is_refused_unless_told);
	tcase_add_test(tcase,
	    test_a_selfsigned_certificate_is_accepted_when_told);
	tcase_add_test(tcase, test_an_expired_certificate_is_refused);
	tcase_add_test(tcase, test_keys_and_certificates_must_match);
	tcase_add_test(tcase,
	    test_a_java_key_store_is_refused_with_the_command);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
