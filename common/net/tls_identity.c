/* SPDX-License-Identifier: Apache-2.0 */
/* The server's certificate and key, taken out of the files that have them: who
 * is given these needs neither the files nor the password. */
#include "common/base/buf.h"
#include "common/net/tls_context.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

/* Takes over the bytes. */
static char *
text_of(gnutls_datum_t *bytes)
{
	char *text = xcalloc((size_t)bytes->size + 1, 1);

	memcpy(text, bytes->data, bytes->size);
	explicit_bzero(bytes->data, bytes->size);
	gnutls_free(bytes->data);
	return text;
}

int
tls_append_pem(gnutls_x509_crt_t certificate, struct buf *out)
{
	gnutls_datum_t pem;
	int code =
	    gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &pem);

	if (code < 0)
		return code;
	(void)buf_append(out, pem.data, pem.size);
	gnutls_free(pem.data);
	return 0;
}

/* PKCS#8: the other forms do not say what a key of RSA-PSS is for. */
static int
export_key(const struct tls_context *context, char **key_out)
{
	gnutls_x509_privkey_t key;
	gnutls_datum_t pem;
	int code =
	    gnutls_certificate_get_x509_key(context->credentials, 0, &key);

	if (code < 0)
		return code;
	code = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL,
	    GNUTLS_PKCS_PLAIN, &pem);
	gnutls_x509_privkey_deinit(key);
	if (code == 0)
		*key_out = text_of(&pem);
	return code;
}

static int
export_chain(const struct tls_context *context, char **chain_out)
{
	gnutls_x509_crt_t *chain;
	struct buf text;
	unsigned len, i;
	int code = gnutls_certificate_get_x509_crt(context->credentials, 0,
	    &chain, &len);

	if (code < 0)
		return code;
	buf_init(&text, 0);
	for (i = 0; i < len; i++) {
		if (code == 0)
			code = tls_append_pem(chain[i], &text);
		gnutls_x509_crt_deinit(chain[i]);
	}
	gnutls_free(chain);
	(void)buf_append_char(&text, '\0');
	if (code == 0)
		*chain_out = xstrdup((const char *)buf_bytes(&text));
	buf_destroy(&text);
	return code;
}

static int
export_both(const struct tls_context *context,
    struct tls_identity *identity_out, struct tls_error *error)
{
	int code = export_chain(context, &identity_out->chain);

	if (code == 0)
		code = export_key(context, &identity_out->key);
	if (code < 0)
		tls_set_error(error, "certificate and key", code);
	return code < 0 ? -EINVAL : 0;
}

static int
try_opened(const struct tls_identity *identity, const char *path,
    struct tls_error *error_out)
{
	struct tls_server_material material = tls_identity_material(identity);
	struct tls_context *context;
	int error;

	material.path = path;
	material.opened = false; /* that is for those who get it */
	error = tls_context_new_server(&material, &context, error_out);
	tls_context_free(&context);
	return error;
}

int
tls_identity_open(const struct tls_server_material *material,
    struct tls_identity *identity_out, struct tls_error *error_out)
{
	struct tls_context *context;
	int error;

	*identity_out = (struct tls_identity){ 0 };
	if (tls_context_new_server(material, &context, error_out) != 0)
		return -EINVAL;
	error = export_both(context, identity_out, error_out);
	tls_context_free(&context);
	if (!error)
		error = try_opened(identity_out, material->path, error_out);
	if (error)
		tls_identity_clear(identity_out);
	return error;
}
