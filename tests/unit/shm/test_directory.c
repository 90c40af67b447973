/* SPDX-License-Identifier: Apache-2.0 */
/* The directory against a naive shadow, with its ledger and JID arena. */
#include "common/shm/directory.h"
#include "common/shm/ledger.h"
#include "common/shm/region.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/check/seed.h"
#include "tests/support/region/ledger_live.h"
#include "tests/support/region/small_region.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS      64u
#define PARTITIONS SMALL_PARTITIONS

static struct region *region;
static struct ledger *ledger;
static struct directory *directory;

static void
random_bytes(void *bytes, size_t len)
{
	uint8_t *byte = bytes;

	while (len-- > 0)
		*byte++ = (uint8_t)(random() >> 7);
}

static void
setup(void)
{
	region = small_region(SLOTS, 4096);
	ck_assert_int_eq(ledger_new_volatile("cm1", PARTITIONS, SLOTS, &ledger),
	    0);
	directory = directory_new(region, ledger, "cm1", random_bytes);
}

static void
teardown(void)
{
	directory_free(&directory);
	ledger_free(&ledger);
	region_free(&region);
}

struct shadow {
	bool live;
	uint32_t generation;
	char id[STREAMID_MAX + 1];
	char jid[128];
};

static struct shadow shadows[SLOTS];

static void
claim_one(void)
{
	uint32_t slot, live = 0, i;
	struct shadow *shadow;
	int error;

	for (i = 0; i < SLOTS; i++)
		live += shadows[i].live;
	error = directory_claim(directory, 1, &slot);
	ck_assert_int_eq(error, live == SLOTS ? -ENOSPC : 0);
	if (error)
		return;
	ck_assert_uint_ge(slot, SLOTS);
	ck_assert_uint_lt(slot, 2 * SLOTS);
	shadow = &shadows[slot - SLOTS];
	ck_assert_msg(!shadow->live,
	    "slot %u was claimed and should have been free", slot);
	shadow->live = true;
	shadow->generation = directory_generation(directory, slot);
	directory_streamid(directory, slot, shadow->id);
	snprintf(shadow->jid, sizeof(shadow->jid), "user%d@example.org/%0*d",
	    (int)random(), (int)(random() % 60), (int)random());
	ck_assert_int_eq(directory_set_jid(directory, slot, shadow->jid,
			     strlen(shadow->jid)),
	    0);
}

static void
end_one(void)
{
	uint32_t slot = SLOTS + (uint32_t)random() % SLOTS;
	struct shadow *shadow = &shadows[slot - SLOTS];

	/* An older generation never ends a newer one. */
	directory_end(directory, slot, shadow->generation - 1);
	if (!shadow->live)
		return;
	directory_wipe_info(directory, slot);
	directory_end(directory, slot, shadow->generation);
	directory_end(directory, slot, shadow->generation);
	shadow->live = false;
}

static void
check_all(void)
{
	uint32_t i, slot, generation, live = 0;
	size_t len;
	const char *jid;

	for (i = 0; i < SLOTS; i++) {
		struct shadow *s = &shadows[i];
		int found = directory_find(directory, s->id, strlen(s->id),
		    &slot, &generation);

		live += s->live;
		ck_assert_int_eq(found, s->live ? 0 : -ENOENT);
		ck_assert_int_eq(directory_is_live(directory, SLOTS + i),
		    s->live);
		if (!s->live)
			continue;
		ck_assert_uint_eq(slot, SLOTS + i);
		ck_assert_uint_eq(generation, s->generation);
		jid = directory_jid(directory, slot, &len);
		ck_assert_uint_eq(len, strlen(s->jid));
		ck_assert_mem_eq(jid, s->jid, len);
	}
	ck_assert_uint_eq(ledger_live_count(ledger), live);
}

START_TEST(test_random_claims_and_ends_match_a_shadow)
{
	int i;

	(void)seed_random("test_directory");
	memset(shadows, 0, sizeof(shadows));
	for (i = 0; i < 4000; i++) {
		if (random() % 2)
			claim_one();
		else
			end_one();
		if (i % 16 == 0)
			check_all();
	}
}
END_TEST

START_TEST(test_a_slot_is_not_used_again_at_once)
{
	uint32_t first, next, i;

	ck_assert_int_eq(directory_claim(directory, 0, &first), 0);
	directory_wipe_info(directory, first);
	directory_end(directory, first, directory_generation(directory, first));
	for (i = 0; i < SLOTS - 1; i++) {
		ck_assert_int_eq(directory_claim(directory, 0, &next), 0);
		ck_assert_uint_ne(next, first);
	}
	ck_assert_int_eq(directory_claim(directory, 0, &next), 0);
	ck_assert_uint_eq(next, first);
}
END_TEST

