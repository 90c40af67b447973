/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/process/snapshot_rig.h"

#include "common/base/buf.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char plain[] =
    "<jive><xmpp><domain>xmpp.example</domain><password>s3cr3t</password>"
    "<manager><name>cm</name></manager>"
    "<client><idle>90500</idle><auth><timeout>0.25</timeout></auth></client>"
    "<socket><ssl><active>false</active></ssl></socket></xmpp>"
    "<log><level>debug</level></log></jive>";

struct config *
parse(const char *text)
{
	FILE *messages = fopen("/dev/null", "w");
	struct config *config;

	ck_assert_int_eq(config_parse("manager.xml", text, strlen(text),
			     messages, &config),
	    0);
	(void)fclose(messages);
	return config;
}

struct config *
with_certificate(const char *contents)
{
	struct config *config = parse(plain);
	struct tls_identity opened = { .chain = xstrdup("chain of it"),
		.key = xstrdup("key of it"),
		.ocsp = (uint8_t *)xstrdup("OCSP of it"),
		.ocsp_len = strlen("OCSP of it"),
		.hosts = xstrdup("hosts of it"),
		.for_domain = true,
		.digest = "digest of it" };

	config->client.certificate.path = xstrdup("cert.pem");
	config->client.certificate.bytes = (uint8_t *)xstrdup(contents);
	config->client.certificate.len = strlen(contents);
	ck_assert_int_eq(tls_identities_add(&config->client.identities,
			     &opened),
	    true);
	certificate_list_add(&config->certificates,
	    &(struct certificate_facts){ .role = CERTIFICATE_INTERMEDIATE,
		.faults = FINDING_MASK(WEAK_KEY),
		.not_before_s = -1,
		.not_after_s = 4200000000,
		.ocsp = { .state = OCSP_STALE, .until_s = 4100000000 },
		.sha256 = "cafe",
		.subject = "subject of it",
		.issuer = "issuer",
		.names = "names",
		.missing = "missing",
		.key = "RSA 1024",
		.signature = "signature",
		.file = "file of it" });
	return config;
}

int
seal(const struct config *config, enum config_reader reader)
{
	int fd = snapshot_new();

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(snapshot_fill(fd, config, reader), 0);
	return fd;
}

bool
is_sent(const struct config *config, enum config_reader reader,
    const char *text)
{
	struct buf bytes;
	bool found;

	buf_init(&bytes, 0);
	snapshot_encode(config, reader, &bytes);
	found = memmem(buf_bytes(&bytes), buf_len(&bytes), text,
		    strlen(text)) != NULL;
	buf_destroy(&bytes);
	return found;
}
