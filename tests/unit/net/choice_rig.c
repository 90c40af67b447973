/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/net/choice_rig.h"

#include <check.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct identity kinds[KINDS];

/* --- a directory --- */

void
choice_rig_setup(void)
{
	struct identity_wish wish = { 0 };
	char name[16];
	unsigned i;

	for (i = 0; i < KINDS; i++) {
		(void)snprintf(name, sizeof(name), "%u", i);
		wish.name = name;
		wish.key_of = i > 0 ? &kinds[0] : NULL;
		identity_make_as(&kinds[i], &wish);
	}
}

void
choice_rig_teardown(void)
{
	unsigned i;

	for (i = 0; i < KINDS; i++)
		identity_free(&kinds[i]);
}

static struct tls_identity
identity_of(const struct member *member)
{
	const struct identity *kind =
	    &kinds[member->kind < KINDS ? member->kind : 0];

	return (struct tls_identity){
		.chain = xstrdup(member->kind < KINDS
				     ? (const char *)kind->certificate
				     : "nothing that can be read"),
		.key = xstrdup((const char *)kind->key),
		.hosts = xstrdup(member->hosts),
		.for_domain = member->for_domain,
		.digest = { (uint8_t)member->kind, (uint8_t)member->version },
	};
}

int
try_choice(const struct directory *directory, const struct tls_choice *older,
    struct tls_choice **choice_out, struct tls_error *error_out)
{
	struct tls_identities identities = { 0 };
	struct tls_identity identity;
	unsigned i;
	int error;

	for (i = 0; i < directory->count; i++) {
		identity = identity_of(&directory->all[i]);
		ck_assert_int_eq(tls_identities_add(&identities, &identity),
		    true);
	}
	error = tls_choice_new(&identities, older, choice_out, error_out);
	tls_identities_clear(&identities);
	return error;
}

struct tls_choice *
new_choice(const struct directory *directory, const struct tls_choice *older)
{
	struct tls_choice *choice;
	struct tls_error error;

	ck_assert_msg(try_choice(directory, older, &choice, &error) == 0, "%s",
	    error.text);
	return choice;
}

/* --- what is shown --- */

/* The names of the certificates, in their order: "0", "03". */
static void
read_subjects(gnutls_certificate_credentials_t credentials,
    char names_out[MEMBERS + 1])
{
	gnutls_x509_crt_t *chain;
	unsigned len, i, at;
	size_t room;

	for (at = 0; gnutls_certificate_get_x509_crt(credentials, at, &chain,
			 &len) == 0;
	     at++) {
		room = 2;
		ck_assert_uint_lt(at, MEMBERS);
		ck_assert_int_eq(gnutls_x509_crt_get_dn_by_oid(chain[0],
				     GNUTLS_OID_X520_COMMON_NAME, 0, 0,
				     names_out + at, &room),
		    0);
		for (i = 0; i < len; i++)
			gnutls_x509_crt_deinit(chain[i]);
		gnutls_free(chain);
	}
	names_out[at] = '\0';
}

const char *
shown(const struct tls_choice *choice, const char *host)
{
	static char names[MEMBERS + 1];

	read_subjects(tls_choice_find(choice, host), names);
	return names;
}

bool
share(const struct tls_choice *a, const struct tls_choice *b, const char *host)
{
	return tls_choice_find(a, host) == tls_choice_find(b, host);
}
