/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/tls_names.h"

#include "common/base/printable.h"
#include "common/net/host_name.h"

#include <gnutls/x509-ext.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NAME_BYTES_MAX 256

/* False: go no further. `type` is one of GnuTLS's, those of other names
 * included that it can read. */
typedef bool name_fn(void *context, unsigned type, const char *name);

static bool
call_with(name_fn *fn, void *context, unsigned type, const gnutls_datum_t *name)
{
	char text[NAME_BYTES_MAX];

	/* One with a NUL within is no name of anybody. */
	if (name->size >= sizeof(text) ||
	    memchr(name->data, '\0', name->size) != NULL)
		return true;
	snprintf(text, sizeof(text), "%.*s", (int)name->size,
	    (const char *)name->data);
	return fn(context, type, text);
}

/* 0 or 1: whether there may be more; -1: that was the last. */
static int
take_name(gnutls_subject_alt_names_t names, unsigned index, name_fn *fn,
    void *context)
{
	gnutls_datum_t san, oid, text;
	unsigned type, known;
	bool more;

	if (gnutls_subject_alt_names_get(names, index, &type, &san, &oid) < 0)
		return -1;
	if (type == GNUTLS_SAN_DNSNAME)
		return call_with(fn, context, type, &san);
	if (type != GNUTLS_SAN_OTHERNAME ||
	    gnutls_x509_othername_to_virtual((const char *)oid.data, &san,
		&known, &text) < 0)
		return 1;
	more = call_with(fn, context, known, &text);
	gnutls_free(text.data);
	return more;
}

static void
each_name(gnutls_x509_crt_t certificate, name_fn *fn, void *context)
{
	gnutls_subject_alt_names_t names;
	gnutls_datum_t extension;
	unsigned i = 0;

	if (gnutls_x509_crt_get_extension_by_oid2(certificate,
		GNUTLS_X509EXT_OID_SAN, 0, &extension, NULL) < 0)
		return;
	CHECK(gnutls_subject_alt_names_init(&names) == 0);
	if (gnutls_x509_ext_import_subject_alt_names(&extension, names, 0) == 0)
		while (take_name(names, i, fn, context) > 0)
			i++;
	gnutls_subject_alt_names_deinit(names);
	gnutls_free(extension.data);
}

/* --- whether one covers --- */

struct wanted {
	const char *domain, *service;
	bool found;
};

/* The form of ASCII, to be freed; false: it has none. */
static bool
to_ascii(const char *domain, gnutls_datum_t *ascii_out)
{
	return gnutls_idna_map(domain, (unsigned)strlen(domain), ascii_out,
		   0) == 0;
}

/* Each in either form: an SRVName has that of ASCII (RFC 4985), an address the
 * other. */
static bool
is_same_domain(const char *a, const char *b)
{
	gnutls_datum_t x, y;
	bool same = strcasecmp(a, b) == 0;

	if (same || !to_ascii(a, &x))
		return same;
	if (to_ascii(b, &y)) {
		same = strcasecmp((char *)x.data, (char *)y.data) == 0;
		gnutls_free(y.data);
	}
	gnutls_free(x.data);
	return same;
}

/* "_xmpp-client.DOMAIN". */
static bool
is_service_name(const char *name, const struct wanted *wanted)
{
	size_t len = wanted->service ? strlen(wanted->service) : 0;

	return len > 0 && strncasecmp(name, wanted->service, len) == 0 &&
	       name[len] == '.' &&
	       is_same_domain(name + len + 1, wanted->domain);
}

static bool
compare(void *context, unsigned type, const char *name)
{
	struct wanted *wanted = context;

	if (type == GNUTLS_SAN_OTHERNAME_XMPP)
		wanted->found = is_same_domain(name, wanted->domain);
	else if (type == GNUTLS_SAN_OTHERNAME_SRV)
		wanted->found = is_service_name(name, wanted);
	return !wanted->found;
}

