/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/tls_set.h"

#include "common/net/tls_context.h"

#include <stdlib.h>
#include <string.h>

typedef uint8_t digest[TLS_IDENTITY_DIGEST_BYTES];

struct tls_set {
	unsigned holders;
	unsigned count;
	struct tls_identity *identities; /* NULL: made, or failed */
	gnutls_certificate_credentials_t credentials;
	digest digests[];
};

/* --- life --- */

/* What credentials are made of. */
static struct tls_identity
copy_of(const struct tls_identity *identity)
{
	struct tls_identity copy = { .chain = xstrdup(identity->chain),
		.key = xstrdup(identity->key),
		.ocsp_len = identity->ocsp_len };

	if (identity->ocsp) {
		copy.ocsp = xmalloc(identity->ocsp_len);
		memcpy(copy.ocsp, identity->ocsp, identity->ocsp_len);
	}
	return copy;
}

struct tls_set *
tls_set_new(const struct tls_members *members)
{
	struct tls_set *set =
	    xcalloc(1, sizeof(*set) + members->count * sizeof(digest));
	unsigned i;

	set->holders = 1;
	set->count = members->count;
	for (i = 0; i < set->count; i++)
		memcpy(set->digests[i], members->all[i]->digest,
		    sizeof(digest));
	return set;
}

void
tls_set_fill(struct tls_set *set, const struct tls_members *members)
{
	unsigned i;

	CHECK(!set->identities && !set->credentials);
	set->identities = xcalloc(set->count, sizeof(*set->identities));
	for (i = 0; i < set->count; i++)
		set->identities[i] = copy_of(members->all[i]);
}

struct tls_set *
tls_set_hold(struct tls_set *set)
{
	set->holders++;
	return set;
}

static void
forget_identities(struct tls_set *set)
{
	unsigned i;

	if (!set->identities)
		return;
	for (i = 0; i < set->count; i++)
		tls_identity_clear(&set->identities[i]);
	free(set->identities);
	set->identities = NULL;
}

static void
free_credentials(struct tls_set *set)
{
	if (set->credentials)
		gnutls_certificate_free_credentials(set->credentials);
	set->credentials = NULL;
}

void
tls_set_drop(struct tls_set **set_io)
{
	struct tls_set *set = *set_io;

	*set_io = NULL;
	if (!set || --set->holders > 0)
		return;
	forget_identities(set);
	free_credentials(set);
	free(set);
}

/* --- which it is --- */

int
tls_set_compare(const struct tls_set *a, const struct tls_set *b)
{
	int order = (a->count > b->count) - (a->count < b->count);

	return order
		   ? order
		   : memcmp(a->digests, b->digests, a->count * sizeof(digest));
}

/* --- credentials --- */

enum tls_set_state
tls_set_state(const struct tls_set *set)
{
	if (set->identities)
		return TLS_SET_NEW;
	return set->credentials ? TLS_SET_MADE : TLS_SET_FAILED;
}

int
tls_set_make(struct tls_set *set, struct tls_error *error_out)
{
	struct tls_server_material material;
	unsigned i;
	int error = 0;

	CHECK(tls_set_state(set) == TLS_SET_NEW);
	CHECK(gnutls_certificate_allocate_credentials(&set->credentials) == 0);
	for (i = 0; i < set->count && !error; i++) {
		material = tls_identity_material(&set->identities[i]);
		error = tls_load_material(set->credentials, i, &material,
		    error_out);
	}
	forget_identities(set);
	if (error)
		free_credentials(set);
	return error;
}

gnutls_certificate_credentials_t
tls_set_credentials(const struct tls_set *set)
{
	return set->credentials;
}
