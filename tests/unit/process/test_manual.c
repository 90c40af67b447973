/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manual's lists of options against the table; CM_WRITE_MANUAL=1 writes
 * them anew.
 */
#include "common/base/buf.h"
#include "common/process/config_option.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE        CM_SOURCE_DIR "/conf/manager.xml.5"
#define COLUMNS_MAX 76u

static struct buf list;
static size_t column;

static void
setup(void)
{
	buf_init(&list, 0);
	column = 0;
}

static void
teardown(void)
{
	buf_destroy(&list);
}

/* One byte of text as roff has it. */
static void
put(char byte)
{
	char text[] = { byte, '\0' };

	if (byte == '-')
		ck_assert_int_eq(buf_append_str(&list, "\\-"), 0);
	else if (byte == '\\')
		ck_assert_int_eq(buf_append_str(&list, "\\e"), 0);
	else
		ck_assert_int_eq(buf_append_str(&list, text), 0);
}

static void
end_line(void)
{
	if (column > 0)
		ck_assert_int_eq(buf_append_str(&list, "\n"), 0);
	column = 0;
}

static void
put_word(const char *word, size_t len)
{
	size_t i;

	if (column > 0 && column + 1 + len > COLUMNS_MAX)
		end_line();
	if (column > 0)
		put(' ');
	else if (word[0] == '.' || word[0] == '\'')
		ck_assert_int_eq(buf_append_str(&list, "\\&"), 0);
	for (i = 0; i < len; i++)
		put(word[i]);
	column += len + 1;
}

/* A sentence from pieces, on lines of its own. */
static void
put_sentence(const char *before, const char *text)
{
	char whole[1024];
	char *word, *rest = whole;

	ck_assert_int_lt(snprintf(whole, sizeof(whole), "%s%s", before, text),
	    (int)sizeof(whole) - 1);
	whole[0] = (char)toupper((unsigned char)whole[0]);
	if (whole[strlen(whole) - 1] != '.')
		strcat(whole, ".");
	while ((word = strsep(&rest, " ")))
		put_word(word, strlen(word));
	end_line();
}

static void
put_item(const char *path)
{
	ck_assert_int_eq(buf_append_str(&list, ".It Va "), 0);
	column = 8;
	for (; *path; path++)
		put(*path);
	end_line();
}

static void
put_option(const struct option *option)
{
	struct buf allowed;
	size_t i;

	put_item(option->path);
	put_sentence("", option->help);
	buf_init(&allowed, 0);
	option_describe(option, &allowed);
	ck_assert_int_eq(buf_append(&allowed, "", 1), 0);
	if (buf_len(&allowed) > 1)
		put_sentence("Allowed: ", (const char *)buf_bytes(&allowed));
	buf_destroy(&allowed);
	if (option->value)
		put_sentence("Default: ", option->value);
	for (i = 0; i < option_count; i++)
		if (options[i].type == OPTION_ALIAS &&
		    strcmp(options[i].value, option->path) == 0)
			put_sentence("Older name: ", options[i].path);
}

static void
put_foreign(const struct option *option)
{
	put_item(option->path);
	put_sentence("", option->help);
	if (option->value && option->value[0])
		put_sentence("Without a warning: ", option->value);
}

static char *
read_page(void)
{
	FILE *file = fopen(PAGE, "r");
	char *page = calloc(1, 1 << 20);

	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(page);
	ck_assert_uint_lt(fread(page, 1, (1 << 20) - 1, file), (1 << 20) - 1);
	(void)fclose(file);
	return page;
}

static void
write_page(const char *page, const char *from, const char *to)
{
	FILE *file = fopen(PAGE, "w");

	ck_assert_ptr_nonnull(file);
	(void)fprintf(file, "%.*s%.*s%s", (int)(from - page), page,
	    (int)buf_len(&list), (const char *)buf_bytes(&list), to);
	ck_assert_int_eq(fclose(file), 0);
}

/* What stands between the two marks is what `list` holds. */
static void
ck_page_has_list(const char *name)
{
	char begin[64], end[64], *page = read_page();
	const char *from, *to;

	snprintf(begin, sizeof(begin), ".\\\" begin of %s\n", name);
	snprintf(end, sizeof(end), ".\\\" end of %s\n", name);
	from = strstr(page, begin);
	to = strstr(page, end);
	ck_assert_ptr_nonnull(from);
	ck_assert_ptr_nonnull(to);
	from += strlen(begin);
	if (getenv("CM_WRITE_MANUAL"))
		write_page(page, from, to);
	else
		ck_assert_msg((size_t)(to - from) == buf_len(&list) &&
				  memcmp(from, buf_bytes(&list),
				      buf_len(&list)) == 0,
		    "%s is not as options.def has it; CM_WRITE_MANUAL=1 writes"
		    " it anew",
		    PAGE);
	free(page);
}

static void
build_list(bool foreign)
{
	size_t i;

	ck_assert_int_eq(buf_append_str(&list, ".Bl -tag -width Ds\n"), 0);
	for (i = 0; i < option_count; i++)
		if (foreign && options[i].type == OPTION_FOREIGN)
			put_foreign(&options[i]);
		else if (!foreign && options[i].type < OPTION_FOREIGN)
			put_option(&options[i]);
	ck_assert_int_eq(buf_append_str(&list, ".El\n"), 0);
}

START_TEST(the_manual_describes_every_option_as_the_table_does)
{
	build_list(false);
	ck_page_has_list("options");
}
END_TEST

START_TEST(the_manual_names_every_option_that_has_no_effect)
{
	build_list(true);
	ck_page_has_list("foreign options");
}
END_TEST

START_TEST(every_row_of_the_table_is_in_the_manual)
{
	char *page = read_page(), *in, *out;

	for (in = out = page; *in; in++) /* as a reader sees it */
		if (in[0] == '\\' && in[1] == '-')
			continue;
		else
			*out++ = *in;
	*out = '\0';
#define OPTION(path, field, type, value, least, most, change, help) \
	ck_assert_msg(strstr(page, ".It Va " path "\n") != NULL, "%s", path);
#define FOREIGN(path, value, help) \
	ck_assert_msg(strstr(page, ".It Va " path "\n") != NULL, "%s", path);
#define ALIAS(path, other) \
	ck_assert_msg(strstr(page, "Older name: " path ".\n") != NULL, "%s", \
	    path);
#include "common/process/options.def"
#undef OPTION
#undef FOREIGN
#undef ALIAS
	free(page);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("manual");
	TCase *tests = tcase_create("manual");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests,
	    the_manual_describes_every_option_as_the_table_does);
	tcase_add_test(tests, the_manual_names_every_option_that_has_no_effect);
	tcase_add_test(tests, every_row_of_the_table_is_in_the_manual);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