bool
tls_names_cover(gnutls_x509_crt_t certificate, const char *domain,
    const char *service)
{
	struct wanted wanted = { .domain = domain, .service = service };

	if (gnutls_x509_crt_check_hostname(certificate, domain))
		return true;
	each_name(certificate, compare, &wanted);
	return wanted.found;
}

/* --- hosts --- */

struct hosts {
	tls_host_fn *fn;
	void *context;
	const char *service;
	bool any;
};

static void
call_normal(struct hosts *hosts, const char *name, size_t len)
{
	size_t wildcard = len >= 2 && memcmp(name, "*.", 2) == 0 ? 2 : 0;
	char host[2 + HOST_NAME_TEXT_MAX];

	if (!host_name_normalise(name + wildcard, len - wildcard,
		host + wildcard))
		return;
	memcpy(host, name, wildcard);
	hosts->any = true;
	hosts->fn(hosts->context, host);
}

static void
call_ascii(struct hosts *hosts, const char *domain)
{
	gnutls_datum_t ascii;

	if (!to_ascii(domain, &ascii))
		return;
	call_normal(hosts, (const char *)ascii.data, ascii.size);
	gnutls_free(ascii.data);
}

static bool
take_host(void *context, unsigned type, const char *name)
{
	struct hosts *hosts = context;
	size_t len = strlen(hosts->service);

	if (type == GNUTLS_SAN_DNSNAME)
		call_normal(hosts, name, strlen(name));
	else if (type == GNUTLS_SAN_OTHERNAME_XMPP)
		call_ascii(hosts, name);
	else if (type == GNUTLS_SAN_OTHERNAME_SRV &&
		 strncasecmp(name, hosts->service, len) == 0 &&
		 name[len] == '.')
		call_ascii(hosts, name + len + 1);
	return true;
}

void
tls_names_each_host(gnutls_x509_crt_t certificate, const char *service,
    tls_host_fn *fn, void *context)
{
	struct hosts hosts = {
		.fn = fn, .context = context, .service = service
	};
	char common[NAME_BYTES_MAX];
	size_t len = sizeof(common);

	each_name(certificate, take_host, &hosts);
	if (!hosts.any &&
	    gnutls_x509_crt_get_dn_by_oid(certificate,
		GNUTLS_OID_X520_COMMON_NAME, 0, 0, common, &len) == 0)
		call_normal(&hosts, common, len);
}

/* --- in words --- */

struct printed {
	char *text;
	size_t cap, len;
};

static bool
print(void *context, unsigned type, const char *name)
{
	struct printed *printed = context;
	const char *between = printed->len > 0 ? ", " : "";
	const char *kind = type == GNUTLS_SAN_OTHERNAME_XMPP ? "xmpp:" : "";
	char shown[NAME_BYTES_MAX];
	size_t left = printed->cap - printed->len;
	int len;

	if (type != GNUTLS_SAN_DNSNAME && type != GNUTLS_SAN_OTHERNAME_XMPP &&
	    type != GNUTLS_SAN_OTHERNAME_SRV)
		return true;
	printable_copy(shown, sizeof(shown), name, '?');
	len = snprintf(printed->text + printed->len, left, "%s%s%s", between,
	    kind, shown);
	if ((size_t)len >= left)
		printed->text[printed->len] = '\0';
	else
		printed->len += (size_t)len;
	return (size_t)len < left;
}

void
tls_names_print(gnutls_x509_crt_t certificate, char *text_out, size_t cap)
{
	struct printed printed = { .text = text_out, .cap = cap };

	text_out[0] = '\0';
	each_name(certificate, print, &printed);
}

/* --- itself --- */

bool
tls_is_selfsigned(gnutls_x509_crt_t certificate)
{
	unsigned status = 0;

	if (!gnutls_x509_crt_check_issuer(certificate, certificate))
		return false;
	return gnutls_x509_crt_verify(certificate, &certificate, 1,
		   GNUTLS_VERIFY_DISABLE_CA_SIGN |
		       GNUTLS_VERIFY_DISABLE_TIME_CHECKS,
		   &status) == 0 &&
	       (status & GNUTLS_CERT_SIGNATURE_FAILURE) == 0;
}
