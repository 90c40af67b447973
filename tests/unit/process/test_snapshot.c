/* SPDX-License-Identifier: Apache-2.0 */
/* That a configuration arrives as it was sent. */
#include "common/base/buf.h"
#include "common/process/config_option.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/process/snapshot_rig.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

START_TEST(what_is_sent_arrives)
{
	struct config *sent = with_certificate("PEM"), *got;
	const struct tls_identity *first;
	size_t i;
	int fd;

	sent->machine.name_servers = xstrdup("192.0.2.1:53");
	sent->machine.hosts = xstrdup("192.0.2.2 of\n");
	sent->machine.ndots = 3;
	fd = seal(sent, CONFIG_UPSTREAM);
	ck_assert_int_eq(snapshot_open(fd, &got), 0);
	ck_assert_str_eq(got->path, "manager.xml");
	ck_assert_str_eq(got->server.domain, "xmpp.example");
	ck_assert_str_eq(got->server.password, "s3cr3t");
	ck_assert_double_eq(got->client.idle_s, 90.5);
	ck_assert_double_eq(got->client.auth_timeout_s, 0.25);
	ck_assert_int_eq(got->log_level, LOG_DEBUG);
	ck_assert_uint_eq(got->worker_count, sent->worker_count);
	ck_assert_ptr_null(got->server.hostname);
	for (i = 0; i < option_count; i++)
		ck_assert_uint_eq(got->lines[i], sent->lines[i]);
	ck_assert_str_eq(got->machine.name_servers, "192.0.2.1:53");
	ck_assert_str_eq(got->machine.hosts, "192.0.2.2 of\n");
	ck_assert_str_eq(got->machine.search_domains, "");
	ck_assert_uint_eq(got->machine.ndots, 3);
	config_free(&got);
	close(fd);
	fd = seal(sent, CONFIG_WORKER);
	ck_assert_int_eq(snapshot_open(fd, &got), 0);
	ck_assert_str_eq(got->client.certificate.path, "cert.pem");
	ck_assert_ptr_null(got->client.certificate.bytes);
	ck_assert_uint_eq(got->client.identities.count, 1);
	first = &got->client.identities.all[0];
	ck_assert_str_eq(first->chain, "chain of it");
	ck_assert_str_eq(first->key, "key of it");
	ck_assert_uint_eq(first->ocsp_len, strlen("OCSP of it"));
	ck_assert_mem_eq(first->ocsp, "OCSP of it", first->ocsp_len);
	ck_assert_str_eq(first->hosts, "hosts of it");
	ck_assert_int_eq(first->for_domain, true);
	ck_assert_mem_eq(first->digest, sent->client.identities.all[0].digest,
	    sizeof(first->digest));
	config_free(&sent);
	config_free(&got);
	close(fd);
}
END_TEST

static void
ck_same_facts(const struct certificate_facts *got,
    const struct certificate_facts *sent)
{
	ck_assert_uint_eq(got->role, sent->role);
	ck_assert_uint_eq(got->faults, sent->faults);
	ck_assert_int_eq(got->not_before_s, sent->not_before_s);
	ck_assert_int_eq(got->not_after_s, sent->not_after_s);
	ck_assert_uint_eq(got->ocsp.state, sent->ocsp.state);
	ck_assert_int_eq(got->ocsp.until_s, sent->ocsp.until_s);
	ck_assert_str_eq(got->sha256, sent->sha256);
	ck_assert_str_eq(got->subject, sent->subject);
	ck_assert_str_eq(got->issuer, sent->issuer);
	ck_assert_str_eq(got->names, sent->names);
	ck_assert_str_eq(got->missing, sent->missing);
	ck_assert_str_eq(got->key, sent->key);
	ck_assert_str_eq(got->signature, sent->signature);
	ck_assert_str_eq(got->file, sent->file);
}

