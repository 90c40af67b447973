/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxied - clients that come through a load balancer, whose connection begins
 * with a header of the PROXY protocol (common/net/proxy_header.h): its address
 * is the client's from there on, and where the balancer speaks TLS with the
 * client the session counts as encrypted.
 *
 * Which networks balancers are in is set for each kind of port. From anywhere
 * else such a port takes nobody: who could write a header himself could take
 * any address.
 */
#ifndef WORKER_CLIENT_PROXIED_H
#define WORKER_CLIENT_PROXIED_H

#include "common/base/base.h"

struct client;
struct client_worker;
struct endpoint;

/* After another configuration, which has been checked. */
void proxied_configure(struct client_worker *worker);
/* Whether clients of this kind of port come through balancers. */
bool proxied_are_all(const struct client_worker *worker, bool direct_tls);
/* Whether one may come from there; if not, it is counted and logged. */
bool proxied_may_come(const struct client_worker *worker, bool direct_tls,
    const struct endpoint *peer);

/* Its header is due. */
void proxied_begin(struct client *client);
bool proxied_is_due(const struct client *client);
/* Something of the header came. True: it is whole, and what follows is the
 * client's own. False: it is not yet, or the client is dropped. */
MUST_CHECK bool proxied_read(struct client *client);
/* The header is late: the client is dropped. */
void proxied_give_up(struct client *client);

#endif
