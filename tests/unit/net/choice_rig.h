/* SPDX-License-Identifier: Apache-2.0 */
/* choice_rig - directories of certificates, what choices are made of them, and
 * what these show. Hosts and digests are what a directory says they are. */
#ifndef TESTS_UNIT_NET_CHOICE_RIG_H
#define TESTS_UNIT_NET_CHOICE_RIG_H

#include "common/net/tls_choice.h"
#include "tests/unit/net/identity.h"

#define KINDS   6 /* of certificates, by their number */
#define MEMBERS 8 /* at most in a directory */

/* Texts that are made once, all with one key. */
extern struct identity kinds[KINDS];

struct member {
	unsigned kind;    /* KINDS: it cannot be used */
	unsigned version; /* another one: it has changed */
	bool for_domain;
	const char *hosts;
};

struct directory {
	struct member all[MEMBERS];
	unsigned count;
};

void choice_rig_setup(void);
void choice_rig_teardown(void);

/* As tls_choice_new(). */
int try_choice(const struct directory *directory,
    const struct tls_choice *older, struct tls_choice **choice_out,
    struct tls_error *error_out);
struct tls_choice *new_choice(const struct directory *directory,
    const struct tls_choice *older);

/* The kinds that are shown for the host, in their order: "0", "03"; static. */
const char *shown(const struct tls_choice *choice, const char *host);
/* Whether both show the very same. */
bool share(const struct tls_choice *a, const struct tls_choice *b,
    const char *host);

#endif
