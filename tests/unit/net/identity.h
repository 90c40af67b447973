/* SPDX-License-Identifier: Apache-2.0 */
/* identity - a self-signed certificate and its key, made on the spot. */
#ifndef TESTS_UNIT_NET_IDENTITY_H
#define TESTS_UNIT_NET_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

struct tls_context;
struct tls_error;

struct identity {
	uint8_t *certificate; /* PEM */
	size_t certificate_len;
	uint8_t *key; /* PEM */
	size_t key_len;
};

/* Valid from yesterday to tomorrow, both moved by `shift_s` and a day more. */
void identity_make(struct identity *identity, const char *name, long shift_s);
void identity_free(struct identity *identity);

int identity_server(const struct identity *identity,
    struct tls_context **context_out, struct tls_error *error_out);

#endif
