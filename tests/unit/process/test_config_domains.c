/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The domains of a server that has several: how they are written, and what is
 * no list of them.
 */
#include "common/base/buf.h"
#include "common/process/snapshot.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEFORE "<jive><xmpp><password>s3cr3t</password>\n"
#define AFTER  "</xmpp></jive>"

static struct config *config;
static char *said;
static size_t said_len;

static int
parse_into(const char *domains, struct config **config_out)
{
	FILE *messages;
	char *text = NULL;
	int result;

	free(said);
	ck_assert_int_gt(asprintf(&text, BEFORE "%s" AFTER, domains), 0);
	messages = open_memstream(&said, &said_len);
	result = config_parse("manager.xml", text, strlen(text), messages,
	    config_out);
	ck_assert_int_eq(fclose(messages), 0);
	free(text);
	return result;
}

static int
parse(const char *domains)
{
	config_free(&config);
	return parse_into(domains, &config);
}

static void
setup(void)
{
	config = NULL;
	said = NULL;
}

static void
teardown(void)
{
	config_give(NULL, 0);
	config_free(&config);
	free(said);
}

/* The names are those of the list, in its order, and the first is the main
 * one. */
static void
ck_domains(const struct config *found, const char *list)
{
	const struct config_server *server = &found->server;
	struct buf joined;
	unsigned i;

	buf_init(&joined, 0);
	for (i = 0; i < server->domain_count; i++)
		ck_assert_int_eq(buf_printf(&joined, i ? " %s" : "%s",
				     server->domain_names[i]),
		    0);
	ck_assert_int_eq(buf_append_char(&joined, '\0'), 0);
	ck_assert_str_eq(server->domains, list);
	ck_assert_str_eq((const char *)buf_bytes(&joined), list);
	ck_assert_ptr_eq(server->domain, server->domain_names[0]);
	buf_destroy(&joined);
}

/* `count` elements: a0.example, a1.example and so on, then `last`. */
static void
many(unsigned count, const char *last, struct buf *out)
{
	unsigned i;

	buf_init(out, 0);
	for (i = 0; i < count; i++)
		ck_assert_int_eq(buf_printf(out,
				     "<domain>a%u.example</domain>\n", i),
		    0);
	ck_assert_int_eq(buf_append(out, last, strlen(last) + 1), 0);
}

static const struct {
	const char *written, *list;
} taken[] = {
	{ "<domain>a.example</domain>", "a.example" },
	{ "<domain>a.example</domain><domain>b.example</domain>",
	    "a.example b.example" },
	{ "<domain>b.example a.example</domain>", "b.example a.example" },
	{ "<domain>\n\ta.example\r\n \tb.example  c.example&#13;d.example\n"
	  "</domain>",
	    "a.example b.example c.example d.example" },
	{ "<domain>a.example  b.example</domain><domain> c.example\nd.example "
	  "</domain>",
	    "a.example b.example c.example d.example" },
	{ "<domain/><domain>a.example</domain><domain> </domain>"
	  "<domain>b.example</domain>",
	    "a.example b.example" },
	{ "<domain>A.Example</domain><domain>B\xC3\x9C"
	  "CHER.example. c.example</domain>",
	    "a.example b\xC3\xBC"
	    "cher.example c.example" },
	{ "</xmpp><xmpp><domain>a.example</domain></xmpp><xmpp>"
	  "<domain>b.example</domain>",
	    "a.example b.example" },
	/* One may be a part of another's name. */
	{ "<domain>a.example</domain><domain>x.a.example a.example.org"
	  "</domain>",
	    "a.example x.a.example a.example.org" },
};

START_TEST(domains_stand_in_one_element_or_several)
{
	ck_assert_int_eq(parse(taken[_i].written), 0);
	ck_domains(config, taken[_i].list);
	ck_assert_msg(!strstr(said, "domain"), "said: %s", said);
}
END_TEST

static const struct {
	const char *written, *said;
} refused[] = {
	{ "", "manager.xml:1: xmpp.domain is missing" },
	{ "<domain/><domain> \n </domain>",
	    "manager.xml:1: xmpp.domain is missing" },
	{ "<domain>a.example</domain><domain>a.example</domain>",
	    "manager.xml:2: xmpp.domain: 'a.example' is the same domain as"
	    " 'a.example' before it\n" },
	{ "<domain>a.example b.example B.Example</domain>",
	    "manager.xml:2: xmpp.domain: 'B.Example' is the same domain as"
	    " 'b.example' before it\n" },
	{ "<domain>a.example a.example.</domain>",
	    "manager.xml:2: xmpp.domain: 'a.example.' is the same domain as"
	    " 'a.example' before it\n" },
	{ "<domain>b\xC3\xBC"
	  "cher.example xn--bcher-kva.example</domain>",
	    "xmpp.domain: 'xn--bcher-kva.example' is the same domain as 'b" },
	{ "<domain>xn--bcher-kva.example</domain><domain>B\xC3\x9C"
	  "CHER.example</domain>",
	    "CHER.example' is the same domain as 'xn--bcher-kva.example'"
	    " before it\n" },
	{ "<domain>a.example</domain><domain>b/c</domain>"
	  "<domain>d.example</domain>",
	    "manager.xml:2: xmpp.domain: 'b/c' is not a domain name\n" },
	{ "<domain>a.example u@d.example</domain>",
	    "manager.xml:2: xmpp.domain: 'u@d.example' is not a domain name" },
	{ "<domain>a.example,b.example</domain>",
	    "xmpp.domain: 'a.example,b.example' is not a domain name\n" },
	/* What preparing would make a blank of is none between words. */
	{ "<domain>a.example\xC2\xA0"
	  "b.example</domain>",
	    "b.example' is not a domain name\n" },
};

