/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_report - what upstream tells the control socket of each link. One
 * writer; who reads while it writes tries again.
 */
#ifndef COMMON_SHM_LINK_REPORT_H
#define COMMON_SHM_LINK_REPORT_H

#include "common/base/base.h"
#include "common/base/certificate.h"

/* Of the region, for all links. */
#define LINK_REPORTS_BYTES 24576u

struct region;

struct link_report {
	char state[16];    /* as upstream names it; "": there is no such link */
	char address[64];  /* of the server; "": not connected */
	uint32_t since_s;  /* of the state; steady_clock.h */
	uint32_t failures; /* attempts in vain since it was last up */
	uint32_t lanes;    /* mask of those it carries */
	uint32_t round_trip_us; /* of the last barrier; 0: none yet */
	uint32_t barriers;      /* without an answer yet */
	uint32_t uncovered;     /* stanzas that no barrier covers yet */
};

/* Upstream; link below LINKS_MAX. */
void link_report_write(struct region *region, unsigned link,
    const struct link_report *report);
/* False when there is none, or it changes at every try. Texts end with a NUL
 * whatever is there. */
MUST_CHECK bool link_report_read(struct region *region, unsigned link,
    struct link_report *report_out);

/* The certificate that the server showed there last; an empty sha256: none. As
 * above: what is read is fit to be shown whatever is there. */
void link_report_write_certificate(struct region *region, unsigned link,
    const struct certificate_facts *facts);
MUST_CHECK bool link_report_read_certificate(struct region *region,
    unsigned link, struct certificate_facts *facts_out);

#endif
