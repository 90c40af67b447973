/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of certificates hold, what is known of those of a
 * configuration, and where each is from. */
#include "common/process/config_check.h"

#include "common/net/tls_certificate.h"
#include "common/process/config_option.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STORE_PASSWORD "changeit" /* as keytool and Java have it */

/* --- files --- */

/* `name` seen from the folder of manager.xml, or from the one above it, which
 * is the Java manager's home. */
char *
config_join_path(const char *manager_xml, const char *above, const char *name)
{
	const char *slash = strrchr(manager_xml, '/');
	int folder = slash ? (int)(slash - manager_xml) + 1 : 0;
	char *joined = NULL;

	if (name[0] == '/')
		return xstrdup(name);
	CHECK(asprintf(&joined, "%.*s%s%s", folder, manager_xml, above, name) >=
	      0);
	return joined;
}

bool
config_has_key(const void *bytes, size_t len)
{
	static const char mark[] = "PRIVATE KEY-----";

	return memmem(bytes, len, mark, sizeof(mark) - 1) != NULL;
}

const char *
config_key_password(const struct config_client *client, bool store)
{
	return client->key_password || !store ? client->key_password
					      : STORE_PASSWORD;
}

void
config_staple(struct config_load *load, const char *option,
    struct tls_identity *identity, const struct config_bytes *ocsp)
{
	struct tls_error error;

	if (tls_identity_staple(identity, ocsp->bytes, ocsp->len, time(NULL),
		&error) != 0)
		config_warn(load, config_line(load, option),
		    "%s: '%s' is not shown to clients: %s", option,
		    config_quote(ocsp->path), error.text);
}

/* --- facts --- */

/* The main one need not be for a domain where another of them is. */
static void
look_at_shown(struct config *config)
{
	const struct certificate_domains domains = {
		config->server.domain_names, config->server.domain_count
	};
	const struct tls_identities *identities = &config->client.identities;
	const char *system = config->machine.authorities;
	struct certificate_source *sources =
	    xcalloc(identities->count, sizeof(*sources));
	unsigned i;

	for (i = 0; i < identities->count; i++)
		sources[i] = (struct certificate_source){
			.pem = identities->all[i].chain,
			.file = identities->all[i].file,
			.ocsp = identities->all[i].ocsp_facts,
		};
	tls_certificates_shown(sources, identities->count, &domains,
	    system && system[0] ? system : NULL, &config->certificates);
	free(sources);
}

void
config_look_at_certificates(struct config *config)
{
	const struct config_bytes *authorities = &config->server.authorities;

	certificate_list_clear(&config->certificates);
	if (config->client.identities.count > 0)
		look_at_shown(config);
	if (config->http.identity.chain)
		tls_certificates_of_http(config->http.identity.chain,
		    &config->certificates);
	if (authorities->bytes)
		tls_certificates_trusted(authorities->bytes, authorities->len,
		    &config->certificates);
}

uint32_t
config_verified_findings(const struct config *config, uint32_t role)
{
	const struct config_server *server = &config->server;
	uint32_t mask = FINDING_MASK_ALL;

	if (role != CERTIFICATE_SERVER && role != CERTIFICATE_AUTHORITY)
		return mask;
	if (!server->verify ||
	    (role == CERTIFICATE_AUTHORITY && !server->verify_chain))
		return 0;
	if (!server->verify_validity)
		mask &= ~(FINDING_MASK(EXPIRED) | FINDING_MASK(NOT_YET_VALID) |
			  FINDING_MASK(EXPIRES_SOON));
	if (!server->verify_chain)
		mask &= ~FINDING_MASK(INCOMPLETE_CHAIN);
	return mask;
}

static const struct option *
certificate_option(const struct config *config,
    const struct certificate_facts *facts)
{
	const char *path = config->client.store.path
			       ? "xmpp.socket.ssl.keystore"
			       : "xmpp.socket.ssl.certificate";

	if (facts->file[0])
		path = "xmpp.socket.ssl.directory";
	else if (facts->role == CERTIFICATE_AUTHORITY)
		path = "xmpp.server.certificate.authorities";
	else if (facts->role == CERTIFICATE_HTTP ||
		 facts->role == CERTIFICATE_HTTP_INTERMEDIATE)
		path = "http.certificate";
	return option_find(path);
}

const char *
config_certificate_option(const struct config *config,
    const struct certificate_facts *facts)
{
	return certificate_option(config, facts)->path;
}

const char *
config_certificate_file(const struct config *config,
    const struct certificate_facts *facts)
{
	static char path[PATH_MAX + sizeof(facts->file)];
	const struct option *option = certificate_option(config, facts);
	const struct config_bytes *file =
	    (const void *)((const char *)config + option->offset);

	if (!facts->file[0] || !file->path)
		return file->path;
	(void)snprintf(path, sizeof(path), "%s/%s", file->path, facts->file);
	return path;
}
