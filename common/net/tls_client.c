/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side: whom it trusts. How a certificate is judged:
 * tls_verify.c. */
#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/net/tls_context.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <string.h>

/* --- the system's authorities --- */

void
tls_system_authorities(struct buf *out)
{
	gnutls_x509_trust_list_iter_t position = NULL;
	gnutls_x509_trust_list_t list;
	gnutls_x509_crt_t authority;

	CHECK(gnutls_x509_trust_list_init(&list, 0) == 0);
	if (gnutls_x509_trust_list_add_system_trust(list, 0, 0) > 0)
		while (gnutls_x509_trust_list_iter_get_ca(list, &position,
			   &authority) == 0) {
			(void)tls_append_pem(authority, out);
			gnutls_x509_crt_deinit(authority);
		}
	gnutls_x509_trust_list_deinit(list, 1);
}

/* --- a context --- */

/* Number of authorities or a GnuTLS error. */
static int
trust(struct tls_context *context, const void *pem, size_t len)
{
	gnutls_datum_t bytes = { .data = (void *)(uintptr_t)pem,
		.size = (unsigned)len };

	return gnutls_certificate_set_x509_trust_mem(context->credentials,
	    &bytes, GNUTLS_X509_FMT_PEM);
}

/* The system's list may be missing (a small container): then only the
 * operator's own authorities count. */
static void
trust_system(struct tls_context *context, const char *pem)
{
	int count =
	    pem ? trust(context, pem, strlen(pem))
		: gnutls_certificate_set_x509_system_trust(context
							       ->credentials);

	if (count <= 0)
		log_at(LOG_WARNING,
		    "the system has no certificate authorities");
}

int
tls_context_new_client(const struct tls_verify *verify,
    struct tls_context **context_out, struct tls_error *error_out)
{
	struct tls_context *context;
	int code = 0;

	*context_out = NULL;
	error_out->text[0] = '\0';
	context = tls_context_new(false, verify->priorities, error_out);
	if (!context)
		return -EINVAL;
	context->verify = *verify;
	context->verify.authorities = NULL;
	context->verify.system = context->verify.priorities = NULL;
	if (verify->verify && verify->check_chain)
		trust_system(context, verify->system);
	if (verify->authorities) {
		code = trust(context, verify->authorities,
		    verify->authorities_len);
		if (code == 0)
			code = GNUTLS_E_NO_CERTIFICATE_FOUND;
	}
	if (code < 0) {
		tls_set_error(error_out, "certificate authorities", code);
		tls_context_free(&context);
	}
	*context_out = context;
	return code < 0 ? -EINVAL : 0;
}
