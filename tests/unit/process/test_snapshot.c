/* SPDX-License-Identifier: Apache-2.0 */
/*
 * That a configuration arrives as it was sent, and what two differ in.
 */
#include "common/base/buf.h"
#include "common/process/config_option.h"
#include "common/process/snapshot.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char plain[] =
    "<jive><xmpp><domain>xmpp.example</domain><password>s3cr3t</password>"
    "<manager><name>cm</name></manager>"
    "<client><idle>90500</idle><auth><timeout>0.25</timeout></auth></client>"
    "<socket><ssl><active>false</active></ssl></socket></xmpp>"
    "<log><level>debug</level></log></jive>";

static struct config *
parse(const char *text)
{
	FILE *messages = fopen("/dev/null", "w");
	struct config *config;

	ck_assert_int_eq(config_parse("manager.xml", text, strlen(text),
			     messages, &config),
	    0);
	(void)fclose(messages);
	return config;
}

static struct config *
with_certificate(const char *contents)
{
	struct config *config = parse(plain);

	config->client.certificate.path = xstrdup("cert.pem");
	config->client.certificate.bytes = (uint8_t *)xstrdup(contents);
	config->client.certificate.len = strlen(contents);
	config->client.identity.chain = xstrdup("chain of it");
	config->client.identity.key = xstrdup("key of it");
	certificate_list_add(&config->certificates,
	    &(struct certificate_facts){ .role = CERTIFICATE_INTERMEDIATE,
		.faults = FINDING_MASK(WEAK_KEY),
		.not_before_s = -1,
		.not_after_s = 4200000000,
		.sha256 = "cafe",
		.subject = "subject of it",
		.issuer = "issuer",
		.names = "names",
		.missing = "missing",
		.key = "RSA 1024",
		.signature = "signature" });
	return config;
}

static int
seal(const struct config *config, enum config_reader reader)
{
	int fd = snapshot_new();

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(snapshot_fill(fd, config, reader), 0);
	return fd;
}

START_TEST(what_is_sent_arrives)
{
	struct config *sent = with_certificate("PEM"), *got;
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
	ck_assert_str_eq(got->client.identity.chain, "chain of it");
	ck_assert_str_eq(got->client.identity.key, "key of it");
	config_free(&sent);
	config_free(&got);
	close(fd);
}
END_TEST

/* What may be secret or large: each such option has one reader besides who
 * compares, or none; every other option has all. */
START_TEST(the_table_says_who_is_given_what_is_confided)
{
	size_t i;

	for (i = 0; i < option_count; i++) {
		bool confided = options[i].type == OPTION_SECRET ||
				options[i].type == OPTION_FILE;

		ck_assert_msg(confided == (options[i].reader != CONFIG_ANYBODY),
		    "%s", options[i].path);
	}
}
END_TEST

/* As manager.xml might have it: a value of its own for each option. */
static void
set_mark(const struct option *option, struct config *config, char mark_out[64])
{
	struct config_bytes *file = (void *)((char *)config + option->offset);

	(void)snprintf(mark_out, 64, "secret of %s", option->path);
	ck_assert_int_eq(option_set(option, config, mark_out), 0);
	if (option->type != OPTION_FILE)
		return;
	free(file->path);
	file->path = xstrdup("a name");
	file->bytes = (uint8_t *)xstrdup(mark_out);
	file->len = strlen(mark_out);
}

static bool
is_sent(const struct config *config, enum config_reader reader,
    const char *text)
{
	struct buf bytes;
	bool found;

	buf_init(&bytes, 0);
	snapshot_encode(config, reader, &bytes);
	found = memmem(buf_bytes(&bytes), buf_len(&bytes), text,
		    strlen(text)) != NULL;
	buf_destroy(&bytes);
	return found;
}

START_TEST(no_reader_is_sent_what_is_confided_to_another)
{
	struct config *sent = parse(plain);
	enum config_reader reader;
	char mark[64];
	size_t i;

	for (i = 0; i < option_count; i++) {
		if (options[i].reader == CONFIG_ANYBODY)
			continue;
		set_mark(&options[i], sent, mark);
		for (reader = 0; reader < CONFIG_READER_COUNT; reader++)
			ck_assert_msg(is_sent(sent, reader, mark) ==
					  (reader == options[i].reader ||
					      reader == CONFIG_RELOAD),
			    "%s, reader %u", mark, reader);
	}
	config_free(&sent);
}
END_TEST

