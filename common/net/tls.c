/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/tls.h"

#include "common/base/log.h"
#include "common/net/tls_choice.h"
#include "common/net/tls_context.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* TLS 1.2 and 1.3, forward secrecy and authenticated encryption only. By
 * curves alone: with a finite field of 8192 bits anybody could have us work for
 * many milliseconds. */
static const char strict_priorities[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:"
    "-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:"
    "-MAC-ALL:+AEAD:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:"
    "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-X448:"
    "+GROUP-SECP384R1:+GROUP-SECP521R1:%SERVER_PRECEDENCE";

static int
set_priorities(const char *text, gnutls_priority_t *priorities_out,
    struct tls_error *error)
{
	const char *at = "";
	int code = gnutls_priority_init(priorities_out,
	    text ? text : strict_priorities, &at);

	if (code < 0)
		snprintf(error->text, sizeof(error->text),
		    "'%s' is no GnuTLS priority string, from '%s' on", text,
		    at);
	return code < 0 ? -EINVAL : 0;
}

struct tls_context *
tls_context_new(bool server, const char *priorities, struct tls_error *error)
{
	struct tls_context *context = xcalloc(1, sizeof(*context));

	if (set_priorities(priorities, &context->priorities, error) != 0) {
		free(context);
		return NULL;
	}
	context->holders = 1;
	context->server = server;
	CHECK(gnutls_certificate_allocate_credentials(&context->credentials) ==
	      0);
	return context;
}

const char *
tls_default_priorities(void)
{
	return strict_priorities;
}

int
tls_check_priorities(const char *priorities, struct tls_error *error_out)
{
	gnutls_priority_t made;
	int error;

	error_out->text[0] = '\0';
	error = set_priorities(priorities, &made, error_out);
	if (!error)
		gnutls_priority_deinit(made);
	return error;
}

void
tls_context_free(struct tls_context **context)
{
	struct tls_context *c = *context;

	*context = NULL;
	if (!c || --c->holders > 0)
		return;
	gnutls_certificate_free_credentials(c->credentials);
	tls_choice_free(&c->choice);
	gnutls_priority_deinit(c->priorities);
	if (c->ticket_key.data)
		explicit_bzero(c->ticket_key.data, c->ticket_key.size);
	explicit_bzero(&c->last_key, sizeof(c->last_key));
	free(c->ticket_key.data);
	free(c);
}

static void
take_ticket_key(struct tls_context *context,
    const struct tls_server_material *m)
{
	if (!m->ticket_key)
		return;
	context->ticket_key.data = xmalloc(TLS_TICKET_KEY_BYTES);
	context->ticket_key.size = TLS_TICKET_KEY_BYTES;
	memcpy(context->ticket_key.data, m->ticket_key, TLS_TICKET_KEY_BYTES);
	context->ticket_lifetime_s = m->ticket_lifetime_s;
}

int
tls_context_new_server(const struct tls_server_material *material,
    struct tls_context **context_out, struct tls_error *error_out)
{
	struct tls_context *context;
	int error;

	*context_out = NULL;
	error_out->text[0] = '\0';
	context = tls_context_new(true, material->priorities, error_out);
	if (!context)
		return -EINVAL;
	error = tls_load_material(context->credentials, 0, material, error_out);
	if (error)
		tls_context_free(&context);
	else
		take_ticket_key(context, material);
	*context_out = context;
	return error;
}
