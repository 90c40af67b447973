/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration that the worker under test is given. */
#include "common/process/config.h"
#include "common/process/snapshot.h"
#include "tests/unit/client/rig.h"
#include "tests/unit/net/identity.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *rig_domain = "example.org";
bool rig_without_certificate;
void (*rig_amend)(struct config *config);

struct config *
rig_config(const char *options)
{
	static struct identity identity;
	struct tls_identity opened;
	struct config *config;
	char text[4096], *said = NULL;
	size_t said_len;
	FILE *messages = open_memstream(&said, &said_len);

	snprintf(text, sizeof(text),
	    "<jive><xmpp><domain>%s</domain><password>s</password>"
	    "<manager><name>cm1</name></manager></xmpp>%s</jive>",
	    rig_domain, options);
	ck_assert_msg(config_parse("rig.xml", text, strlen(text), messages,
			  &config) == 0,
	    "%s", (fflush(messages), said));
	fclose(messages);
	free(said);
	config->log_level = LOG_ERROR;
	if (rig_without_certificate)
		return config;
	identity_make(&identity, "example.org", 0);
	opened = (struct tls_identity){ .chain = (char *)identity.certificate,
		.key = (char *)identity.key };
	ck_assert_int_eq(tls_identities_add(&config->client.identities,
			     &opened),
	    true);
	if (rig_amend)
		rig_amend(config);
	return config;
}

void
rig_configure(const char *options)
{
	struct channel_message message = { .type = CHANNEL_SNAPSHOT };
	struct config *next = rig_config(options);

	message.fd = snapshot_new();
	ck_assert_int_eq(snapshot_fill(message.fd, next, CONFIG_WORKER), 0);
	config_free(&next);
	rig_send(&message);
	close(message.fd);
}
