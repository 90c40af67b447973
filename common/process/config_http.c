/* SPDX-License-Identifier: Apache-2.0 */
#include "common/process/config_http.h"

#include "common/net/endpoint.h"
#include "common/process/config.h"

int
config_http_endpoint(const struct config *config, struct endpoint *endpoint_out)
{
	const struct config_http *http = &config->http;
	uint8_t bytes[16];
	int error = endpoint_parse(http->address, http->port, endpoint_out);

	if (error)
		return error;
	endpoint_to_bytes(endpoint_out, bytes);
	endpoint_from_bytes(bytes, http->port, endpoint_out);
	return 0;
}

const char *
config_http_lacks(const struct config *config)
{
	const struct config_http *http = &config->http;
	struct endpoint endpoint;

	if (config_http_endpoint(config, &endpoint) != 0 ||
	    endpoint_is_loopback(&endpoint))
		return NULL;
	if (!http->certificate.path && !http->token.path)
		return "http.certificate and http.token.file";
	if (!http->certificate.path)
		return "http.certificate";
	return http->token.path ? NULL : "http.token.file";
}