START_TEST(the_master_and_control_are_sent_what_is_known_of_certificates)
{
	struct config *sent = with_certificate("PEM"), *got;
	enum config_reader reader;
	int fd;

	sent->certificates.left_out = 7;
	for (reader = 0; reader < CONFIG_READER_COUNT; reader++)
		ck_assert_int_eq(is_sent(sent, reader, "subject of it"),
		    reader == CONFIG_MASTER || reader == CONFIG_CONTROL);
	fd = seal(sent, CONFIG_MASTER);
	ck_assert_int_eq(snapshot_open(fd, &got), 0);
	ck_assert_uint_eq(got->certificates.count, 1);
	ck_assert_uint_eq(got->certificates.left_out, 7);
	ck_same_facts(&got->certificates.rows[0], &sent->certificates.rows[0]);
	config_free(&sent);
	config_free(&got);
	close(fd);
}
END_TEST

static const struct {
	struct ocsp_facts sent, expected;
} absurd[] = {
	{ { .state = OCSP_STATE_COUNT }, { .state = OCSP_NONE } },
	{ { .state = UINT32_MAX, .until_s = INT64_MAX },
	    { .state = OCSP_NONE, .until_s = 253402300799 } },
	{ { .state = OCSP_FRESH, .until_s = -1 }, { .state = OCSP_FRESH } },
	{ { .state = OCSP_REVOKED, .until_s = INT64_MIN },
	    { .state = OCSP_REVOKED } },
};

START_TEST(absurd_facts_of_ocsp_are_bounded)
{
	struct config *sent = with_certificate("PEM"), *got;
	int fd;

	sent->certificates.rows[0].ocsp = absurd[_i].sent;
	fd = seal(sent, CONFIG_CONTROL);
	ck_assert_int_eq(snapshot_open(fd, &got), 0);
	ck_assert_uint_eq(got->certificates.rows[0].ocsp.state,
	    absurd[_i].expected.state);
	ck_assert_int_eq(got->certificates.rows[0].ocsp.until_s,
	    absurd[_i].expected.until_s);
	config_free(&sent);
	config_free(&got);
	close(fd);
}
END_TEST

/* One more than there may be, or a text longer than its place. */
START_TEST(certificates_that_do_not_fit_are_none)
{
	struct config *sent = parse(plain), *got;
	struct certificate_facts facts = { .sha256 = "cafe" };
	struct buf bytes;
	uint8_t *at;
	unsigned i;

	for (i = 0; i < CERTIFICATES_MAX; i++)
		certificate_list_add(&sent->certificates, &facts);
	buf_init(&bytes, 0);
	snapshot_encode(sent, CONFIG_MASTER, &bytes);
	ck_assert_int_eq(snapshot_decode(buf_bytes(&bytes), buf_len(&bytes),
			     &got),
	    0);
	config_free(&got);
	at = memmem(buf_bytes(&bytes), buf_len(&bytes), "\4\0\0\0cafe", 8);
	ck_assert_ptr_nonnull(at);
	at[0] = 70; /* of the first text, which has room for 64 */
	ck_assert_int_eq(snapshot_decode(buf_bytes(&bytes), buf_len(&bytes),
			     &got),
	    -EPROTO);
	at[0] = 4;
	ck_assert_uint_eq(at[-44] | at[-43] << 8, CERTIFICATES_MAX);
	at[-44]++;
	ck_assert_int_eq(snapshot_decode(buf_bytes(&bytes), buf_len(&bytes),
			     &got),
	    -EPROTO);
	buf_destroy(&bytes);
	config_free(&sent);
}
END_TEST

/* Without one of these texts it is not taken for a configuration. */
static void
expect_needed(struct config *sent, enum config_reader reader,
    char **const *texts, size_t count)
{
	struct config *got;
	struct buf bytes;
	char *kept;
	size_t i;
	int error;

	for (i = 0; i < count; i++) {
		kept = *texts[i];
		*texts[i] = NULL;
		buf_init(&bytes, 0);
		snapshot_encode(sent, reader, &bytes);
		error =
		    snapshot_decode(buf_bytes(&bytes), buf_len(&bytes), &got);
		ck_assert_msg(error == -EPROTO,
		    "without text %zu: %d, expected -EPROTO", i, error);
		buf_destroy(&bytes);
		*texts[i] = kept;
	}
}

START_TEST(half_of_what_was_opened_is_none)
{
	struct config *sent = with_certificate("PEM");
	char **const halves[] = { &sent->client.identities.all[0].chain,
		&sent->client.identities.all[0].key };

	expect_needed(sent, CONFIG_WORKER, halves, ARRAY_LEN(halves));
	config_free(&sent);
}
END_TEST

