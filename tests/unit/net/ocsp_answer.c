/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/net/ocsp_answer.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void
put(const char *folder, const char *name, const char *text)
{
	char path[64];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static void
ask_openssl(const char *folder, const struct ocsp_wish *wish)
{
	char command[1024];

	(void)snprintf(command, sizeof(command),
	    "cd %s && printf "
	    "'%s\\t400101000000Z\\t%s\\t%s\\tunknown\\t/CN=x\\n'"
	    " $(openssl x509 -in own.pem -noout -serial | cut -d= -f2) >index"
	    " && openssl ocsp -index index -rsigner signer.pem"
	    " -rkey signer.key -CA own.pem -issuer own.pem -cert own.pem"
	    " %s -noverify -respout response >/dev/null 2>&1",
	    folder, wish->status ? wish->status : "V",
	    wish->status && wish->status[0] == 'R' ? "200101000000Z" : "",
	    wish->status ? "%s" : "00%.0s", wish->endless ? "" : "-nmin 60");
	ck_assert_int_eq(system(command), 0);
}

static size_t
take(const char *folder, uint8_t bytes_out[8192])
{
	char path[64], command[64];
	FILE *file;
	size_t len;

	(void)snprintf(path, sizeof(path), "%s/response", folder);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	len = fread(bytes_out, 1, 8192, file);
	ck_assert_int_eq(fclose(file), 0);
	(void)snprintf(command, sizeof(command), "rm -r %s", folder);
	ck_assert_int_eq(system(command), 0);
	return len;
}

size_t
ocsp_answer(const struct tls_identity *identity, const struct ocsp_wish *wish,
    uint8_t bytes_out[8192])
{
	const struct tls_identity *signer =
	    wish->signer ? wish->signer : identity;
	char folder[] = "/tmp/cm-ocsp-XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(folder));
	put(folder, "own.pem", identity->chain);
	put(folder, "signer.pem", signer->chain);
	put(folder, "signer.key", signer->key);
	ask_openssl(folder, wish);
	return take(folder, bytes_out);
}
