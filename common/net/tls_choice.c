/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/tls_choice.h"

#include "common/base/log.h"
#include "common/net/host_name.h"
#include "common/net/tls_context.h"
#include "common/net/tls_set.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each name holds its set. */
struct named {
	const char *host; /* of the texts */
	struct tls_set *set;
};

struct tls_choice {
	char *texts;         /* the hosts, each with a NUL behind */
	struct named *names; /* sorted, each host once */
	size_t name_count;
	struct tls_set *fallback; /* the default, made */
};

/* One identity that has the host. */
struct claim {
	const char *host;
	unsigned which;
};

/* What is needed only until all is there. */
struct making {
	struct tls_choice *choice;
	const struct tls_identities *identities;
	struct claim *claims; /* sorted */
	size_t claim_count;
	struct tls_members members; /* of the set at hand */
	void *known;                /* tree of sets: older ones, and ours */
};

/* --- names --- */

static int
by_host(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int order = strcmp(x->host, y->host);

	return order ? order : (x->which > y->which) - (x->which < y->which);
}

static size_t
count_hosts(const char *hosts)
{
	size_t count = 1;

	for (; *hosts; hosts++)
		count += *hosts == ' ';
	return count;
}

static void
make_room(struct making *making)
{
	const struct tls_identities *identities = making->identities;
	size_t bytes = 0, count = 0;
	unsigned i;

	for (i = 0; i < identities->count; i++) {
		CHECK(identities->all[i].hosts); /* they are described */
		bytes += strlen(identities->all[i].hosts) + 1;
		count += count_hosts(identities->all[i].hosts);
	}
	making->choice->texts = xmalloc(bytes);
	making->claims = xcalloc(count, sizeof(*making->claims));
}

static void
gather(struct making *making)
{
	const struct tls_identities *identities = making->identities;
	char *rest, *host, *end;
	unsigned i;

	make_room(making);
	end = making->choice->texts;
	for (i = 0; i < identities->count; i++) {
		rest = end;
		end = stpcpy(end, identities->all[i].hosts) + 1;
		while ((host = strsep(&rest, " ")))
			if (host[0]) /* not of one that is for nobody */
				making->claims[making->claim_count++] =
				    (struct claim){ .host = host, .which = i };
	}
	qsort(making->claims, making->claim_count, sizeof(struct claim),
	    by_host);
}

/* --- sets --- */

static int
by_digests(const void *a, const void *b)
{
	return tls_set_compare(a, b);
}

/* What has failed is tried anew. */
static void
know(struct making *making, struct tls_set *set)
{
	if (tls_set_state(set) != TLS_SET_FAILED)
		CHECK(tsearch(set, &making->known, by_digests));
}

static void
know_older(struct making *making, const struct tls_choice *older)
{
	size_t i;

	if (!older)
		return;
	know(making, older->fallback);
	for (i = 0; i < older->name_count; i++)
		know(making, older->names[i].set);
}

/* The one with just the members at hand, held once more. */
static struct tls_set *
set_of(struct making *making)
{
	struct tls_set *set = tls_set_new(&making->members);
	struct tls_set **known = tsearch(set, &making->known, by_digests);

	CHECK(known);
	if (*known == set) {
		tls_set_fill(set, &making->members);
		return set;
	}
	tls_set_drop(&set);
	return tls_set_hold(*known);
}

/* Those that have the host of the claim at `from`, each once; behind them. */
static size_t
take_members(struct making *making, size_t from)
{
	const struct claim *claims = making->claims;
	const struct tls_identity *identity, *last = NULL;
	size_t at = from;

	making->members.count = 0;
	for (; at < making->claim_count &&
	       strcmp(claims[at].host, claims[from].host) == 0;
	     at++) {
		identity = &making->identities->all[claims[at].which];
		if (identity != last)
			making->members.all[making->members.count++] = identity;
		last = identity;
	}
	return at;
}

static void
make_names(struct making *making)
{
	struct tls_choice *choice = making->choice;
	size_t from = 0, behind;

	choice->names = xcalloc(making->claim_count, sizeof(struct named));
	for (; from < making->claim_count; from = behind) {
		behind = take_members(making, from);
		choice->names[choice->name_count++] =
		    (struct named){ .host = making->claims[from].host,
			    .set = set_of(making) };
	}
}

/* Those that are for the domain, else the main one. */
static void
make_fallback(struct making *making)
{
	const struct tls_identities *identities = making->identities;
	struct tls_members *members = &making->members;
	unsigned i;

	for (i = 0; i < identities->count; i++)
		if (identities->all[i].for_domain)
			members->all[members->count++] = &identities->all[i];
	if (members->count == 0)
		members->all[members->count++] = &identities->all[0];
	making->choice->fallback = set_of(making);
}

/* --- life --- */

static void
leave(void *set)
{
	(void)set; /* the names hold it */
}

static struct tls_choice *
make(const struct tls_identities *identities, const struct tls_choice *older)
{
	struct making making = {
		.choice = xcalloc(1, sizeof(*making.choice)),
		.identities = identities,
		.members.all =
		    xcalloc(identities->count, sizeof(struct tls_identity *)),
	};

	gather(&making);
	know_older(&making, older);
	make_fallback(&making);
	make_names(&making);
	tdestroy(making.known, leave);
	free(making.members.all);
	free(making.claims);
	return making.choice;
}

int
tls_choice_new(const struct tls_identities *identities,
    const struct tls_choice *older, struct tls_choice **choice_out,
    struct tls_error *error_out)
{
	struct tls_choice *choice;
	int error = 0;

	CHECK(identities->count > 0);
	error_out->text[0] = '\0';
	choice = make(identities, older);
	if (tls_set_state(choice->fallback) == TLS_SET_NEW)
		error = tls_set_make(choice->fallback, error_out);
	if (error)
		tls_choice_free(&choice);
	*choice_out = choice;
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
		tls_set_drop(&choice->names[i].set);
	tls_set_drop(&choice->fallback);
	free(choice->names);
	free(choice->texts);
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

/* NULL: it cannot be used, which is logged when that is found. */
static gnutls_certificate_credentials_t
credentials_for(struct tls_set *set, const char *host)
{
	struct tls_error error;

	if (tls_set_state(set) == TLS_SET_NEW && tls_set_make(set, &error) != 0)
		log_at(LOG_ERROR,
		    "a certificate cannot be used; the default one is shown"
		    " host=\"%s\" error=\"%s\"",
		    log_escape(host, strlen(host)), error.text);
	return tls_set_credentials(set);
}

gnutls_certificate_credentials_t
tls_choice_find(const struct tls_choice *choice, const char *host)
{
	const struct named *named = look_up(choice, host);
	gnutls_certificate_credentials_t found = NULL;

	if (!named)
		named = look_up_wildcard(choice, host);
	if (named)
		found = credentials_for(named->set, host);
	return found ? found : tls_set_credentials(choice->fallback);
}

/* --- of a context --- */

int
tls_context_choose_from(struct tls_context *context,
    const struct tls_identities *identities, const struct tls_context *older,
    struct tls_error *error_out)
{
	struct tls_choice *choice;
	int error = tls_choice_new(identities, older ? older->choice : NULL,
	    &choice, error_out);

	if (error)
		return error;
	tls_choice_free(&context->choice);
	context->choice = choice;
	return 0;
}
