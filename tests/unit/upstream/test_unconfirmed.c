/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a frame whose turn it is: the rules of DELIVERY.md §3 row by
 * row, then properties that hold for every kind and every set of facts. */
#include "common/shm/frame_kind.h"
#include "tests/support/check/run_suite.h"
#include "worker/upstream/send/unconfirmed.h"

#include <check.h>
#include <stdlib.h>

/* The facts by one letter each. */
static struct unconfirmed_facts
facts_of(uint8_t kind, const char *letters)
{
	struct unconfirmed_facts facts = { .kind = kind };

	for (; *letters; letters++)
		switch (*letters) {
		case 'i':
			facts.unconfirmed = true;
			break;
		case 's':
			facts.resolved = true;
			break;
		case 'a':
			facts.abandoned = true;
			break;
		case 'c':
			facts.created = true;
			break;
		case 'u':
			facts.uncreated = true;
			break;
		case 'o':
			facts.over = true;
			break;
		case 'd':
			facts.dead = true;
			break;
		case 't':
			facts.notified = true;
			break;
		case 'g':
			facts.given_up = true;
			break;
		case 'p':
			facts.pays = true;
			break;
		default:
			ck_abort_msg("unknown fact");
		}
	return facts;
}

static const struct row {
	uint8_t kind;
	const char *facts;
	enum verdict verdict;
} rows[] = {
	/* nothing special */
	{ FRAME_CREATE, "", VERDICT_SEND },
	{ FRAME_AUTH, "c", VERDICT_SEND },
	{ FRAME_MESSAGE, "c", VERDICT_SEND },
	{ FRAME_CLOSE, "c", VERDICT_SEND },
	{ FRAME_RELEASE, "", VERDICT_END },
	{ FRAME_RELEASE, "c", VERDICT_SKIP },
	/* has no bytes for the wire, whatever becomes of its session */
	{ FRAME_LEAVE, "c", VERDICT_SKIP },
	{ FRAME_LEAVE, "ic", VERDICT_SKIP },
	{ FRAME_LEAVE, "cd", VERDICT_SKIP },
	{ FRAME_LEAVE, "cp", VERDICT_SKIP },
	{ FRAME_LEAVE, "icg", VERDICT_SKIP },
	{ FRAME_LEAVE, "ac", VERDICT_SKIP },
	/* unconfirmed */
	{ FRAME_CREATE, "i", VERDICT_SEND },
	{ FRAME_CREATE, "ic", VERDICT_SKIP },
	{ FRAME_CREATE, "o", VERDICT_SKIP },
	{ FRAME_CREATE, "io", VERDICT_SKIP },
	{ FRAME_AUTH, "ic", VERDICT_FAIL_AUTH },
	{ FRAME_MESSAGE, "ic", VERDICT_BOUNCE },
	{ FRAME_IQ_REQUEST, "ic", VERDICT_BOUNCE },
	{ FRAME_PRESENCE, "ic", VERDICT_SEND },
	{ FRAME_IQ_ANSWER, "ic", VERDICT_SEND },
	{ FRAME_FAILED, "ic", VERDICT_SEND },
	{ FRAME_CLOSE, "ic", VERDICT_SEND },
	/* unconfirmed again */
	{ FRAME_MESSAGE, "isc", VERDICT_SKIP },
	{ FRAME_IQ_REQUEST, "isc", VERDICT_SKIP },
	{ FRAME_AUTH, "isc", VERDICT_SKIP },
	{ FRAME_PRESENCE, "isc", VERDICT_SEND },
	{ FRAME_CLOSE, "isc", VERDICT_SEND },
	/* its session is dead */
	{ FRAME_MESSAGE, "cd", VERDICT_BOUNCE },
	{ FRAME_MESSAGE, "cdt", VERDICT_SKIP },
	{ FRAME_MESSAGE, "cdis", VERDICT_SKIP },
	{ FRAME_IQ_REQUEST, "cdi", VERDICT_BOUNCE },
	{ FRAME_PRESENCE, "cd", VERDICT_SKIP },
	{ FRAME_AUTH, "cd", VERDICT_SKIP },
	{ FRAME_CLOSE, "cd", VERDICT_SEND },
	/* sent away meanwhile */
	{ FRAME_CREATE, "a", VERDICT_SKIP },
	{ FRAME_MESSAGE, "ac", VERDICT_SKIP },
	{ FRAME_PRESENCE, "aic", VERDICT_SKIP },
	{ FRAME_FAILED, "ac", VERDICT_SEND },
	{ FRAME_FAILED, "a", VERDICT_SKIP },
	{ FRAME_CLOSE, "ac", VERDICT_SEND },
	{ FRAME_CLOSE, "a", VERDICT_END },
	/* it was said behind a create that was passed over */
	{ FRAME_MESSAGE, "u", VERDICT_BOUNCE },
	{ FRAME_MESSAGE, "ui", VERDICT_BOUNCE },
	{ FRAME_MESSAGE, "ua", VERDICT_SKIP },
	{ FRAME_IQ_REQUEST, "ut", VERDICT_SKIP },
	{ FRAME_PRESENCE, "u", VERDICT_SKIP },
	{ FRAME_AUTH, "u", VERDICT_SKIP },
	{ FRAME_FAILED, "u", VERDICT_SKIP },
	{ FRAME_CLOSE, "u", VERDICT_SEND },
	{ FRAME_RELEASE, "u", VERDICT_END },
	/* links die of it */
	{ FRAME_PRESENCE, "icg", VERDICT_GIVE_UP },
	{ FRAME_IQ_ANSWER, "icg", VERDICT_GIVE_UP },
	{ FRAME_FAILED, "iacg", VERDICT_GIVE_UP },
	{ FRAME_CLOSE, "icg", VERDICT_GIVE_UP },
	{ FRAME_CREATE, "ig", VERDICT_GIVE_UP },
	{ FRAME_CREATE, "icg", VERDICT_SKIP },
	{ FRAME_MESSAGE, "cg", VERDICT_GIVE_UP },
	{ FRAME_AUTH, "cg", VERDICT_GIVE_UP },
	/* links died of what its session said before */
	{ FRAME_MESSAGE, "cp", VERDICT_BOUNCE },
	{ FRAME_MESSAGE, "cpis", VERDICT_SKIP },
	{ FRAME_IQ_REQUEST, "cpi", VERDICT_BOUNCE },
	{ FRAME_PRESENCE, "cpi", VERDICT_SKIP },
	{ FRAME_AUTH, "cp", VERDICT_SKIP },
	{ FRAME_FAILED, "cpi", VERDICT_SEND },
	{ FRAME_CLOSE, "cp", VERDICT_SEND },
};

