/* SPDX-License-Identifier: Apache-2.0 */
/* Who is sent what of a configuration, and what two differ in. */
#include "common/base/buf.h"
#include "common/process/config_option.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/process/snapshot_rig.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What may be secret or large: each such option has one reader besides who
 * compares, or none; every other option has all. */
START_TEST(the_table_says_who_is_given_what_is_confided)
{
	size_t i;

	for (i = 0; i < option_count; i++) {
		bool confided = options[i].type == OPTION_SECRET ||
				options[i].type == OPTION_FILE ||
				options[i].type == OPTION_DIRECTORY;

		ck_assert_msg(confided == (options[i].reader != CONFIG_ANYBODY),
		    "%s", options[i].path);
	}
}
END_TEST

/* As manager.xml might have it: a value of its own for each option. */
static void
set_mark(const struct option *option, struct config *config, char mark_out[64])
{
	struct config_bytes *file = option_contents(option, config);

	(void)snprintf(mark_out, 64, "secret of %s", option->path);
	ck_assert_int_eq(option_set(option, config, mark_out), 0);
	if (!file)
		return;
	free(file->path);
	file->path = xstrdup("a name");
	file->bytes = (uint8_t *)xstrdup(mark_out);
	file->len = strlen(mark_out);
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
		ck_assert_int_eq(is_sent(sent, reader, "OCSP of it"),
		    reader == CONFIG_WORKER);
	}
	config_forget(sent);
	ck_assert_uint_eq(sent->client.identities.count, 0);
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
	ck_assert_uint_eq(got->client.identities.count, 0);
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
	ck_assert_uint_eq(config->client.identities.count, 0);
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
	ck_assert_uint_eq(whole->client.identities.count, 0);
	config_forget(whole);
	ck_assert_ptr_null(whole->server.password);
	ck_assert_ptr_null(whole->client.certificate.bytes);
	ck_assert_str_eq(whole->server.domain, "xmpp.example");
	config_free(&sent);
	config_free(&whole);
	close(fd);
}
END_TEST

START_TEST(what_cannot_change_live_is_named_and_kept)
{
	struct config *current = with_certificate("old");
	struct config *next = with_certificate("new");

	free(next->server.domains);
	next->server.domains = xstrdup("other.example");
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
	Suite *suite = suite_create("snapshot_readers");
	TCase *tests = tcase_create("snapshot_readers");

	tcase_add_test(tests, the_table_says_who_is_given_what_is_confided);
	tcase_add_test(tests, no_reader_is_sent_what_is_confided_to_another);
	tcase_add_test(tests, a_worker_alone_is_sent_what_was_opened);
	tcase_add_test(tests, control_alone_is_sent_what_http_shows);
	tcase_add_test(tests,
	    control_forgets_a_token_and_keeps_the_names_of_files);
	tcase_add_loop_test(tests,
	    a_key_of_tickets_is_kept_by_workers_and_reloads, 0, 2);
	tcase_add_test(tests, others_know_that_a_secret_is_set);
	tcase_add_test(tests, who_compares_has_all_and_forgets_it);
	tcase_add_test(tests, what_cannot_change_live_is_named_and_kept);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
