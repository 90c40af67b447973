/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration that is in force, or about to be, should not be. */
#include "common/process/config_check.h"

#include "common/process/config_http.h"

#include <unistd.h>

static void
advise_user(struct config_load *load)
{
	if (!load->config->user && geteuid() == 0)
		config_warn(load, config_line(load, "user"),
		    "user: none is given: all processes will run as root");
}

static void
advise_http_address(struct config_load *load)
{
	const struct config_http *http = &load->config->http;
	const char *lacks = config_http_lacks(load->config);

	if (http->port != 0 && lacks)
		config_warn(load, config_line(load, "http.address"),
		    "http.address: '%s' is not a loopback address: /metrics is"
		    " refused there without %s",
		    http->address, lacks);
}

static void
advise_http_files(struct config_load *load)
{
	static const char *const options_given[] = { "http.certificate",
		"http.key", "http.token.file" };
	size_t i;

	if (load->config->http.port != 0)
		return;
	for (i = 0; i < ARRAY_LEN(options_given); i++)
		if (load->lines[option_find(options_given[i]) - options])
			config_warn(load, config_line(load, options_given[i]),
			    "%s has no effect: http.port is 0",
			    options_given[i]);
}

void
config_advise(struct config *config, FILE *messages)
{
	struct config_load load = {
		.path = config->path,
		.messages = messages,
		.config = config,
		.lines = config->lines,
	};

	advise_user(&load);
	advise_http_address(&load);
	advise_http_files(&load);
}
