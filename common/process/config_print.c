/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_print - options as manager.xml: those in force, and the sample.
 */
#include "common/process/config_option.h"

#include "common/base/buf.h"

#include <string.h>

/* Elements that are open; siblings stand together in the table, so an element
 * closes only when no row of it follows. */
struct printer {
	FILE *out;
	const char *open; /* path of the row before; "" at first */
	size_t depth;     /* elements of it that are open */
};

static size_t
step_len(const char *path)
{
	return strcspn(path, ".");
}

static size_t
parent_depth(const char *path)
{
	size_t depth = 0;

	for (; *path; path++)
		depth += *path == '.';
	return depth;
}

/* How many leading names both have. */
static size_t
common_depth(const char *a, const char *b)
{
	size_t depth = 0, len;

	for (;;) {
		len = step_len(a);
		if (len != step_len(b) || memcmp(a, b, len) != 0)
			return depth;
		depth++;
		if (a[len] == '\0' || b[len] == '\0')
			return depth;
		a += len + 1;
		b += len + 1;
	}
}

static const char *
step(const char *path, size_t number)
{
	while (number-- > 0)
		path += step_len(path) + 1;
	return path;
}

static void
indent(struct printer *printer, size_t depth)
{
	for (depth++; depth > 0; depth--)
		fputs("  ", printer->out);
}

static void
close_to(struct printer *printer, size_t depth)
{
	while (printer->depth > depth) {
		const char *name = step(printer->open, --printer->depth);

		indent(printer, printer->depth);
		fprintf(printer->out, "</%.*s>\n", (int)step_len(name), name);
	}
}

/* Opens the elements above this row's own. */
static void
move_to(struct printer *printer, const char *path)
{
	size_t shared = MIN(common_depth(printer->open, path),
	    MIN(printer->depth, parent_depth(path)));

	close_to(printer, shared);
	for (; printer->depth < parent_depth(path); printer->depth++) {
		const char *name = step(path, printer->depth);

		indent(printer, printer->depth);
		fprintf(printer->out, "<%.*s>\n", (int)step_len(name), name);
	}
	printer->open = path;
}

static void
print_escaped(FILE *out, const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (text[i] == '<')
			fputs("&lt;", out);
		else if (text[i] == '&')
			fputs("&amp;", out);
		else if (text[i] == '>')
			fputs("&gt;", out);
		else
			fputc(text[i], out);
	}
}

static void
print_element(struct printer *printer, const char *path, const char *text,
    size_t len)
{
	const char *name = step(path, parent_depth(path));

	fprintf(printer->out, "<%s>", name);
	print_escaped(printer->out, text, len);
	fprintf(printer->out, "</%s>", name);
}

static void
begin(struct printer *printer, FILE *out)
{
	*printer = (struct printer){ .out = out, .open = "" };
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", out);
}

void
config_each(const struct config *config, config_option_fn *fn, void *context)
{
	struct buf value;
	size_t i;

	buf_init(&value, 0);
	for (i = 0; i < option_count; i++) {
		buf_reset(&value);
		if (options[i].type >= OPTION_FOREIGN ||
		    !option_show(&options[i], config, &value))
			continue;
		(void)buf_append_char(&value, '\0');
		fn(context, options[i].path, (const char *)buf_bytes(&value),
		    config->lines ? config->lines[i] : 0);
	}
	buf_destroy(&value);
}

static void
print_option(void *context, const char *path, const char *value, unsigned line)
{
	struct printer *printer = context;

	(void)line;
	move_to(printer, path);
	indent(printer, printer->depth);
	print_element(printer, path, value, strlen(value));
	fputc('\n', printer->out);
}

void
config_print(const struct config *config, FILE *out)
{
	struct printer printer;

	begin(&printer, out);
	fputs("<jive>\n", out);
	config_each(config, print_option, &printer);
	close_to(&printer, 0);
	fputs("</jive>\n", out);
}

static void
print_comment(struct printer *printer, const struct option *option)
{
	struct buf allowed;

	buf_init(&allowed, 0);
	option_describe(option, &allowed);
	indent(printer, printer->depth);
	fprintf(printer->out, "<!-- %s", option->help);
	if (buf_len(&allowed) > 0)
		fprintf(printer->out, "; %.*s", (int)buf_len(&allowed),
		    (const char *)buf_bytes(&allowed));
	fputs(" -->\n", printer->out);
	buf_destroy(&allowed);
}

/* What has no default is there as a comment, to be filled in; the two that are
 * required wait for their values. */
static void
print_sample_row(struct printer *printer, const struct option *option)
{
	bool required = strcmp(option->path, "xmpp.domain") == 0 ||
			strcmp(option->path, "xmpp.password") == 0;
	const char *value = option->value ? option->value : "";

	move_to(printer, option->path);
	print_comment(printer, option);
	indent(printer, printer->depth);
	if (!option->value && !required)
		fputs("<!-- ", printer->out);
	print_element(printer, option->path, value, strlen(value));
	if (!option->value && !required)
		fputs(" -->", printer->out);
	fputc('\n', printer->out);
}

void
config_print_sample(FILE *out)
{
	struct printer printer;
	size_t i;

	begin(&printer, out);
	fputs("<!-- SPDX-License-Identifier: Apache-2.0 -->\n"
	      "<!-- Every option of cmanagerd with its default. Only"
	      " xmpp.domain and\n"
	      "     xmpp.password must be set. An empty element counts as"
	      " absent. -->\n"
	      "<jive>\n",
	    out);
	for (i = 0; i < option_count; i++)
		if (options[i].type < OPTION_FOREIGN)
			print_sample_row(&printer, &options[i]);
	close_to(&printer, 0);
	fputs("</jive>\n", out);
}
