/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_report - what upstream tells the control socket of each link, and of
 * each lane. One writer; who reads while it writes tries again.
 */
#ifndef COMMON_SHM_LINK_REPORT_H
#define COMMON_SHM_LINK_REPORT_H

#include "common/base/base.h"
#include "common/base/certificate.h"

/* Of the region, for all links and lanes. */
#define LINK_REPORTS_BYTES 24576u

struct region;

/* Moments are of steady_clock.h. */
struct link_report {
	char state[16];    /* as upstream names it; "": there is no such link */
	char address[64];  /* of the server; "": not connected */
	uint32_t since_s;  /* of the state */
	uint32_t failures; /* attempts in vain since it was last up */
	uint32_t lanes;    /* mask of those it carries */
	uint32_t round_trip_us;       /* of the last barrier; 0: none yet */
	uint32_t barriers;            /* without an answer yet */
	uint32_t uncovered;           /* stanzas that no barrier covers yet */
	uint32_t unconfirmed_entries; /* given to it, no answer behind them */
	uint64_t unconfirmed_bytes;
	uint64_t barriers_sent; /* since it was connected */
	uint64_t barriers_answered;
	double silent_since; /* without any answer; 0: none is waited for */
};

/* What is where on its way up in a lane: in workers' rings (uncollected), in
 * its log (unsent), given to a link (unconfirmed). */
struct lane_report {
	char state[16]; /* as upstream names it; "": nothing is known yet */
	uint32_t link;  /* that has it; LINKS_MAX: none */
	uint32_t unconfirmed_entries;
	uint32_t unsent_entries;
	uint64_t unconfirmed_bytes;
	uint64_t unsent_bytes;
	uint64_t uncollected_bytes;
	double oldest_since; /* of what is in its log; 0: nothing is */
};

/* Upstream; link below LINKS_MAX. */
void link_report_write(struct region *region, unsigned link,
    const struct link_report *report);
/* False when there is none, or it changes at every try. Texts end with a NUL
 * whatever is there. */
MUST_CHECK bool link_report_read(struct region *region, unsigned link,
    struct link_report *report_out);

/* The same; lane below LANE_COUNT. What is read of its link is one, or none. */
void lane_report_write(struct region *region, unsigned lane,
    const struct lane_report *report);
MUST_CHECK bool lane_report_read(struct region *region, unsigned lane,
    struct lane_report *report_out);

/* The certificate that the server showed there last; an empty sha256: none. As
 * above: what is read is fit to be shown whatever is there. */
void link_report_write_certificate(struct region *region, unsigned link,
    const struct certificate_facts *facts);
MUST_CHECK bool link_report_read_certificate(struct region *region,
    unsigned link, struct certificate_facts *facts_out);

#endif
