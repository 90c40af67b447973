/* SPDX-License-Identifier: Apache-2.0 */
/* ocsp_answer - OCSP responses made on the spot, by openssl. */
#ifndef TESTS_UNIT_NET_OCSP_ANSWER_H
#define TESTS_UNIT_NET_OCSP_ANSWER_H

#include "common/net/tls.h"

struct ocsp_wish {
	const char *status; /* "V": good; "R": revoked; NULL: unknown */
	bool endless;       /* it does not say for how long; else an hour */
	const struct tls_identity *signer; /* NULL: the certificate itself */
};

/* Of the certificate, from now on, in DER; the length. */
size_t ocsp_answer(const struct tls_identity *identity,
    const struct ocsp_wish *wish, uint8_t bytes_out[8192]);

#endif
