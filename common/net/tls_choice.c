/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/tls_choice.h"

#include "common/net/host_name.h"
#include "common/net/tls_context.h"
#include "common/net/tls_names.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE "_xmpp-client"
#define NO_SET  UINT_MAX

/* Some of the identities, for one name or several. */
struct set {
	gnutls_certificate_credentials_t credentials;
	unsigned *members; /* ascending */
	unsigned count;
	unsigned next; /* with the same first member, or NO_SET */
};

struct named {
	char *host;
	unsigned which; /* while they are gathered an identity, then a set */
};

struct tls_choice {
	struct named *names; /* sorted, each host once */
	size_t name_count;
	struct set *sets; /* the first is the default */
	unsigned set_count;
};

/* What is needed only until all is made. */
struct making {
	struct tls_choice *choice;
	const struct tls_identities *identities;
	const char *domain;
	unsigned *first_sets; /* by first member, or NO_SET */
	unsigned *defaults;   /* those that are for the domain */
	unsigned default_count;
	unsigned at; /* whose names are gathered */
	struct tls_error *error;
};

/* --- names --- */

static void
add_name(void *context, const char *host)
{
	struct making *making = context;
	struct tls_choice *choice = making->choice;
	size_t count = choice->name_count;

	if ((count & (count - 1)) == 0) /* full: twice as much */
		choice->names = xrealloc(choice->names,
		    (count ? 2 * count : 1) * sizeof(*choice->names));
	choice->names[choice->name_count++] =
	    (struct named){ .host = xstrdup(host), .which = making->at };
}

static int
by_host(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int order = strcmp(x->host, y->host);

	return order ? order : (x->which > y->which) - (x->which < y->which);
}

/* The leaf of what has been opened: it can be read. */
static int
gather_of(struct making *making)
{
	const char *chain = making->identities->all[making->at].chain;
	gnutls_datum_t pem = { (void *)(uintptr_t)chain,
		(unsigned)strlen(chain) };
	gnutls_x509_crt_t leaf;
	int code;

	CHECK(gnutls_x509_crt_init(&leaf) == 0);
	code = gnutls_x509_crt_import(leaf, &pem, GNUTLS_X509_FMT_PEM);
	if (code == 0) {
		tls_names_each_host(leaf, SERVICE, add_name, making);
		if (making->domain &&
		    tls_names_cover(leaf, making->domain, SERVICE))
			making->defaults[making->default_count++] = making->at;
	} else {
		tls_set_error(making->error, "certificate", code);
	}
	gnutls_x509_crt_deinit(leaf);
	return code < 0 ? -EINVAL : 0;
}

static int
gather(struct making *making)
{
	int error = 0;

	for (; making->at < making->identities->count && !error; making->at++)
		error = gather_of(making);
	if (making->choice->name_count > 1)
		qsort(making->choice->names, making->choice->name_count,
		    sizeof(struct named), by_host);
	return error;
}

/* --- sets --- */

