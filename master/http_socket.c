/* SPDX-License-Identifier: Apache-2.0 */
#include "master/http_socket.h"

#include "common/base/log.h"
#include "common/net/endpoint.h"
#include "common/process/config_http.h"

#include <string.h>

#define BACKLOG 64

int
http_socket_open(const struct config *config, int *fd_out)
{
	const struct listen_options options = { .backlog = BACKLOG };
	struct endpoint endpoint;
	char text[ENDPOINT_TEXT_MAX];

	*fd_out = -1;
	if (config->http.port == 0)
		return 0;
	CHECK(config_http_endpoint(config, &endpoint) == 0);
	*fd_out = endpoint_listen(&endpoint, &options);
	if (*fd_out >= 0)
		return 0;
	log_at(LOG_ERROR, "cannot listen address=%s error=\"%s\"",
	    endpoint_print(&endpoint, text), strerror(-*fd_out));
	return *fd_out;
}