START_TEST(what_is_no_list_of_domains_is_refused_with_the_word)
{
	ck_assert_int_eq(parse(refused[_i].written), -EINVAL);
	ck_assert_ptr_null(config);
	ck_assert_msg(strstr(said, refused[_i].said) != NULL, "said: %s", said);
}
END_TEST

START_TEST(each_wrong_domain_is_named)
{
	ck_assert_int_eq(parse("<domain>a/b</domain><domain>c.example C.example"
			       " d@e</domain>"),
	    -EINVAL);
	ck_assert_msg(strstr(said,
			  "manager.xml:2: xmpp.domain: 'a/b' is not a domain"
			  " name\n"
			  "manager.xml:2: xmpp.domain: 'C.example' is the same"
			  " domain as 'c.example' before it\n"
			  "manager.xml:2: xmpp.domain: 'd@e' is not a domain"
			  " name\n") == said,
	    "said: %s", said);
}
END_TEST

START_TEST(the_line_is_that_of_the_first_element)
{
	ck_assert_int_eq(parse("<domain>a.example</domain>\n\n"
			       "<domain>b/c</domain>"),
	    -EINVAL);
	ck_assert_ptr_nonnull(strstr(said, "manager.xml:2: xmpp.domain: 'b/"));
}
END_TEST

START_TEST(there_may_be_sixty_four)
{
	struct buf written;

	many(CONFIG_DOMAINS_MAX, "", &written);
	ck_assert_int_eq(parse((const char *)buf_bytes(&written)), 0);
	ck_assert_uint_eq(config->server.domain_count, CONFIG_DOMAINS_MAX);
	ck_assert_str_eq(config->server.domain, "a0.example");
	ck_assert_str_eq(config->server.domain_names[CONFIG_DOMAINS_MAX - 1],
	    "a63.example");
	buf_destroy(&written);
}
END_TEST

START_TEST(the_sixty_fifth_is_refused_by_name_and_the_rest_is_not)
{
	struct buf written;

	many(CONFIG_DOMAINS_MAX, "<domain>more.example rest</domain>",
	    &written);
	ck_assert_int_eq(parse((const char *)buf_bytes(&written)), -EINVAL);
	ck_assert_msg(strstr(said,
			  "manager.xml:2: xmpp.domain: 'more.example' is one"
			  " more than the 64 domains that there may be\n") ==
			  said,
	    "said: %s", said);
	ck_assert_ptr_null(strstr(said, "'rest'"));
	buf_destroy(&written);
}
END_TEST

START_TEST(the_command_line_replaces_all_of_them)
{
	const char *given = "xmpp.domain= c.example  D.example ";

	config_give(&given, 1);
	ck_assert_int_eq(parse("<domain>a.example</domain>"
			       "<domain>b.example</domain>"),
	    0);
	ck_domains(config, "c.example d.example");
}
END_TEST

START_TEST(the_command_line_gives_one_at_least)
{
	const char *given = "xmpp.domain=  ";

	config_give(&given, 1);
	ck_assert_int_eq(parse("<domain>a.example</domain>"), -EINVAL);
	ck_assert_str_eq(said,
	    "-D xmpp.domain: '  ' is not one or more words\n");
}
END_TEST

START_TEST(several_print_as_one_element_that_reads_back)
{
	char *printed;
	size_t len;
	FILE *out;

	ck_assert_int_eq(parse("<domain>B.example</domain>\n"
			       "<domain>a.example</domain>"),
	    0);
	out = open_memstream(&printed, &len);
	config_print(config, out);
	ck_assert_int_eq(fclose(out), 0);
	ck_assert_ptr_nonnull(strstr(printed,
	    "<domain>b.example a.example</domain>\n"));
	free(printed);
	ck_assert_int_eq(parse("<domain>b.example a.example</domain>"), 0);
	ck_domains(config, "b.example a.example");
}
END_TEST

static void
look_at_domain(void *context, const char *path, const char *value,
    unsigned line)
{
	char *shown = context;

	if (strcmp(path, "xmpp.domain") == 0)
		(void)snprintf(shown, 64, "%u: %s", line, value);
}

