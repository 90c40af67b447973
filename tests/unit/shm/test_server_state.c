/* SPDX-License-Identifier: Apache-2.0 */
/* The server's state: readers get a whole one, also after a writer's death. */
#include "common/shm/region.h"
#include "common/shm/server_state.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/region/smallest_region.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct server_state
state_with(uint32_t version, uint32_t domain_count)
{
	struct server_state state = { 0 };
	uint32_t i;

	/* Comparable as bytes, padding too. */
	memset(&state, (int)(version % 251),
	    offsetof(struct server_state, offers[domain_count]));
	state.version = version;
	state.domain_count = domain_count;
	for (i = 0; i < domain_count; i++) {
		state.offers[i].mechanisms[SERVER_MECHANISMS_MAX - 1] = '\0';
		state.offers[i].clear_mechanisms[SERVER_MECHANISMS_MAX - 1] =
		    '\0';
	}
	return state;
}

static struct server_state
state_of(uint32_t version)
{
	return state_with(version, 1);
}

START_TEST(test_nothing_published_is_no_news)
{
	struct server_state state = { 0 };

	ck_assert_msg(!server_state_read(region, &state),
	    "there should be nothing to read before something is published");
	ck_assert_int_eq(state.phase, SERVER_UNKNOWN);
	/* nor damage */
	ck_assert_msg(server_state_is(region, &state),
	    "a state that was never published should not count as damaged");
}
END_TEST

START_TEST(test_each_version_is_read_once)
{
	struct server_state state = { 0 }, wrote;

	for (uint32_t version = 1; version < 1000; version++) {
		wrote = state_of(version);
		server_state_publish(region, &wrote);
		ck_assert_msg(server_state_read(region, &state),
		    "version %u should be news", version);
		ck_assert_mem_eq(&state, &wrote, sizeof(state));
		ck_assert_msg(!server_state_read(region, &state),
		    "version %u should be news only once", version);
	}
}
END_TEST

/* One after the other with more domains and with fewer. */
START_TEST(test_every_domain_has_its_offer)
{
	struct server_state state = { 0 }, wrote;
	uint32_t version = 0, count;

	for (count = 0; count <= SERVER_DOMAINS_MAX; count++) {
		wrote = state_with(++version, count);
		server_state_publish(region, &wrote);
		ck_assert_msg(server_state_read(region, &state),
		    "%u domains should be news", count);
		ck_assert_mem_eq(&state, &wrote, sizeof(state));
		wrote = state_with(++version, 2);
		server_state_publish(region, &wrote);
		ck_assert_msg(server_state_read(region, &state),
		    "two domains should be news behind %u", count);
		ck_assert_mem_eq(&state, &wrote, sizeof(state));
		ck_assert_msg(server_state_is(region, &wrote),
		    "two domains should be there behind %u", count);
	}
}
END_TEST

START_TEST(test_more_domains_than_there_can_be_are_cut)
{
	struct server_state state = { 0 };
	struct server_state wrote = state_with(1, SERVER_DOMAINS_MAX);

	wrote.domain_count = UINT32_MAX;
	server_state_publish(region, &wrote);
	ck_assert_msg(server_state_read(region, &state),
	    "an absurd number of domains should be readable");
	ck_assert_uint_eq(state.domain_count, SERVER_DOMAINS_MAX);
}
END_TEST

START_TEST(test_a_reader_that_comes_late_gets_the_latest)
{
	struct server_state state = { 0 }, wrote;

	for (uint32_t version = 1; version <= 7; version++) {
		wrote = state_of(version);
		server_state_publish(region, &wrote);
	}
	ck_assert_msg(server_state_read(region, &state),
	    "what was published last should be news");
	ck_assert_uint_eq(state.version, 7);
}
END_TEST

START_TEST(test_a_text_without_an_end_gets_one)
{
	struct server_state state = { 0 }, wrote = state_of(1);

	memset(wrote.offers[0].mechanisms, 'x', SERVER_MECHANISMS_MAX);
	server_state_publish(region, &wrote);
	ck_assert_msg(server_state_read(region, &state),
	    "a text without an end should be readable");
	ck_assert_uint_eq(strlen(state.offers[0].mechanisms),
	    SERVER_MECHANISMS_MAX - 1);
}
END_TEST

START_TEST(test_no_flipped_bit_is_read)
{
	uint32_t *words = region_section(region, REGION_SERVER_STATE, 0);
	struct server_state state = { 0 }, wrote = state_of(1);

	for (size_t bit = 0; bit < 32 * 260; bit += 37) {
		wrote.version++;
		server_state_publish(region, &wrote);
		ck_assert_msg(server_state_is(region, &wrote),
		    "what was just published should be what is there");
		words[bit / 32] ^= 1u << bit % 32;
		if (server_state_read(region, &state))
			ck_assert_mem_eq(&state, &wrote, sizeof(state));
		words[bit / 32] ^= 1u << bit % 32;
		(void)server_state_read(region, &state);
		ck_assert_mem_eq(&state, &wrote, sizeof(state));
	}
}
END_TEST

START_TEST(test_a_worker_reads_what_upstream_writes)
{
	struct server_state state = { 0 }, wrote = state_of(5);
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (region_become_upstream(region) != 0)
			_exit(1);
		server_state_publish(region, &wrote);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(region_become_worker(region, 0), 0);
	ck_assert_msg(server_state_read(region, &state),
	    "a state that another process published should be news");
	ck_assert_mem_eq(&state, &wrote, sizeof(state));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("server_state");
	TCase *tcase = tcase_create("server_state");

	tcase_add_checked_fixture(tcase, smallest_region_begin,
	    smallest_region_end);
	tcase_add_test(tcase, test_nothing_published_is_no_news);
	tcase_add_test(tcase, test_each_version_is_read_once);
	tcase_add_test(tcase, test_every_domain_has_its_offer);
	tcase_add_test(tcase, test_more_domains_than_there_can_be_are_cut);
	tcase_add_test(tcase, test_a_reader_that_comes_late_gets_the_latest);
	tcase_add_test(tcase, test_no_flipped_bit_is_read);
	tcase_add_test(tcase, test_a_text_without_an_end_gets_one);
	tcase_add_test(tcase, test_a_worker_reads_what_upstream_writes);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
