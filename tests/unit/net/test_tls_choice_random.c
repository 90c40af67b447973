/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a directory of certificates has, and had at the reloads before:
 * names are found as a plain list says, and what shows the same is shared. */
#include "tests/support/check/run_suite.h"
#include "tests/support/check/seed.h"
#include "tests/unit/net/choice_rig.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELD   4 /* choices at a time, by sessions */
#define ROUNDS 150

static const char *const hosts[] = { "", "a.test", "*.a.test", "b.a.test",
	"c.a.test", "d.b.a.test", "*.b.a.test", "test", "*.test", "b.test",
	".test", "a." };

struct held {
	struct tls_choice *choice;
	struct directory directory;
};

static struct held held[HELD];
static char texts[KINDS * MEMBERS][128]; /* lists of hosts */

static bool
is_listed(const char *list, const char *host)
{
	size_t len = strlen(host);
	const char *at = list;

	for (; (at = strstr(at, host)); at++)
		if ((at == list || at[-1] == ' ') &&
		    (at[len] == ' ' || at[len] == '\0'))
			return true;
	return false;
}

/* Appends those that have the host to the two lists, of subjects and of all
 * that is shown. */
static bool
list(const struct directory *directory, const char *host, char *names_out)
{
	const struct member *member;
	unsigned i, count = 0;

	for (i = 0; i < directory->count && host[0]; i++) {
		member = &directory->all[i];
		if (is_listed(member->hosts, host)) {
			names_out[2 * count] = (char)('0' + member->kind);
			names_out[2 * count++ + 1] =
			    (char)('A' + member->version);
		}
	}
	names_out[2 * count] = '\0';
	return count > 0;
}

static void
list_default(const struct directory *directory, char *names_out)
{
	const struct member *all = directory->all;
	unsigned i, count = 0;

	for (i = 0; i < directory->count; i++)
		if (all[i].for_domain) {
			names_out[2 * count] = (char)('0' + all[i].kind);
			names_out[2 * count++ + 1] =
			    (char)('A' + all[i].version);
		}
	if (count == 0) {
		names_out[0] = (char)('0' + all[0].kind);
		names_out[1] = (char)('A' + all[0].version);
		count++;
	}
	names_out[2 * count] = '\0';
}

/* Kind and version of each that is to be shown: "0A3B". */
static const char *
expected(const struct directory *directory, const char *host)
{
	static char names[2][2 * MEMBERS + 1], wildcard[64];
	static unsigned turn;
	const char *dot = strchr(host, '.');
	char *out = names[turn++ % 2];

	if (list(directory, host, out))
		return out;
	(void)snprintf(wildcard, sizeof(wildcard), "*%s", dot ? dot : "");
	if (dot && dot != host && list(directory, wildcard, out))
		return out;
	list_default(directory, out);
	return out;
}

static void
ck_shown(const struct held *one, const char *host)
{
	const char *wanted = expected(&one->directory, host);
	const char *got = shown(one->choice, host);
	size_t i;

	ck_assert_msg(2 * strlen(got) == strlen(wanted),
	    "\"%s\" is shown %s, expected %s", host, got, wanted);
	for (i = 0; got[i]; i++)
		ck_assert_msg(got[i] == wanted[2 * i],
		    "\"%s\" is shown %s, expected %s", host, got, wanted);
}

static void
ck_shared(const struct held *older, const struct held *next, const char *host)
{
	bool same = strcmp(expected(&older->directory, host),
			expected(&next->directory, host)) == 0;

	ck_assert_msg(share(older->choice, next->choice, host) == same,
	    "\"%s\" is shared: %d, expected %d", host, !same, same);
}

static void
ck_pair(const struct tls_choice *choice, const struct directory *directory,
    const char *a, const char *b)
{
	bool same = strcmp(expected(directory, a), expected(directory, b)) == 0;

	ck_assert_msg((tls_choice_find(choice, a) ==
			  tls_choice_find(choice, b)) == same,
	    "\"%s\" and \"%s\" share: %d, expected %d", a, b, !same, same);
}

/* Nothing is twice in a choice, though none was before it. */
static void
ck_shared_within(const struct directory *directory)
{
	struct tls_choice *choice = new_choice(directory, NULL);
	size_t a, b;

	for (a = 0; a < ARRAY_LEN(hosts); a++)
		for (b = 0; b < a; b++)
			ck_pair(choice, directory, hosts[a], hosts[b]);
	tls_choice_free(&choice);
}

static struct member
any_member(void)
{
	struct member member = { .kind = (unsigned)random() % KINDS,
		.version = (unsigned)random() % 2,
		.for_domain = random() % 4 == 0 };
	char *text = texts[random() % ARRAY_LEN(texts)];

	member.hosts = text;
	return member;
}

/* The lists themselves stay as they are: who is held refers to them. */
static void
make_texts(void)
{
	size_t i;
	long count;

	for (i = 0; i < ARRAY_LEN(texts); i++) {
		texts[i][0] = '\0';
		for (count = random() % 4; count > 0; count--)
			(void)snprintf(texts[i] + strlen(texts[i]), 24, "%s%s",
			    texts[i][0] ? " " : "",
			    hosts[1 + random() % (ARRAY_LEN(hosts) - 1)]);
	}
}

/* A member comes, goes, changes, or two change places; or nothing does. */
static void
change(struct directory *directory)
{
	unsigned at = (unsigned)random() % directory->count;
	unsigned other = (unsigned)random() % directory->count;
	struct member moved = directory->all[at];

	switch (random() % 5) {
	case 0:
		if (directory->count < MEMBERS)
			directory->all[directory->count++] = any_member();
		break;
	case 1:
		if (directory->count > 1)
			directory->all[at] = directory->all[--directory->count];
		break;
	case 2:
		directory->all[at] = any_member();
		break;
	case 3:
		directory->all[at] = directory->all[other];
		directory->all[other] = moved;
		break;
	default:
		break;
	}
}

/* From the one before; sessions keep some of those before that. */
static void
reload_any(struct held *latest)
{
	struct held next = { .directory = latest->directory };
	unsigned at = (unsigned)random() % HELD;
	size_t i;

	change(&next.directory);
	next.choice = new_choice(&next.directory, latest->choice);
	for (i = 0; i < ARRAY_LEN(hosts); i++)
		if (random() % 2)
			ck_shared(latest, &next, hosts[i]);
	tls_choice_free(&held[at].choice);
	held[at] = *latest;
	*latest = next;
}

START_TEST(any_directory_is_found_in_as_its_list_says)
{
	struct held latest = { .directory.count = 1 };
	size_t i, one;
	unsigned round;

	seed_random("test_tls_choice_random");
	make_texts();
	latest.directory.all[0] = any_member();
	latest.choice = new_choice(&latest.directory, NULL);
	for (round = 0; round < ROUNDS; round++) {
		reload_any(&latest);
		ck_shared_within(&latest.directory);
		for (i = 0; i < ARRAY_LEN(hosts); i++) {
			ck_shown(&latest, hosts[i]);
			one = (size_t)random() % HELD;
			if (held[one].choice)
				ck_shown(&held[one], hosts[i]);
		}
	}
	for (one = 0; one < HELD; one++)
		tls_choice_free(&held[one].choice);
	tls_choice_free(&latest.choice);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tls_choice_random");
	TCase *tests = tcase_create("tls_choice_random");

	tcase_add_checked_fixture(tests, choice_rig_setup, choice_rig_teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, any_directory_is_found_in_as_its_list_says);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
