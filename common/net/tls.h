/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls - credentials and settings for TLS; the only user of GnuTLS sessions.
 *
 * A tls_context is made before privileges are dropped, from bytes in memory,
 * and serves many transports. TLS 1.2 and 1.3, AEAD suites only.
 */
#ifndef COMMON_NET_TLS_H
#define COMMON_NET_TLS_H

#include "common/base/ocsp.h"

struct buf;
struct tls_context;

/* A path of the system's full length, three times in one sentence. */
#define TLS_ERROR_MAX (3 * 4096 + 512)

/* Of which the keys of session tickets are derived, each for its time: those
 * who have the same resume each other's sessions (RFC 5077, RFC 8446 §2.2). */
#define TLS_TICKET_KEY_BYTES 64u

/* Certificates with their keys that one context can choose from. */
#define TLS_IDENTITIES_MAX 1000u

/* Of an identity; SHA-256. */
#define TLS_IDENTITY_DIGEST_BYTES 32u

/* A problem in words for the operator; "" when there is none. */
struct tls_error {
	char text[TLS_ERROR_MAX];
};

/*
 * Server side: certificate chain and key in PEM, or both in one PKCS#12 store.
 * Refuses (-EINVAL and the reason): unreadable, key not matching the
 * certificate, a JKS store (the text then holds the converting keytool
 * command, with `path`). The paths are for messages only. The bytes and the
 * password are borrowed for the call; the caller wipes them afterwards.
 */
struct tls_server_material {
	const uint8_t *certificate; /* PEM chain, or NULL */
	size_t certificate_len;
	const uint8_t *key; /* PEM */
	size_t key_len;
	const uint8_t *store; /* PKCS#12, or NULL */
	size_t store_len;
	const uint8_t *ocsp; /* DER response to be stapled, or NULL */
	size_t ocsp_len;
	const char *password;       /* of key or store; NULL: none */
	const char *path;           /* of certificate or store */
	const char *key_path;       /* NULL: the same file */
	bool opened;                /* and tried: not again */
	const char *priorities;     /* as below */
	const uint8_t *ticket_key;  /* of TLS_TICKET_KEY_BYTES; NULL: none */
	unsigned ticket_lifetime_s; /* of a session, with a key */
};
MUST_CHECK int
tls_context_new_server(const struct tls_server_material *material,
    struct tls_context **context_out, struct tls_error *error_out);

/* A server's certificate and key in PEM without a password, whatever files they
 * came from: one process opens these, others make contexts of it. */
struct tls_identity {
	char *chain; /* NULL: none */
	char *key;
	uint8_t *ocsp; /* NULL: none is stapled */
	size_t ocsp_len;
	struct ocsp_facts ocsp_facts; /* of the one given, stapled or not */
	char *file;                   /* of those in a directory; or NULL */
	/* As tls_identities_describe() has it: */
	char *hosts; /* " " between, "*." before one for all directly below */
	bool for_domain;
	uint8_t digest[TLS_IDENTITY_DIGEST_BYTES]; /* of what is shown */
};

/* All that a server has; the first is the main one. NULL: none. */
struct tls_identities {
	struct tls_identity *all;
	unsigned count; /* TLS_IDENTITIES_MAX at most */
};

/* Refuses what tls_context_new_server() does; that takes what comes out. To be
 * cleared; empty on failure. */
MUST_CHECK int tls_identity_open(const struct tls_server_material *material,
    struct tls_identity *identity_out, struct tls_error *error_out);
/* To make a context of, as what has been opened; the texts are borrowed. */
struct tls_server_material
tls_identity_material(const struct tls_identity *identity);
/* Wipes and frees all of it; an empty one too. */
void tls_identity_clear(struct tls_identity *identity);

/*
 * Gives it this OCSP response (RFC 6960), which is copied, when it is one that
 * clients may be shown at `now_s`. Otherwise it has none, and -EINVAL and why
 * (common/base/ocsp.def): among others, it is of another certificate, or not
 * signed by the certificate's issuer (if that is in the chain) or for it. What
 * is known of it is in `ocsp_facts` in either case. One that does not say how
 * long it is valid is out of date after 15 days, as GnuTLS has it.
 */
MUST_CHECK int tls_identity_staple(struct tls_identity *identity,
    const uint8_t *ocsp, size_t len, int64_t now_s,
    struct tls_error *error_out);

/* Takes over what is in `identity`; false when there are too many. */
MUST_CHECK bool tls_identities_add(struct tls_identities *identities,
    struct tls_identity *identity);
void tls_identities_clear(struct tls_identities *identities);

/* Fills in what a context that chooses must know of each, and what it knows
 * them again by: once all are opened and have their OCSP responses, in the
 * process that does so. `domain` is that of the server, or NULL. */
void tls_identities_describe(struct tls_identities *identities,
    const char *domain);

/*
 * A server's context now chooses from all of these, which are described, and
 * borrowed for the call: those whose certificate has the name that the client
 * sends (SNI, RFC 6066 section 3), else those that have it with a wildcard,
 * else those that are for the domain, else the first. Among several of them the
 * client's algorithms decide.
 *
 * It shares with `older` (NULL: none), which it is to replace, what shows the
 * same. The default is made now: -EINVAL and why when it cannot be used; the
 * context is as it was. Others are made when a client first needs them; who
 * asks for one that cannot be used is shown the default, which is logged once.
 */
MUST_CHECK int tls_context_choose_from(struct tls_context *context,
    const struct tls_identities *identities, const struct tls_context *older,
    struct tls_error *error_out);

/* How the server's certificate on a link is judged (PROTOCOL.md §14). */
struct tls_verify {
	bool verify;
	bool check_chain;
	bool check_validity;
	bool accept_selfsigned;
	const uint8_t
	    *authorities; /* PEM bundle besides the system's; or NULL */
	size_t authorities_len;
	const char *system;     /* PEM; NULL: what lies on this machine */
	const char *priorities; /* of GnuTLS; NULL: TLS 1.2 and 1.3 with forward
				 * secrecy and authenticated encryption */
};
MUST_CHECK int tls_context_new_client(const struct tls_verify *verify,
    struct tls_context **context_out, struct tls_error *error_out);
/* Appends the authorities of the system as PEM; a process that cannot open
 * files gives them as `system`. */
void tls_system_authorities(struct buf *out);
/* Sessions that were begun with it go on. */
void tls_context_free(struct tls_context **context);

/* Those that count where none are given; static. */
const char *tls_default_priorities(void);
/* 0; -EINVAL and the reason for what is no priority string. */
MUST_CHECK int tls_check_priorities(const char *priorities,
    struct tls_error *error_out);

#endif