START_TEST(test_rows_of_ghost_sessions_wait_for_their_close)
{
	const uint8_t nonce[SESSION_NONCE_BYTES] = { 1, 2, 3 };
	uint32_t slot, i;

	ledger_claim(ledger, 5, nonce, 41);
	for (i = 0; i < SLOTS - 1; i++) {
		ck_assert_int_eq(directory_claim(directory, 0, &slot), 0);
		ck_assert_uint_ne(slot, 5);
	}
	ck_assert_int_eq(directory_claim(directory, 0, &slot), -ENOSPC);
	ledger_end(ledger, 5, 41);
	ck_assert_int_eq(directory_claim(directory, 0, &slot), 0);
	ck_assert_uint_eq(slot, 5);
	ck_assert_uint_eq(directory_generation(directory, 5), 42);
}
END_TEST

START_TEST(test_a_claim_cut_short_costs_no_slot)
{
	static const uint8_t nonce[SESSION_NONCE_BYTES] = { 1 };
	uint32_t slot, generation, again, i;

	ck_assert_int_eq(directory_claim(directory, 1, &slot), 0);
	generation = directory_generation(directory, slot);
	directory_wipe_info(directory, slot);
	directory_end(directory, slot, generation);
	/* Its worker died before it wrote the slot. */
	ledger_claim(ledger, slot, nonce, generation + 1);
	for (i = 0; i < SLOTS; i++)
		ck_assert_int_eq(directory_claim(directory, 1, &again), 0);
	ck_assert_msg(directory_is_live(directory, slot),
	    "the slot should be live before it is ended");
	ck_assert_uint_eq(directory_generation(directory, slot),
	    generation + 2);
}
END_TEST

/* What others see of a session is not what its worker knows of it. */
START_TEST(test_an_own_row_that_was_damaged_is_written_anew)
{
	char id[STREAMID_MAX + 1], now[STREAMID_MAX + 1];
	uint32_t slot, nonce32, before, i;
	struct ledger_entry entry;
	struct session_slot *shared;
	uint8_t lane;

	ck_assert_int_eq(directory_claim(directory, 1, &slot), 0);
	ck_assert_msg(!directory_restore(directory, slot),
	    "there should be nothing to restore in a row that is sound");
	directory_streamid(directory, slot, id);
	ck_assert_int_eq(directory_check(directory, slot, 1, &before, &lane),
	    0);
	shared = region_section(region, REGION_SLOTS, 1);
	shared += slot % SLOTS;
	for (i = 0; i < 2 * sizeof(*shared) * 8; i++) {
		if (i < sizeof(*shared) * 8)
			((uint8_t *)shared)[i / 8] ^= (uint8_t)(1u << i % 8);
		else
			ledger_claim(ledger, slot, shared->nonce, i);
		directory_streamid(directory, slot, now);
		ck_assert_str_eq(now, id);
		ck_assert_int_eq(directory_check(directory, slot, 1, &nonce32,
				     &lane),
		    0);
		ck_assert_uint_eq(nonce32, before);
		(void)directory_restore(directory, slot);
		ck_assert_msg(!directory_restore(directory, slot),
		    "a row that was just restored should be sound");
		ck_assert_uint_eq(atomic_load(&shared->generation), 1);
		ck_assert_msg(ledger_is_live(ledger, slot, &entry),
		    "the ledger's row should live on after it was restored");
		ck_assert_uint_eq(entry.generation, 1);
		ck_assert_int_eq(memcmp(entry.nonce, shared->nonce,
				     SESSION_NONCE_BYTES),
		    0);
	}
}
END_TEST

START_TEST(test_a_slot_that_has_a_client_is_nobody_elses)
{
	uint32_t slot, other, i;

	ck_assert_int_eq(directory_claim(directory, 1, &slot), 0);
	directory_end(directory, slot, 1); /* as damage could have it */
	for (i = 0; i < SLOTS - 1; i++)
		ck_assert_int_eq(directory_claim(directory, 1, &other), 0);
	ck_assert_int_eq(directory_claim(directory, 1, &other), -ENOSPC);
	directory_wipe_info(directory, slot);
	ck_assert_int_eq(directory_claim(directory, 1, &other), 0);
	ck_assert_uint_eq(other, slot);
}
END_TEST

