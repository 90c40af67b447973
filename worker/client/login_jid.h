/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login_jid - who logs in by jabber:iq:auth (XEP-0078). Its answer names
 * nobody, so the address is read from the question.
 */
#ifndef WORKER_CLIENT_LOGIN_JID_H
#define WORKER_CLIENT_LOGIN_JID_H

#include "common/base/base.h"

struct login_fields;

/* The prepared address that this request makes of user and resource at that
 * domain, to be freed. NULL: it names none, two of either, or something that is
 * no address, so that nobody can say whom the server takes it for. */
char *login_jid(const struct login_fields *login, const char *domain);

#endif
