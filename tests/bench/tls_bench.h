/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_bench - what benches of TLS share: the kinds of key that they compare,
 * and the processor time that they measure in.
 */
#ifndef TESTS_BENCH_TLS_BENCH_H
#define TESTS_BENCH_TLS_BENCH_H

#include "tests/unit/net/identity.h"

#define KEY_KINDS 2

struct key_kind {
	const char *name;
	int algorithm; /* as in identity_wish */
	unsigned bits;
};

extern const struct key_kind key_kinds[KEY_KINDS];

/* With a new key of this kind; to be freed. */
void key_kind_make(const struct key_kind *kind, const char *name,
    struct identity *identity_out);

/* What this thread has spent since its start, in microseconds. */
double spent_us(void);

#endif
