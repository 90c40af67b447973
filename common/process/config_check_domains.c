/* SPDX-License-Identifier: Apache-2.0 */
/* What xmpp.domain must fulfil: each of its names on its own, and together. */
#include "common/process/config_check.h"

#include "common/base/buf.h"
#include "common/process/config_domains.h"
#include "common/xmpp/jid.h"

#include <stdlib.h>
#include <string.h>

/* One of those before it that is the same in some spelling, or NULL. */
static const char *
find_same(const struct config_server *server, unsigned index,
    const char *prepared)
{
	struct jid_domain domain;
	unsigned i;

	jid_domain_init(&domain, prepared);
	for (i = 0; i < index; i++)
		if (jid_domain_is(&domain, server->domain_names[i]))
			return server->domain_names[i];
	return NULL;
}

static void
prepare(struct config_load *load, unsigned line, unsigned index)
{
	struct config_server *server = &load->config->server;
	char **name = &server->domain_names[index];
	char prepared[JID_MAX + 1];
	const char *same;

	if (strpbrk(*name, "@/") || jid_prepare(*name, prepared) != 0) {
		config_error(load, line,
		    "xmpp.domain: '%s' is not a domain name",
		    config_quote(*name));
		return;
	}
	same = find_same(server, index, prepared);
	if (same) {
		config_error(load, line,
		    "xmpp.domain: '%s' is the same domain as '%s' before it",
		    config_quote(*name), config_quote(same));
		return;
	}
	free(*name);
	*name = xstrdup(prepared);
}

static void
refuse_more(struct config_load *load, unsigned line, const char *more)
{
	char *word = strndup(more, strcspn(more, " "));

	CHECK(word);
	config_error(load, line,
	    "xmpp.domain: '%s' is one more than the %u domains that there may"
	    " be",
	    config_quote(word), CONFIG_DOMAINS_MAX);
	free(word);
}

/* The option's text becomes that of the names. */
static void
write_back(struct config_server *server)
{
	struct buf text;
	unsigned i;

	buf_init(&text, 0);
	for (i = 0; i < server->domain_count; i++)
		(void)buf_printf(&text, i ? " %s" : "%s",
		    server->domain_names[i]);
	(void)buf_append_char(&text, '\0');
	free(server->domains);
	server->domains = xstrdup((const char *)buf_bytes(&text));
	buf_destroy(&text);
}

void
config_check_domains(struct config_load *load)
{
	struct config_server *server = &load->config->server;
	unsigned line = config_line(load, "xmpp.domain");
	const char *more = config_domains_list(server);
	unsigned i;

	if (server->domain_count == 0) {
		config_error(load, line,
		    "xmpp.domain is missing: the XMPP domain of the server is"
		    " required");
		return;
	}
	for (i = 0; i < server->domain_count; i++)
		prepare(load, line, i);
	if (*more)
		refuse_more(load, line, more);
	write_back(server);
	server->domain = server->domain_names[0];
}
