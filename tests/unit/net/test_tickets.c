/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session tickets: who has the same key resumes what another has begun, for as
 * long as a session lives; the keys that are derived from it change by
 * themselves. Time is what the test says.
 */
#include "common/net/tls.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/net/identity.h"
#include "tests/unit/net/tls_peer.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DOMAIN     "xmpp.example"
#define LIFETIME_S 3600
/* How the other process ends. */
#define RESUMED 100
#define FULL    101
#define TLS12   "NORMAL:-VERS-ALL:+VERS-TLS1.2"
#define TLS13   "NORMAL:-VERS-ALL:+VERS-TLS1.3"

static const char *const versions[] = { TLS12, TLS13 };

static struct identity identity;
static time_t now_s;
static const char *priorities; /* of the server; NULL: the usual ones */

static time_t
tell_time(time_t *time_out)
{
	if (time_out)
		*time_out = now_s;
	return now_s;
}

static void
setup(void)
{
	now_s = time(NULL);
	priorities = NULL;
	gnutls_global_set_time_function(tell_time);
	identity_make(&identity, DOMAIN, 0);
}

static void
teardown(void)
{
	tls_peer_forget_ticket();
	identity_free(&identity);
}

/* A server with a key of such bytes; 0: without one. */
static struct tls_context *
server_with(uint8_t byte)
{
	uint8_t key[TLS_TICKET_KEY_BYTES];
	struct tls_server_material material = {
		.certificate = identity.certificate,
		.certificate_len = identity.certificate_len,
		.key = identity.key,
		.key_len = identity.key_len,
		.path = "test",
		.priorities = priorities,
		.ticket_key = byte ? key : NULL,
		.ticket_lifetime_s = LIFETIME_S,
	};
	struct tls_context *context;
	struct tls_error error;

	memset(key, byte, sizeof(key));
	ck_assert_int_eq(tls_context_new_server(&material, &context, &error),
	    0);
	memset(key, 0, sizeof(key)); /* it has its own */
	return context;
}

/* A client comes, or comes back, and sends this name (NULL: none); whether it
 * has resumed. */
static bool
visit_as(struct tls_context *context, const char *version, const char *name)
{
	struct tls_peer peer;
	bool resumed;

	ck_assert_msg(tls_peer_begin(&peer, context, version, name),
	    "the handshake should succeed");
	resumed = transport_is_resumed(&peer.server);
	ck_assert_int_eq(gnutls_session_is_resumed(peer.client) != 0, resumed);
	tls_peer_end(&peer);
	return resumed;
}

static bool
visit(struct tls_context *context, const char *version)
{
	return visit_as(context, version, DOMAIN);
}

START_TEST(a_client_that_comes_back_resumes_at_whoever_has_the_key)
{
	struct tls_context *one = server_with(1), *other = server_with(1);

	ck_assert_int_eq(visit(one, versions[_i]), false);
	ck_assert_int_eq(visit(one, versions[_i]), true);
	ck_assert_int_eq(visit(other, versions[_i]), true);
	ck_assert_int_eq(visit(one, versions[_i]), true);
	tls_context_free(&one);
	tls_context_free(&other);
}
END_TEST

START_TEST(another_key_costs_one_full_handshake)
{
	struct tls_context *one = server_with(1), *other = server_with(2);

	ck_assert_int_eq(visit(one, versions[_i]), false);
	ck_assert_int_eq(visit(other, versions[_i]), false);
	ck_assert_int_eq(visit(other, versions[_i]), true);
	tls_context_free(&one);
	tls_context_free(&other);
}
END_TEST

START_TEST(without_a_key_nothing_is_resumed)
{
	struct tls_context *none = server_with(0), *one = server_with(1);

	ck_assert_int_eq(visit(none, versions[_i]), false);
	ck_assert_int_eq(visit(none, versions[_i]), false);
	ck_assert_int_eq(visit(one, versions[_i]), false);
	ck_assert_int_eq(visit(none, versions[_i]), false);
	tls_context_free(&none);
	tls_context_free(&one);
}
END_TEST

/* At any time of some days, from a server that has been there all the while to
 * one that has just started and back. */
START_TEST(keys_change_by_themselves_and_no_client_notices)
{
	struct tls_context *old = server_with(1), *young;
	int turn;

	for (turn = 0; turn < 60; turn++) {
		tls_peer_forget_ticket();
		young = server_with(1);
		ck_assert_int_eq(visit(turn % 2 ? old : young, versions[_i]),
		    false);
		now_s += LIFETIME_S - 60;
		ck_assert_msg(visit(turn % 2 ? young : old, versions[_i]),
		    "in turn %d the client should have resumed", turn);
		tls_context_free(&young);
	}
	tls_context_free(&old);
}
END_TEST

/* Whether the client that was here comes back to a server of another process,
 * which has just started. */
static bool
resumes_elsewhere(const char *version)
{
	struct tls_context *young;
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		young = server_with(1);
		_exit(visit(young, version) ? RESUMED : FULL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && (WEXITSTATUS(status) == RESUMED ||
					       WEXITSTATUS(status) == FULL),
	    "the other process has failed");
	return WEXITSTATUS(status) == RESUMED;
}

