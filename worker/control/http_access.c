/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control/http_access.h"

#include "common/net/endpoint.h"
#include "common/process/config.h"
#include "common/process/config_http.h"

#include <string.h>
#include <strings.h>

void
http_access_take(struct http_access *access, const struct config *config)
{
	const struct config_bytes *token = &config->http.token;
	struct endpoint endpoint;

	*access = (struct http_access){
		.loopback = config_http_endpoint(config, &endpoint) == 0 &&
			    endpoint_is_loopback(&endpoint),
		.has_token = token->path != NULL,
		.lacks = config_http_lacks(config),
	};
	digest_random(access->key, sizeof(access->key));
	digest_keyed(access->key, token->bytes, token->len, access->token,
	    sizeof(access->token));
}

/* RFC 6750 section 2.1, without the blanks around it, which are of no field's
 * value (RFC 9110 section 5.5); NULL: it is of another kind. */
static const char *
token_in(const char *authorization, size_t *len_out)
{
	static const char scheme[] = "Bearer ";

	if (!authorization ||
	    strncasecmp(authorization, scheme, strlen(scheme)) != 0)
		return NULL;
	authorization += strlen(scheme);
	authorization += strspn(authorization, " ");
	*len_out = strlen(authorization);
	while (*len_out > 0 && strchr(" \t", authorization[*len_out - 1]))
		--*len_out;
	return authorization;
}

static bool
is_the_token(const struct http_access *access, const char *text, size_t len)
{
	uint8_t digest[sizeof(access->token)];

	digest_keyed(access->key, text, len, digest, sizeof(digest));
	return digest_is_same(digest, access->token, sizeof(digest));
}

enum http_verdict
http_access_judge(const struct http_access *access, bool tls,
    const char *authorization)
{
	size_t len = 0;
	const char *token = token_in(authorization, &len);

	if (!access->loopback && (!tls || !access->has_token))
		return HTTP_REFUSED;
	if (!access->has_token)
		return HTTP_ADMITTED;
	return len > 0 && is_the_token(access, token, len) ? HTTP_ADMITTED
							   : HTTP_NO_TOKEN;
}