START_TEST(all_are_shown_with_the_line_of_the_first)
{
	char shown[64] = "";

	ck_assert_int_eq(parse("\n<domain>a.example</domain>\n"
			       "<domain>b.example</domain>"),
	    0);
	config_each(config, look_at_domain, shown);
	ck_assert_str_eq(shown, "3: a.example b.example");
}
END_TEST

/* --- on their way, and when the file is read again --- */

static int
pass_on(const struct config *sent, struct config **got_out)
{
	struct buf bytes;
	int error;

	buf_init(&bytes, 0);
	snapshot_encode(sent, CONFIG_WORKER, &bytes);
	error = snapshot_decode(buf_bytes(&bytes), buf_len(&bytes), got_out);
	buf_destroy(&bytes);
	return error;
}

START_TEST(several_arrive_as_they_were_sent)
{
	struct config *got = NULL;

	ck_assert_int_eq(parse("<domain>b.example a.example</domain>"
			       "<domain>c.example</domain>"),
	    0);
	ck_assert_int_eq(pass_on(config, &got), 0);
	ck_domains(got, "b.example a.example c.example");
	config_free(&got);
}
END_TEST

/* Whoever sends it need not be one of us. */
START_TEST(a_list_that_is_too_long_or_blank_does_not_arrive)
{
	struct config *got = NULL;
	struct buf list;
	unsigned i;

	ck_assert_int_eq(parse("<domain>a.example</domain>"), 0);
	buf_init(&list, 0);
	for (i = 0; i <= CONFIG_DOMAINS_MAX; i++)
		ck_assert_int_eq(buf_printf(&list, "a%u ", i), 0);
	ck_assert_int_eq(buf_append_char(&list, '\0'), 0);
	free(config->server.domains);
	config->server.domains = xstrdup((const char *)buf_bytes(&list));
	ck_assert_int_eq(pass_on(config, &got), -EPROTO);
	strcpy(config->server.domains, " ");
	ck_assert_int_eq(pass_on(config, &got), -EPROTO);
	strcpy(config->server.domains, "");
	ck_assert_int_eq(pass_on(config, &got), -EPROTO);
	strcpy(config->server.domains, " b  c ");
	ck_assert_int_eq(pass_on(config, &got), 0);
	ck_domains(got, "b c");
	config_free(&got);
	buf_destroy(&list);
}
END_TEST

static char waiting[256];

static void
on_change(void *context, const char *path, bool live)
{
	size_t len = strlen(waiting);

	(void)context;
	(void)snprintf(waiting + len, sizeof(waiting) - len, "%s%s ", path,
	    live ? " is live" : "");
}

static const struct {
	const char *next, *waiting;
} reloads[] = {
	{ "<domain>a.example</domain>", "xmpp.domain " },
	{ "<domain>b.example a.example</domain>", "xmpp.domain " },
	{ "<domain>a.example b.example c.example</domain>", "xmpp.domain " },
	/* As it is, differently written. */
	{ "<domain>A.example</domain><domain>b.example</domain>", "" },
};

START_TEST(another_list_waits_for_a_restart_and_the_old_one_stays)
{
	struct config *next = NULL;

	waiting[0] = '\0';
	ck_assert_int_eq(parse("<domain>a.example\nb.example</domain>"), 0);
	ck_assert_int_eq(parse_into(reloads[_i].next, &next), 0);
	config_keep(next, config, on_change, NULL);
	ck_assert_str_eq(waiting, reloads[_i].waiting);
	config_free(&config); /* what was kept is a copy */
	ck_domains(next, "a.example b.example");
	config_free(&next);
}
END_TEST

static void
add_written(TCase *tests)
{
	tcase_add_loop_test(tests, domains_stand_in_one_element_or_several, 0,
	    (int)ARRAY_LEN(taken));
	tcase_add_loop_test(tests,
	    what_is_no_list_of_domains_is_refused_with_the_word, 0,
	    (int)ARRAY_LEN(refused));
	tcase_add_test(tests, each_wrong_domain_is_named);
	tcase_add_test(tests, the_line_is_that_of_the_first_element);
	tcase_add_test(tests, there_may_be_sixty_four);
	tcase_add_test(tests,
	    the_sixty_fifth_is_refused_by_name_and_the_rest_is_not);
	tcase_add_test(tests, the_command_line_replaces_all_of_them);
	tcase_add_test(tests, the_command_line_gives_one_at_least);
	tcase_add_test(tests, several_print_as_one_element_that_reads_back);
	tcase_add_test(tests, all_are_shown_with_the_line_of_the_first);
}

int
main(void)
{
	Suite *suite = suite_create("config_domains");
	TCase *tests = tcase_create("config_domains");

	tcase_add_checked_fixture(tests, setup, teardown);
	add_written(tests);
	tcase_add_test(tests, several_arrive_as_they_were_sent);
	tcase_add_test(tests, a_list_that_is_too_long_or_blank_does_not_arrive);
	tcase_add_loop_test(tests,
	    another_list_waits_for_a_restart_and_the_old_one_stays, 0,
	    (int)ARRAY_LEN(reloads));
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