static int
load(struct set *set, const struct making *making)
{
	struct tls_server_material material;
	unsigned i;
	int error = 0;

	CHECK(gnutls_certificate_allocate_credentials(&set->credentials) == 0);
	gnutls_certificate_set_flags(set->credentials,
	    GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
	for (i = 0; i < set->count && !error; i++) {
		material = tls_identity_material(&making->identities
						      ->all[set->members[i]]);
		error = tls_load_material(set->credentials, i, &material,
		    making->error);
	}
	return error;
}

static bool
has_members(const struct set *set, const unsigned *members, unsigned count)
{
	return set->count == count &&
	       memcmp(set->members, members, count * sizeof(*members)) == 0;
}

/* One with just these, which is there already or made. */
static int
set_of(struct making *making, const unsigned *members, unsigned count,
    unsigned *set_out)
{
	struct tls_choice *choice = making->choice;
	unsigned *first = &making->first_sets[members[0]];
	struct set *set;

	for (*set_out = *first; *set_out != NO_SET;
	     *set_out = choice->sets[*set_out].next)
		if (has_members(&choice->sets[*set_out], members, count))
			return 0;
	choice->sets = xrealloc(choice->sets,
	    (choice->set_count + 1) * sizeof(*choice->sets));
	set = &choice->sets[choice->set_count];
	*set = (struct set){ .count = count, .next = *first };
	set->members = xcalloc(count, sizeof(*members));
	memcpy(set->members, members, count * sizeof(*members));
	*first = *set_out = choice->set_count++;
	return load(set, making);
}

/* The identities that have the name at `from`, each once; behind the last. */
static size_t
members_of(const struct tls_choice *choice, size_t from, unsigned *members_out,
    unsigned *count_out)
{
	const struct named *names = choice->names;
	size_t at = from;

	*count_out = 0;
	for (; at < choice->name_count &&
	       strcmp(names[at].host, names[from].host) == 0;
	     at++)
		if (*count_out == 0 ||
		    members_out[*count_out - 1] != names[at].which)
			members_out[(*count_out)++] = names[at].which;
	return at;
}

static int
make_sets(struct making *making)
{
	struct tls_choice *choice = making->choice;
	unsigned *members =
	    xcalloc(making->identities->count, sizeof(*members));
	size_t from = 0, behind, kept = 0, i;
	unsigned count, set;
	int error = 0;

	while (from < choice->name_count && !error) {
		behind = members_of(choice, from, members, &count);
		error = set_of(making, members, count, &set);
		for (i = from + 1; i < behind; i++)
			free(choice->names[i].host);
		choice->names[kept] = choice->names[from];
		choice->names[kept++].which = set;
		from = behind;
	}
	/* After a failure the rest still has its texts. */
	for (; from < choice->name_count; from++)
		choice->names[kept++] = choice->names[from];
	choice->name_count = kept;
	free(members);
	return error;
}

static int
make_default(struct making *making)
{
	static const unsigned main_one;
	unsigned set;

	return making->default_count > 0 ? set_of(making, making->defaults,
					       making->default_count, &set)
					 : set_of(making, &main_one, 1, &set);
}

int
tls_choice_new(const struct tls_identities *identities, const char *domain,
    struct tls_choice **choice_out, struct tls_error *error_out)
{
	struct making making = { .choice = xcalloc(1, sizeof(**choice_out)),
		.identities = identities,
		.domain = domain,
		.first_sets = xcalloc(identities->count, sizeof(unsigned)),
		.defaults = xcalloc(identities->count, sizeof(unsigned)),
		.error = error_out };
	int error;

	CHECK(identities->count > 0);
	memset(making.first_sets, 0xFF, identities->count * sizeof(unsigned));
	error_out->text[0] = '\0';
	error = gather(&making);
	if (!error)
		error = make_default(&making);
	if (!error)
		error = make_sets(&making);
	if (error)
		tls_choice_free(&making.choice);
	free(making.first_sets);
	free(making.defaults);
	*choice_out = making.choice;
	return error;
}

void
tls_choice_free(struct tls_choice **choice_io)
{
	struct tls_choice *choice = *choice_io;
	size_t i;

	*choice_io = NULL;
	if (!choice)
		return;
	for (i = 0; i < choice->name_count; i++)
		free(choice->names[i].host);
	for (i = 0; i < choice->set_count; i++) {
		gnutls_certificate_free_credentials(choice->sets[i]
							.credentials);
		free(choice->sets[i].members);
	}
	free(choice->names);
	free(choice->sets);
	free(choice);
}

/* --- a client's --- */

static int
compare_host(const void *host, const void *named)
{
	return strcmp(host, ((const struct named *)named)->host);
}

static const struct named *
look_up(const struct tls_choice *choice, const char *host)
{
	return choice->name_count > 0
		   ? bsearch(host, choice->names, choice->name_count,
			 sizeof(*choice->names), compare_host)
		   : NULL;
}

/* "*" takes the place of the first label, and of no more (RFC 6125 §6.4.3). */
static const struct named *
look_up_wildcard(const struct tls_choice *choice, const char *host)
{
	const char *dot = strchr(host, '.');
	char wildcard[HOST_NAME_TEXT_MAX + 1];

	if (!dot || dot == host)
		return NULL;
	(void)snprintf(wildcard, sizeof(wildcard), "*%s", dot);
	return look_up(choice, wildcard);
}

gnutls_certificate_credentials_t
tls_choice_find(const struct tls_choice *choice, const char *host)
{
	const struct named *named = look_up(choice, host);

	if (!named)
		named = look_up_wildcard(choice, host);
	return choice->sets[named ? named->which : 0].credentials;
}

/* --- of a context --- */

int
tls_context_choose_from(struct tls_context *context,
    const struct tls_identities *identities, const char *domain,
    struct tls_error *error_out)
{
	struct tls_choice *choice;
	int error = tls_choice_new(identities, domain, &choice, error_out);

	if (error)
		return error;
	tls_choice_free(&context->choice);
	context->choice = choice;
	return 0;
}
