/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/tls_bench.h"

#include <gnutls/gnutls.h>
#include <time.h>

const struct key_kind key_kinds[KEY_KINDS] = {
	{ "RSA-2048", GNUTLS_PK_RSA, 2048 },
	{ "P-256", 0, 0 },
};

void
key_kind_make(const struct key_kind *kind, const char *name,
    struct identity *identity_out)
{
	identity_make_as(identity_out, &(struct identity_wish){ .name = name,
					   .algorithm = kind->algorithm,
					   .bits = kind->bits });
}

double
spent_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}
