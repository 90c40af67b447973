/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_certificate - the certificate that the server shows on a link: looked at
 * at each handshake and again while the link lives, for the next handshake may
 * fail for what it has become.
 */
#include "worker/upstream/link/link.h"

#include "common/net/tls_certificate.h"
#include "common/process/config.h"
#include "common/shm/link_report.h"

#include <time.h>

static void
warn(const struct link *link, enum certificate_finding finding, int64_t now_s)
{
	char text[CERTIFICATE_TEXT_MAX];

	certificate_describe(&link->certificate, finding, now_s,
	    link->up->config->server.domain, NULL, text);
	log_at(LOG_WARNING, "%s link=%u", text, link->number);
}

static void
look(struct link *link)
{
	struct upstream *up = link->up;
	int64_t now_s = time(NULL);
	uint32_t findings = certificate_judge(&link->certificate, now_s,
	    up->config->certificate_days);
	uint32_t due;
	int finding;

	findings &= config_verified_findings(up->config, CERTIFICATE_SERVER);
	due = certificate_watch_due(&up->certificate_watch, &link->certificate,
	    certificate_warnings(CERTIFICATE_SERVER, findings),
	    upstream_now(up));
	for (finding = 0; finding < FINDING_COUNT; finding++)
		if (due & 1u << finding)
			warn(link, (enum certificate_finding)finding, now_s);
}

void
link_look_at_certificate(struct link *link)
{
	struct upstream *up = link->up;

	if (!transport_peer_certificate(&link->transport,
		up->config->server.domain, &link->certificate))
		return;
	link_report_write_certificate(up->region, link->number,
	    &link->certificate);
	look(link);
}

void
link_forget_certificate(struct link *link)
{
	link->certificate = (struct certificate_facts){ 0 };
	link_report_write_certificate(link->up->region, link->number,
	    &link->certificate);
}

void
links_look_at_certificates(struct upstream *up)
{
	unsigned i;

	if (upstream_now(up) < up->certificates_at)
		return;
	up->certificates_at = upstream_now(up) + CERTIFICATE_LOOK_S;
	for (i = 0; i < up->link_count; i++)
		if (up->links[i].certificate.sha256[0])
			look(&up->links[i]);
}