START_TEST(test_foreign_streamids_are_not_found)
{
	char id[STREAMID_MAX + 1];
	uint32_t slot, generation;
	size_t len, i;

	ck_assert_int_eq(directory_claim(directory, 2, &slot), 0);
	len = directory_streamid(directory, slot, id);
	ck_assert_uint_eq(len, strlen("cm1") + STREAMID_TAIL_LEN);
	ck_assert_int_eq(directory_find(directory, id, len, &slot, &generation),
	    0);
	for (i = 0; i < len; i++) {
		char was = id[i];

		id[i] = was == 'a' ? 'b' : 'a';
		ck_assert_int_eq(directory_find(directory, id, len, &slot,
				     &generation),
		    -ENOENT);
		id[i] = was;
		ck_assert_int_eq(directory_find(directory, id, i, &slot,
				     &generation),
		    -ENOENT);
	}
	ck_assert_int_eq(directory_find(directory, "", 0, &slot, &generation),
	    -ENOENT);
}
END_TEST

START_TEST(test_flags_belong_to_one_generation)
{
	uint32_t slot;

	ck_assert_int_eq(directory_claim(directory, 2, &slot), 0);
	ck_assert_uint_eq(directory_owner(directory, slot), 2);
	directory_set_flags(directory, slot, ROUTE_CREATED);
	ck_assert_uint_eq(directory_flags(directory, slot), ROUTE_CREATED);
	directory_end(directory, slot, directory_generation(directory, slot));
	ck_assert_uint_eq(directory_owner(directory, slot), 2);
	ck_assert_uint_eq(directory_flags(directory, slot), 0);
}
END_TEST

START_TEST(test_slots_from_elsewhere_are_checked)
{
	uint32_t slot, nonce32;
	uint8_t lane;

	ck_assert_int_eq(directory_check(directory, SLOTS * PARTITIONS, 1,
			     &nonce32, &lane),
	    -ERANGE);
	ck_assert_int_eq(directory_claim(directory, 1, &slot), 0);
	ck_assert_int_eq(directory_check(directory, slot, 1, &nonce32, &lane),
	    0);
	ck_assert_uint_eq(lane, slot % LANE_COUNT);
	ck_assert_int_eq(directory_check(directory, slot, 2, &nonce32, &lane),
	    -ENOENT);
}
END_TEST

/* "cm", slot 0 and this nonce make a streamid whose Java hash is the one that
 * has no absolute value; a server cannot choose a link by it. */
static void
forbidden_at_first(void *bytes, size_t len)
{
	static const uint8_t forbidden[SESSION_NONCE_BYTES] = { 0, 0, 0, 0, 0,
		0x05, 0xfe, 0xed, 0x8a, 0x3e };
	static bool done;

	ck_assert_uint_eq(len, sizeof(forbidden));
	memcpy(bytes, forbidden, len);
	if (done)
		random_bytes(bytes, len);
	done = true;
}

START_TEST(test_an_id_that_a_server_cannot_place_is_never_given_out)
{
	struct directory *other =
	    directory_new(region, NULL, "cm", forbidden_at_first);
	char streamid[STREAMID_MAX + 1];
	uint32_t slot;

	ck_assert_int_eq(directory_claim(other, 0, &slot), 0);
	ck_assert_uint_eq(slot, 0);
	directory_streamid(other, slot, streamid);
	ck_assert_str_ne(streamid, "cm00000000000000nver2hu");
	directory_free(&other);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("directory");
	TCase *tcase = tcase_create("directory");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_random_claims_and_ends_match_a_shadow);
	tcase_add_test(tcase, test_a_slot_is_not_used_again_at_once);
	tcase_add_test(tcase, test_rows_of_ghost_sessions_wait_for_their_close);
	tcase_add_test(tcase, test_a_claim_cut_short_costs_no_slot);
	tcase_add_test(tcase,
	    test_an_id_that_a_server_cannot_place_is_never_given_out);
	tcase_add_test(tcase, test_an_own_row_that_was_damaged_is_written_anew);
	tcase_add_test(tcase, test_a_slot_that_has_a_client_is_nobody_elses);
	tcase_add_test(tcase, test_foreign_streamids_are_not_found);
	tcase_add_test(tcase, test_flags_belong_to_one_generation);
	tcase_add_test(tcase, test_slots_from_elsewhere_are_checked);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
