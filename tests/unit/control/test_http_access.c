/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is told the metrics by HTTP: by address, TLS and token.
 */
#include "common/process/config.h"
#include "tests/support/check/run_suite.h"
#include "worker/control/http_access.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN "0123456789abcdef-._~"

static struct config *config;
static struct http_access access_rights;

static void
parse(const char *address)
{
	FILE *messages = fopen("/dev/null", "w");
	char text[512];

	config_free(&config);
	snprintf(text, sizeof(text),
	    "<jive><xmpp><domain>x.example</domain><password>s</password>"
	    "</xmpp><http><port>9</port><address>%s</address></http></jive>",
	    address);
	ck_assert_int_eq(config_parse("manager.xml", text, strlen(text),
			     messages, &config),
	    0);
	(void)fclose(messages);
}

static void
give(struct config_bytes *file, const char *contents)
{
	file->path = xstrdup("a name");
	file->bytes = (uint8_t *)xstrdup(contents);
	file->len = strlen(contents);
}

static void
teardown(void)
{
	config_free(&config);
}

static const struct {
	const char *address;
	bool certificate, token, tls;
	enum http_verdict without, with; /* the token */
} rows[] = {
	{ "127.0.0.1", false, false, false, HTTP_ADMITTED, HTTP_ADMITTED },
	{ "127.255.0.9", false, false, false, HTTP_ADMITTED, HTTP_ADMITTED },
	{ "::1", false, false, false, HTTP_ADMITTED, HTTP_ADMITTED },
	{ "::ffff:127.0.0.1", false, false, false, HTTP_ADMITTED,
	    HTTP_ADMITTED },
	{ "127.0.0.1", true, false, true, HTTP_ADMITTED, HTTP_ADMITTED },
	{ "127.0.0.1", false, true, false, HTTP_NO_TOKEN, HTTP_ADMITTED },
	{ "::1", true, true, true, HTTP_NO_TOKEN, HTTP_ADMITTED },
	{ "0.0.0.0", false, false, false, HTTP_REFUSED, HTTP_REFUSED },
	{ "::", false, true, false, HTTP_REFUSED, HTTP_REFUSED },
	{ "::ffff:0.0.0.0", true, false, true, HTTP_REFUSED, HTTP_REFUSED },
	{ "192.0.2.1", true, true, true, HTTP_NO_TOKEN, HTTP_ADMITTED },
	{ "128.0.0.1", true, true, true, HTTP_NO_TOKEN, HTTP_ADMITTED },
	/* A connection from before a reload. */
	{ "192.0.2.1", true, true, false, HTTP_REFUSED, HTTP_REFUSED },
};

START_TEST(address_tls_and_token_decide)
{
	parse(rows[_i].address);
	if (rows[_i].certificate)
		give(&config->http.certificate, "PEM");
	if (rows[_i].token)
		give(&config->http.token, TOKEN);
	http_access_take(&access_rights, config);
	ck_assert_int_eq(http_access_judge(&access_rights, rows[_i].tls, NULL),
	    rows[_i].without);
	ck_assert_int_eq(http_access_judge(&access_rights, rows[_i].tls,
			     "Bearer " TOKEN),
	    rows[_i].with);
}
END_TEST

static const char *const lacking[][3] = {
	/* certificate, token, what is named */
	{ NULL, NULL, "http.certificate and http.token.file" },
	{ NULL, TOKEN, "http.certificate" },
	{ "PEM", NULL, "http.token.file" },
	{ "PEM", TOKEN, NULL },
};

START_TEST(what_is_missing_is_named)
{
	parse("192.0.2.1");
	if (lacking[_i][0])
		give(&config->http.certificate, lacking[_i][0]);
	if (lacking[_i][1])
		give(&config->http.token, lacking[_i][1]);
	http_access_take(&access_rights, config);
	if (lacking[_i][2])
		ck_assert_str_eq(access_rights.lacks, lacking[_i][2]);
	else
		ck_assert_ptr_null(access_rights.lacks);
}
END_TEST

static const struct {
	const char *header;
	enum http_verdict verdict;
} headers[] = {
	{ "Bearer " TOKEN, HTTP_ADMITTED },
	{ "bEARER   " TOKEN, HTTP_ADMITTED },
	{ "", HTTP_NO_TOKEN },
	{ "Bearer", HTTP_NO_TOKEN },
	{ "Bearer ", HTTP_NO_TOKEN },
	{ TOKEN, HTTP_NO_TOKEN },
	{ "Bearer" TOKEN, HTTP_NO_TOKEN },
	{ "Basic " TOKEN, HTTP_NO_TOKEN },
	{ "Bearer 0123456789abcdef-._", HTTP_NO_TOKEN },
	{ "Bearer " TOKEN "x", HTTP_NO_TOKEN },
	{ "Bearer " TOKEN " ", HTTP_ADMITTED },
	{ "Bearer  " TOKEN " \t ", HTTP_ADMITTED },
	{ "Bearer  \t", HTTP_NO_TOKEN },
	{ "Bearer " TOKEN " " TOKEN, HTTP_NO_TOKEN },
	{ "Bearer " TOKEN "\n", HTTP_NO_TOKEN },
	{ "Bearer " TOKEN "," TOKEN, HTTP_NO_TOKEN },
	{ "Bearer 0123456789ABCDEF-._~", HTTP_NO_TOKEN },
	{ "Bearer \xff", HTTP_NO_TOKEN },
};

START_TEST(the_whole_token_counts_and_nothing_else)
{
	parse("192.0.2.1");
	give(&config->http.certificate, "PEM");
	give(&config->http.token, TOKEN);
	http_access_take(&access_rights, config);
	ck_assert_int_eq(http_access_judge(&access_rights, true,
			     headers[_i].header),
	    headers[_i].verdict);
}
END_TEST

/* What has no contents is a file that was not for us: nothing opens it. */
START_TEST(an_empty_token_is_nobodys)
{
	parse("127.0.0.1");
	give(&config->http.token, "");
	http_access_take(&access_rights, config);
	ck_assert_int_eq(http_access_judge(&access_rights, true, "Bearer "),
	    HTTP_NO_TOKEN);
	ck_assert_int_eq(http_access_judge(&access_rights, true, NULL),
	    HTTP_NO_TOKEN);
}
END_TEST

START_TEST(the_token_itself_is_not_kept)
{
	parse("127.0.0.1");
	give(&config->http.token, TOKEN);
	http_access_take(&access_rights, config);
	ck_assert_ptr_null(memmem(&access_rights, sizeof(access_rights), TOKEN,
	    strlen(TOKEN) / 2));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http_access");
	TCase *tests = tcase_create("http_access");

	tcase_add_checked_fixture(tests, NULL, teardown);
	tcase_add_loop_test(tests, address_tls_and_token_decide, 0,
	    (int)ARRAY_LEN(rows));
	tcase_add_loop_test(tests, what_is_missing_is_named, 0,
	    (int)ARRAY_LEN(lacking));
	tcase_add_loop_test(tests, the_whole_token_counts_and_nothing_else, 0,
	    (int)ARRAY_LEN(headers));
	tcase_add_test(tests, an_empty_token_is_nobodys);
	tcase_add_test(tests, the_token_itself_is_not_kept);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
