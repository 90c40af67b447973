/* SPDX-License-Identifier: Apache-2.0 */
/* The heaviest client, against a naive look at all. */
#include "tests/support/check/run_suite.h"
#include "tests/support/check/seed.h"
#include "worker/client/client.h"
#include "worker/client/state.h"
#include "worker/client/weights.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define CLIENTS 100

static struct client_worker worker;
static struct client clients[CLIENTS];

static uint64_t
naive_heaviest(void)
{
	uint64_t most = 0;
	int i;

	for (i = 0; i < CLIENTS; i++)
		most = MAX(most, client_weight(&clients[i]));
	return most;
}

START_TEST(the_heaviest_is_found_whatever_happened_before)
{
	struct client *client;
	int i;

	(void)seed_random("test_weights");
	for (i = 0; i < CLIENTS; i++)
		clients[i].io.data = &worker;
	for (i = 0; i < 30000; i++) {
		client = &clients[random() % CLIENTS];
		if (random() % 3 == 0)
			client->queue.blocks = 0;
		else
			client->queue.blocks += (uint32_t)random() % 100;
		if (random() % 50 == 0) {
			weights_forget(client);
			client->queue.blocks = 0;
		} else {
			weights_update(client);
		}
		client = weights_heaviest(&worker);
		ck_assert_uint_eq(client ? client_weight(client) : 0,
		    naive_heaviest());
	}
	weights_free(&worker);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("weights");
	TCase *tcase = tcase_create("weights");

	tcase_add_test(tcase, the_heaviest_is_found_whatever_happened_before);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
