/* SPDX-License-Identifier: Apache-2.0 */
/* identity - a self-signed certificate and its key, made on the spot. */
#ifndef TESTS_UNIT_NET_IDENTITY_H
#define TESTS_UNIT_NET_IDENTITY_H

#include "common/net/tls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct identity {
	uint8_t *certificate; /* PEM; a NUL is behind both */
	size_t certificate_len;
	uint8_t *key; /* PEM, PKCS#8 */
	size_t key_len;
};

/* Valid from yesterday to tomorrow, both moved by `shift_s` and a day more. */
void identity_make(struct identity *identity, const char *name, long shift_s);

struct identity_wish {
	const char *name;
	long shift_s;
	const struct identity *issuer; /* NULL: signs itself */
	const char *xmpp_address;      /* instead of the DNS name; or NULL */
	int algorithm; /* of the key, GnuTLS's number; 0: ECDSA */
	unsigned bits; /* of the key, with an algorithm; 0: it has its own */
	const char *dns_name; /* instead of the name; or NULL */
	const char *srv_name; /* SRVName, instead of the DNS name; or NULL */
	bool may_issue;       /* though it has an issuer itself */
	bool sha1;            /* signed with it */
	const struct identity *key_of; /* has its key too; NULL: a new one */
};
void identity_make_as(struct identity *identity,
    const struct identity_wish *wish);

/* Both as they are read from conf/certificate.pem and conf/key.pem. */
struct tls_server_material identity_pem(const struct identity *identity,
    const char *password);

/* Encrypts the key under the password. */
void identity_lock_key(struct identity *identity, const char *password);

/* Both in one PKCS#12 store, as keytool makes it; the caller's to free. */
uint8_t *identity_store(const struct identity *identity, const char *password,
    size_t *len_out);

void identity_free(struct identity *identity);

int identity_server(const struct identity *identity,
    struct tls_context **context_out, struct tls_error *error_out);

#endif