START_TEST(a_worker_alone_is_sent_what_was_opened)
{
	struct config *sent = with_certificate("PEM");
	enum config_reader reader;

	for (reader = 0; reader < CONFIG_READER_COUNT; reader++) {
		ck_assert_int_eq(is_sent(sent, reader, "chain of it"),
		    reader == CONFIG_WORKER);
		ck_assert_int_eq(is_sent(sent, reader, "key of it"),
		    reader == CONFIG_WORKER);
	}
	config_forget(sent);
	ck_assert_ptr_null(sent->client.identity.chain);
	ck_assert_ptr_null(sent->client.identity.key);
	config_free(&sent);
}
END_TEST

START_TEST(control_alone_is_sent_what_http_shows)
{
	struct config *sent = parse(plain), *got;
	enum config_reader reader;
	int fd;

	sent->http.identity.chain = xstrdup("chain of HTTP");
	sent->http.identity.key = xstrdup("key of HTTP");
	for (reader = 0; reader < CONFIG_READER_COUNT; reader++) {
		ck_assert_int_eq(is_sent(sent, reader, "chain of HTTP"),
		    reader == CONFIG_CONTROL);
		ck_assert_int_eq(is_sent(sent, reader, "key of HTTP"),
		    reader == CONFIG_CONTROL);
	}
	fd = seal(sent, CONFIG_CONTROL);
	ck_assert_int_eq(snapshot_open(fd, &got), 0);
	ck_assert_str_eq(got->http.identity.chain, "chain of HTTP");
	ck_assert_str_eq(got->http.identity.key, "key of HTTP");
	ck_assert_ptr_null(got->client.identity.key);
	config_free(&sent);
	config_free(&got);
	close(fd);
}
END_TEST

START_TEST(control_forgets_a_token_and_keeps_the_names_of_files)
{
	struct config *config = with_certificate("PEM");

	config->http.token.path = xstrdup("token file");
	config->http.token.bytes = (uint8_t *)xstrdup("token");
	config->http.token.len = 5;
	config->http.identity.key = xstrdup("key of HTTP");
	config_forget_contents(config);
	ck_assert_str_eq(config->http.token.path, "token file");
	ck_assert_ptr_null(config->http.token.bytes);
	ck_assert_uint_eq(config->http.token.len, 0);
	ck_assert_ptr_null(config->http.identity.key);
	ck_assert_str_eq(config->client.certificate.path, "cert.pem");
	ck_assert_ptr_null(config->client.certificate.bytes);
	ck_assert_ptr_null(config->client.identity.key);
	config_free(&config);
}
END_TEST

static char applied[256], waiting[256];

static void
on_change(void *context, const char *path, bool live)
{
	char *list = live ? applied : waiting;
	size_t len = strlen(list);

	(void)context;
	(void)snprintf(list + len, sizeof(applied) - len, "%s ", path);
}

/* A key that was made is sent on, so that a reload costs nobody his ticket;
 * one from a file is as the file now is. */
START_TEST(a_key_of_tickets_is_kept_by_workers_and_reloads)
{
	static const char *const paths[] = { NULL, "tickets.key" };
	struct config *sent, *next;
	enum config_reader reader;

	for (reader = 0; reader < CONFIG_READER_COUNT; reader++) {
		sent = parse(plain);
		ck_assert_msg(sent->client.has_ticket_key,
		    "without a file a key should be made");
		memset(sent->client.ticket_key, 'k', TLS_TICKET_KEY_BYTES);
		ck_assert_int_eq(is_sent(sent, reader, "kkkkkkkkkkkkkkkkkkkk"),
		    reader == CONFIG_WORKER || reader == CONFIG_RELOAD);
		next = parse(plain);
		if (paths[_i])
			next->client.ticket_key_file.path = xstrdup(paths[_i]);
		config_keep(next, sent, on_change, NULL);
		ck_assert_int_eq(is_sent(next, CONFIG_WORKER,
				     "kkkkkkkkkkkkkkkkkkkk"),
		    paths[_i] == NULL);
		config_forget(next);
		ck_assert_int_eq(is_sent(next, CONFIG_WORKER,
				     "kkkkkkkkkkkkkkkkkkkk"),
		    false);
		config_free(&sent);
		config_free(&next);
	}
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
	ck_assert_str_eq(got->sha256, sent->sha256);
	ck_assert_str_eq(got->subject, sent->subject);
	ck_assert_str_eq(got->issuer, sent->issuer);
	ck_assert_str_eq(got->names, sent->names);
	ck_assert_str_eq(got->missing, sent->missing);
	ck_assert_str_eq(got->key, sent->key);
	ck_assert_str_eq(got->signature, sent->signature);
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
	ck_assert_uint_eq(at[-32], CERTIFICATES_MAX);
	at[-32]++;
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
	char **const halves[] = { &sent->client.identity.chain,
		&sent->client.identity.key };

	expect_needed(sent, CONFIG_WORKER, halves, ARRAY_LEN(halves));
	config_free(&sent);
}
END_TEST

