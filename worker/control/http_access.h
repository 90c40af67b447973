/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_access - who is told the metrics: by HTTP nobody has a name, but may
 * have a token.
 *
 *   http.address   TLS    token given    the metrics are told
 *   loopback       any    no             to everybody
 *   loopback       any    yes            to who has the token
 *   another        no     any            to nobody: the token could be read
 *   another        yes    no             to nobody
 *   another        yes    yes            to who has the token
 *
 * The token itself is not kept: what is asked with is digested like it, and the
 * two digests are compared.
 */
#ifndef WORKER_CONTROL_HTTP_ACCESS_H
#define WORKER_CONTROL_HTTP_ACCESS_H

#include "common/net/digest.h"

struct config;

struct http_access {
	bool loopback;
	bool has_token;
	const char *lacks;             /* config_http_lacks() */
	uint8_t key[DIGEST_KEY_BYTES]; /* drawn anew for each token */
	uint8_t token[32];
};

enum http_verdict {
	HTTP_ADMITTED,
	HTTP_NO_TOKEN, /* or a wrong one */
	HTTP_REFUSED,  /* whoever it is */
};

/* As the configuration has it; the token may be wiped there afterwards. */
void http_access_take(struct http_access *access, const struct config *config);
/* Whether a request for the metrics is admitted that came over TLS, or not, and
 * with this header `Authorization`, NULL: none. */
enum http_verdict http_access_judge(const struct http_access *access, bool tls,
    const char *authorization);

#endif
