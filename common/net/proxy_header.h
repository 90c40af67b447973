/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy_header - what a load balancer says of a client before the client's own
 * bytes: the PROXY protocol, versions 1 (a line) and 2 (binary), as HAProxy's
 * proxy-protocol.txt has it. Pure.
 *
 * A reader takes bytes as they come and never one that belongs to the client:
 * who reads from a socket looks first (MSG_PEEK) and reads what was taken.
 */
#ifndef COMMON_NET_PROXY_HEADER_H
#define COMMON_NET_PROXY_HEADER_H

#include "common/net/endpoint.h"
#include "common/net/host_name.h"

/* Version 2 allows 64 KiB; what senders put in takes some hundred bytes. */
#define PROXY_HEADER_MAX 4096u

struct proxy_header {
	/* Of the sender's own, such as a health check: there is no client. */
	bool local;
	/* False: the sender does not know the client's address, which then
	 * counts as the sender's. */
	bool has_address;
	struct endpoint source; /* the client */
	/* The client speaks TLS with the sender. */
	bool tls;
	/* The host that the client has named to the sender (version 2's field
	 * PP2_TYPE_AUTHORITY), with TLS its SNI, normal; "": none. What no host
	 * is called is no fault of the header: senders copy what clients sent,
	 * and it counts as none, as in a client's own SNI. The last of several
	 * counts. */
	char authority[HOST_NAME_TEXT_MAX];
};

enum proxy_result { PROXY_MORE, PROXY_DONE, PROXY_BAD };

struct proxy_reader {
	size_t len;  /* bytes taken so far */
	size_t need; /* in all; 0: not known yet */
	uint8_t bytes[PROXY_HEADER_MAX];
};

void proxy_reader_init(struct proxy_reader *reader);
/*
 * Takes from `bytes` what belongs to the header; *taken_out says how much, of
 * PROXY_MORE and PROXY_DONE. After PROXY_DONE the header is filled in; after
 * PROXY_BAD *why_out says in a few words what is wrong.
 */
MUST_CHECK enum proxy_result proxy_reader_take(struct proxy_reader *reader,
    const uint8_t *bytes, size_t len, size_t *taken_out,
    struct proxy_header *header_out, const char **why_out);

#endif