START_TEST(others_know_that_a_secret_is_set)
{
	struct config *sent = parse(plain), *got;
	int fd = seal(sent, CONFIG_MASTER);

	ck_assert_int_eq(snapshot_open(fd, &got), 0);
	ck_assert_str_eq(got->server.password, "");
	ck_assert_ptr_null(got->client.key_password);
	config_free(&sent);
	config_free(&got);
	close(fd);
}
END_TEST

START_TEST(who_compares_has_all_and_forgets_it)
{
	struct config *sent = with_certificate("PEM"), *whole;
	int fd = seal(sent, CONFIG_RELOAD);

	ck_assert_int_eq(snapshot_open(fd, &whole), 0);
	ck_assert_str_eq(whole->server.password, "s3cr3t");
	ck_assert_uint_eq(whole->client.certificate.len, 3);
	ck_assert_mem_eq(whole->client.certificate.bytes, "PEM", 3);
	ck_assert_ptr_null(whole->client.key.bytes);
	ck_assert_ptr_null(whole->client.identity.key);
	config_forget(whole);
	ck_assert_ptr_null(whole->server.password);
	ck_assert_ptr_null(whole->client.certificate.bytes);
	ck_assert_str_eq(whole->server.domain, "xmpp.example");
	config_free(&sent);
	config_free(&whole);
	close(fd);
}
END_TEST

/* A program would take those for granted. */
START_TEST(without_domain_name_or_secret_it_is_none)
{
	struct config *sent = parse(plain);
	char **const needed[] = { &sent->server.domain,
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

START_TEST(what_cannot_change_live_is_named_and_kept)
{
	struct config *current = with_certificate("old");
	struct config *next = with_certificate("new");

	free(next->server.domain);
	next->server.domain = xstrdup("other.example");
	free(next->server.password);
	next->server.password = xstrdup("other");
	next->client.idle_s = 7;
	next->worker_max = current->worker_max + 1;
	next->server.hostname = xstrdup("host.example");
	config_keep(next, current, on_change, NULL);
	ck_assert_str_eq(applied,
	    "xmpp.password xmpp.client.idle xmpp.socket.ssl.certificate ");
	ck_assert_str_eq(waiting, "xmpp.domain xmpp.hostname workers.max ");
	ck_assert_str_eq(next->server.domain, "xmpp.example");
	ck_assert_str_eq(next->server.password, "other");
	ck_assert_ptr_null(next->server.hostname);
	ck_assert_uint_eq(next->worker_max, current->worker_max);
	ck_assert_double_eq(next->client.idle_s, 7);
	config_free(&current);
	config_free(&next);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("snapshot");
	TCase *tests = tcase_create("snapshot");

	tcase_add_test(tests, what_is_sent_arrives);
	tcase_add_loop_test(tests,
	    a_key_of_tickets_is_kept_by_workers_and_reloads, 0, 2);
	tcase_add_test(tests, the_table_says_who_is_given_what_is_confided);
	tcase_add_test(tests, no_reader_is_sent_what_is_confided_to_another);
	tcase_add_test(tests, others_know_that_a_secret_is_set);
	tcase_add_test(tests, a_worker_alone_is_sent_what_was_opened);
	tcase_add_test(tests, control_alone_is_sent_what_http_shows);
	tcase_add_test(tests,
	    control_forgets_a_token_and_keeps_the_names_of_files);
	tcase_add_test(tests,
	    the_master_and_control_are_sent_what_is_known_of_certificates);
	tcase_add_test(tests, certificates_that_do_not_fit_are_none);
	tcase_add_test(tests, half_of_what_was_opened_is_none);
	tcase_add_test(tests, who_compares_has_all_and_forgets_it);
	tcase_add_test(tests, without_domain_name_or_secret_it_is_none);
	tcase_add_test(tests, every_number_that_may_be_set_arrives);
	tcase_add_test(tests, nobody_can_change_it_on_the_way);
	tcase_add_test(tests, what_is_cut_off_or_has_more_is_none);
	tcase_add_test(tests, what_cannot_change_live_is_named_and_kept);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