/* A program would take those for granted. */
START_TEST(without_domain_name_or_secret_it_is_none)
{
	struct config *sent = parse(plain);
	char **const needed[] = { &sent->server.domains,
		&sent->server.manager_name, &sent->server.password };

	expect_needed(sent, CONFIG_UPSTREAM, needed, ARRAY_LEN(needed));
	config_free(&sent);
}
END_TEST

/* Whatever the file may have: the least that is not nothing, and the most. */
START_TEST(every_number_that_may_be_set_arrives)
{
	struct config *sent = parse(plain), *got;
	struct buf bytes;
	char most[64];
	size_t i, turn;

	for (turn = 0; turn < 2; turn++) {
		for (i = 0; i < option_count; i++) {
			(void)snprintf(most, sizeof(most), "%.0f",
			    options[i].most);
			if (options[i].type == OPTION_SECONDS &&
			    options[i].least < 1e-9 && turn == 0)
				(void)snprintf(most, sizeof(most),
				    "0.00000001");
			else if (options[i].most <= options[i].least)
				continue;
			ck_assert_int_eq(option_set(&options[i], sent, most),
			    0);
		}
		buf_init(&bytes, 0);
		snapshot_encode(sent, CONFIG_WORKER, &bytes);
		ck_assert_int_eq(snapshot_decode(buf_bytes(&bytes),
				     buf_len(&bytes), &got),
		    0);
		ck_assert_double_eq(got->server.grace_s, sent->server.grace_s);
		ck_assert_double_eq(got->drain_window_s, sent->drain_window_s);
		ck_assert_double_eq(got->client.idle_s, sent->client.idle_s);
		ck_assert_uint_eq(got->server.item_bytes,
		    sent->server.item_bytes);
		buf_destroy(&bytes);
		config_free(&got);
	}
	config_free(&sent);
}
END_TEST

START_TEST(nobody_can_change_it_on_the_way)
{
	struct config *sent = parse(plain);
	int fd = seal(sent, CONFIG_WORKER);

	ck_assert_int_eq(pwrite(fd, "x", 1, 0), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(ftruncate(fd, 0), -1);
	config_free(&sent);
	close(fd);
}
END_TEST

START_TEST(what_is_cut_off_or_has_more_is_none)
{
	struct config *sent = with_certificate("PEM"), *got;
	int fd = memfd_create("empty", MFD_CLOEXEC);
	struct buf bytes;
	uint8_t *copy;
	size_t len;

	buf_init(&bytes, 0);
	snapshot_encode(sent, CONFIG_WORKER, &bytes);
	for (len = 0; len < buf_len(&bytes); len++) {
		copy = xmalloc(len + 1); /* its end is watched */
		memcpy(copy, buf_bytes(&bytes), len);
		ck_assert_int_eq(snapshot_decode(copy, len, &got), -EPROTO);
		free(copy);
	}
	(void)buf_append_char(&bytes, 0);
	ck_assert_int_eq(snapshot_decode(buf_bytes(&bytes), buf_len(&bytes),
			     &got),
	    -EPROTO);
	ck_assert_int_eq(snapshot_open(fd, &got), -EPROTO);
	close(fd);
	buf_destroy(&bytes);
	config_free(&sent);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("snapshot");
	TCase *tests = tcase_create("snapshot");

	tcase_add_test(tests, what_is_sent_arrives);
	tcase_add_test(tests,
	    the_master_and_control_are_sent_what_is_known_of_certificates);
	tcase_add_loop_test(tests, absurd_facts_of_ocsp_are_bounded, 0,
	    (int)ARRAY_LEN(absurd));
	tcase_add_test(tests, certificates_that_do_not_fit_are_none);
	tcase_add_test(tests, half_of_what_was_opened_is_none);
	tcase_add_test(tests, without_domain_name_or_secret_it_is_none);
	tcase_add_test(tests, every_number_that_may_be_set_arrives);
	tcase_add_test(tests, nobody_can_change_it_on_the_way);
	tcase_add_test(tests, what_is_cut_off_or_has_more_is_none);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