START_TEST(so_they_do_in_each_process)
{
	struct tls_context *old = server_with(1);
	int turn;

	for (turn = 0; turn < 20; turn++) {
		tls_peer_forget_ticket();
		ck_assert_int_eq(visit(old, versions[_i]), false);
		now_s += LIFETIME_S - 60;
		ck_assert_msg(resumes_elsewhere(versions[_i]),
		    "in turn %d the client should have resumed", turn);
		now_s += 120;
		ck_assert_msg(!resumes_elsewhere(versions[_i]),
		    "in turn %d the ticket should have been too old", turn);
	}
	tls_context_free(&old);
}
END_TEST

START_TEST(a_ticket_is_good_for_its_lifetime_only)
{
	struct tls_context *one = server_with(1);

	ck_assert_int_eq(visit(one, versions[_i]), false);
	now_s += LIFETIME_S + 60;
	ck_assert_int_eq(visit(one, versions[_i]), false);
	/* Nor does a stolen one of long ago open anything. */
	now_s += 30 * LIFETIME_S;
	ck_assert_int_eq(visit(one, versions[_i]), false);
	tls_context_free(&one);
}
END_TEST

/* Another spelling of a name costs a full handshake with TLS 1.2: there GnuTLS
 * compares it with the ticket's, byte by byte. */
static const struct {
	const char *first, *second;
	bool same;
} names[] = {
	{ DOMAIN, "XMPP.Example", true },
	{ DOMAIN, "xmpp.example.", true },
	{ NULL, NULL, true },
	{ DOMAIN, "other.example", false },
	{ DOMAIN, "xmpp.exampl", false },
	{ DOMAIN, NULL, false },
	{ NULL, DOMAIN, false },
};

START_TEST(a_ticket_is_good_for_the_name_it_was_given_under_only)
{
	const char *version = versions[_i % 2];
	const char *first = names[_i / 2].first, *second = names[_i / 2].second;
	bool same = names[_i / 2].same && (_i % 2 == 1 || first == second);
	struct tls_context *one = server_with(1), *other = server_with(1);

	ck_assert_int_eq(visit_as(one, version, first), false);
	ck_assert_msg(visit_as(other, version, second) == same,
	    "with a ticket for %s, %s should%s resume", first ? first : "none",
	    second ? second : "none", same ? "" : " not");
	/* The ticket that this handshake gave is one for its name. */
	ck_assert_int_eq(visit_as(one, version, second), true);
	tls_context_free(&one);
	tls_context_free(&other);
}
END_TEST

static int
change_name(gnutls_session_t client, unsigned type, unsigned when,
    unsigned incoming, const gnutls_datum_t *message)
{
	static const char name[] = "other.example";

	(void)type;
	(void)when;
	(void)incoming;
	(void)message;
	return gnutls_server_name_set(client, GNUTLS_NAME_DNS, name,
	    sizeof(name) - 1);
}

static void
change_when_asked_again(gnutls_session_t client)
{
	gnutls_handshake_set_hook_function(client,
	    GNUTLS_HANDSHAKE_HELLO_RETRY_REQUEST, GNUTLS_HOOK_POST,
	    change_name);
}

/* The client has no share of the one curve that this server takes, and sends a
 * second message (RFC 8446 §4.1.2). */
START_TEST(who_is_asked_to_begin_again_keeps_the_name)
{
	static const char client[] =
	    TLS13 ":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1";
	struct tls_context *one;
	struct tls_peer peer;

	priorities = TLS13 ":-GROUP-ALL:+GROUP-SECP384R1";
	one = server_with(1);
	ck_assert_int_eq(visit_as(one, client, DOMAIN), false);
	ck_assert_int_eq(visit_as(one, client, DOMAIN), true);
	ck_assert_int_eq(visit_as(one, client, "other.example"), false);
	ck_assert_int_eq(visit_as(one, client, DOMAIN), false);
	tls_peer_prepare = change_when_asked_again;
	ck_assert_msg(!tls_peer_begin(&peer, one, client, DOMAIN),
	    "another name in the second message should be refused");
	tls_peer_prepare = NULL;
	tls_peer_end(&peer);
	tls_context_free(&one);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tickets");
	TCase *all = tcase_create("all");
	int count = ARRAY_LEN(versions);

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_loop_test(all,
	    a_client_that_comes_back_resumes_at_whoever_has_the_key, 0, count);
	tcase_add_loop_test(all, another_key_costs_one_full_handshake, 0,
	    count);
	tcase_add_loop_test(all, without_a_key_nothing_is_resumed, 0, count);
	tcase_add_loop_test(all,
	    keys_change_by_themselves_and_no_client_notices, 0, count);
	tcase_add_loop_test(all, so_they_do_in_each_process, 0, count);
	tcase_add_loop_test(all, a_ticket_is_good_for_its_lifetime_only, 0,
	    count);
	tcase_add_loop_test(all,
	    a_ticket_is_good_for_the_name_it_was_given_under_only, 0,
	    2 * (int)ARRAY_LEN(names));
	tcase_add_test(all, who_is_asked_to_begin_again_keeps_the_name);
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