START_TEST(each_kind_has_its_rule)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct unconfirmed_facts facts =
		    facts_of(rows[i].kind, rows[i].facts);

		ck_assert_msg(unconfirmed_judge(&facts) == rows[i].verdict,
		    "%s with \"%s\"",
		    frame_kind_name((enum frame_kind)rows[i].kind),
		    rows[i].facts);
	}
}
END_TEST

typedef void property_fn(const struct unconfirmed_facts *facts,
    enum verdict verdict);

static void
for_all(property_fn *property)
{
	for (uint8_t kind = 0; kind < FRAME_KIND_COUNT; kind++)
		for (unsigned bits = 0; bits < 512; bits++) {
			const struct unconfirmed_facts facts = {
				.kind = kind,
				.unconfirmed = bits & 1,
				.resolved = bits & 2,
				.abandoned = bits & 4,
				.created = bits & 8,
				.dead = bits & 16,
				.notified = bits & 32,
				.pays = bits & 64,
				.over = bits & 128,
				.uncreated = (bits & 256) && !(bits & 8) &&
					     kind != FRAME_CREATE,
			};

			property(&facts, unconfirmed_judge(&facts));
		}
}

static bool
is_asked_for(const struct unconfirmed_facts *facts)
{
	return facts->kind == FRAME_MESSAGE || facts->kind == FRAME_IQ_REQUEST;
}

static void
not_twice(const struct unconfirmed_facts *facts, enum verdict verdict)
{
	if (facts->unconfirmed &&
	    (is_asked_for(facts) || facts->kind == FRAME_AUTH))
		ck_assert_int_ne(verdict, VERDICT_SEND);
	if (facts->unconfirmed && facts->kind == FRAME_CREATE && facts->created)
		ck_assert_int_ne(verdict, VERDICT_SEND);
	if (facts->kind == FRAME_CREATE && facts->over)
		ck_assert_int_ne(verdict, VERDICT_SEND);
	if (facts->uncreated && facts->kind != FRAME_CLOSE)
		ck_assert_int_ne(verdict, VERDICT_SEND);
}

START_TEST(what_must_not_come_twice_is_never_sent_when_unconfirmed)
{
	for_all(not_twice);
}
END_TEST

static void
not_lost(const struct unconfirmed_facts *facts, enum verdict verdict)
{
	if (is_asked_for(facts) && !facts->resolved && !facts->notified &&
	    !facts->abandoned)
		ck_assert_msg(verdict == VERDICT_SEND ||
				  verdict == VERDICT_BOUNCE,
		    "%s that is asked for should be sent or bounced, not %d",
		    frame_kind_name((enum frame_kind)facts->kind),
		    (int)verdict);
	if ((facts->kind == FRAME_CLOSE ||
		(facts->kind == FRAME_FAILED && !facts->dead)) &&
	    facts->created)
		ck_assert_int_eq(verdict, VERDICT_SEND);
}

START_TEST(nothing_asked_for_is_lost_silently_and_no_close_at_all)
{
	for_all(not_lost);
}
END_TEST

static void
notified_once(const struct unconfirmed_facts *facts, enum verdict verdict)
{
	if (verdict == VERDICT_BOUNCE || verdict == VERDICT_FAIL_AUTH) {
		ck_assert_msg(!facts->resolved && !facts->abandoned,
		    "a sender that knows already should not be notified again "
		    "of %s",
		    frame_kind_name((enum frame_kind)facts->kind));
		ck_assert_msg(!facts->dead || !facts->notified,
		    "a sender that knows its session dead should not be "
		    "notified of %s",
		    frame_kind_name((enum frame_kind)facts->kind));
	}
	if (verdict == VERDICT_BOUNCE)
		ck_assert_msg(is_asked_for(facts),
		    "only what is asked for should be bounced, not %s",
		    frame_kind_name((enum frame_kind)facts->kind));
	if (verdict == VERDICT_FAIL_AUTH)
		ck_assert_int_eq(facts->kind, FRAME_AUTH);
}

START_TEST(nobody_is_notified_twice)
{
	for_all(notified_once);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("unconfirmed");
	TCase *tcase = tcase_create("unconfirmed");

	tcase_add_test(tcase, each_kind_has_its_rule);
	tcase_add_test(tcase,
	    what_must_not_come_twice_is_never_sent_when_unconfirmed);
	tcase_add_test(tcase,
	    nothing_asked_for_is_lost_silently_and_no_close_at_all);
	tcase_add_test(tcase, nobody_is_notified_twice);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
