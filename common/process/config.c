/* SPDX-License-Identifier: Apache-2.0 */
#include "common/process/config.h"

#include "common/base/buf.h"
#include "common/net/endpoint.h"
#include "common/process/config_domains.h"
#include "common/process/config_http.h"
#include "common/process/config_option.h"
#include "common/shm/region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What was taken out of files. */
static void
forget_keys(struct config *config)
{
	struct config_client *client = &config->client;

	tls_identities_clear(&client->identities);
	tls_identity_clear(&config->http.identity);
	explicit_bzero(client->ticket_key, sizeof(client->ticket_key));
	client->has_ticket_key = false;
}

void
config_free(struct config **config)
{
	size_t i;

	if (!*config)
		return;
	for (i = 0; i < option_count; i++)
		option_clear(&options[i], *config);
	config_domains_clear(&(*config)->server);
	forget_keys(*config);
	certificate_list_clear(&(*config)->certificates);
	machine_clear(&(*config)->machine);
	free((*config)->path);
	free((*config)->lines);
	free(*config);
	*config = NULL;
}

void
config_forget(struct config *config)
{
	size_t i;

	for (i = 0; i < option_count; i++)
		if (options[i].reader != CONFIG_ANYBODY)
			option_clear(&options[i], config);
	forget_keys(config);
}

void
config_forget_contents(struct config *config)
{
	struct config_bytes *file;
	char *path;
	size_t i;

	for (i = 0; i < option_count; i++) {
		file = option_contents(&options[i], config);
		if (!file)
			continue;
		path = file->path;
		file->path = NULL;
		option_clear(&options[i], config);
		file->path = path;
	}
	forget_keys(config);
}

/* --- what follows from it --- */

/* Bytes; those that an operator has no reason to set. */
#define LANE_BYTES        (4u << 20)
#define CTL_RING_BYTES    (256u << 10)
#define ARENA_SLOT_BYTES  128u
#define ARENA_BYTES_MIN   (64u << 10)
#define OWN_WORDS_BYTES   (16u << 10) /* a client's features and errors */
#define RECEIVE_BYTES_MIN (256u << 10)
#define ITEM_GROWTH       3u /* of an item: escaped text, heads of entries */

unsigned
config_interface_addresses(const char *interface, uint16_t port,
    struct endpoint endpoints_out[MACHINE_ADDRESSES_MAX])
{
	char *words = xstrdup(interface), *rest = words, *word;
	unsigned count = 0;

	while (count < MACHINE_ADDRESSES_MAX &&
	       (word = strtok_r(rest, " ", &rest)))
		if (endpoint_parse(word, port, &endpoints_out[count]) == 0)
			count++;
	free(words);
	return count;
}

int
config_http_endpoint(const struct config *config, struct endpoint *endpoint_out)
{
	const struct config_http *http = &config->http;
	uint8_t bytes[16];
	int error = endpoint_parse(http->address, http->port, endpoint_out);

	if (error)
		return error;
	endpoint_to_bytes(endpoint_out, bytes);
	endpoint_from_bytes(bytes, http->port, endpoint_out);
	return 0;
}

const char *
config_http_lacks(const struct config *config)
{
	const struct config_http *http = &config->http;
	struct endpoint endpoint;

	if (config_http_endpoint(config, &endpoint) != 0 ||
	    endpoint_is_loopback(&endpoint))
		return NULL;
	if (!http->certificate.path && !http->token.path)
		return "http.certificate and http.token.file";
	if (!http->certificate.path)
		return "http.certificate";
	return http->token.path ? NULL : "http.token.file";
}

/* Room for the largest item as it may be escaped, for as much again of what was
 * read with it, and for what is read at once. */
static uint64_t
receive_bytes(const struct config *config)
{
	uint64_t need = ITEM_GROWTH * (uint64_t)config->server.item_bytes;
	uint64_t bytes = RECEIVE_BYTES_MIN;

	while (bytes < need)
		bytes *= 2;
	return bytes;
}

/* What may be appended to a queue before the workers' limit is looked at. */
static uint64_t
queue_reserve(const struct config *config)
{
	return ITEM_GROWTH * (uint64_t)config->server.item_bytes +
	       OWN_WORDS_BYTES;
}

void
config_region_geometry(const struct config *config,
    struct region_geometry *geometry_out)
{
	uint64_t arena =
	    (uint64_t)config->sessions_per_worker * ARENA_SLOT_BYTES;

	*geometry_out = (struct region_geometry){
		.partition_count = 3 * config->worker_max + 8,
		.slots_per_partition = config->sessions_per_worker,
		.up_ring_bytes = config->up_ring_bytes,
		.down_ring_bytes = config->down_ring_bytes,
		.lane_bytes = LANE_BYTES,
		.ctl_ring_bytes = CTL_RING_BYTES,
		.queue_bytes =
		    config->client.output_worker_bytes + queue_reserve(config),
		.arena_bytes = MAX(arena, (uint64_t)ARENA_BYTES_MIN),
		.receive_bytes = receive_bytes(config),
	};
}

/* --- what differs, and what of it must wait for a restart --- */

static bool
same_contents(const struct option *option, const struct config *a,
    const struct config *b)
{
	const struct config_bytes *x = option_peek_contents(option, a);
	const struct config_bytes *y = option_peek_contents(option, b);

	if (!x)
		return true;
	return x->len == y->len &&
	       (x->len == 0 || memcmp(x->bytes, y->bytes, x->len) == 0);
}

/* As a string that the caller frees; NULL: none is given. */
static char *
text_of(const struct option *option, const struct config *config)
{
	char *copy = NULL;
	struct buf text;

	buf_init(&text, 0);
	if (option_text(option, config, &text)) {
		(void)buf_append_char(&text, '\0');
		copy = xstrdup((const char *)buf_bytes(&text));
	}
	if (text.data)
		explicit_bzero(text.data, text.cap);
	buf_destroy(&text);
	return copy;
}

static bool
same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void
drop(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static void
restore(const struct option *option, struct config *next,
    const struct config *current, const char *text)
{
	option_clear(option, next);
	if (text)
		CHECK(option_set(option, next, text) == 0);
	if (next->lines && current->lines)
		next->lines[option - options] =
		    current->lines[option - options];
}

/* One that was made is the same until a restart: whoever got a ticket can use
 * it. */
static void
keep_ticket_key(struct config_client *next, const struct config_client *current)
{
	if (!next->has_ticket_key || !current->has_ticket_key ||
	    next->ticket_key_file.path || current->ticket_key_file.path)
		return;
	memcpy(next->ticket_key, current->ticket_key, TLS_TICKET_KEY_BYTES);
}

void
config_keep(struct config *next, const struct config *current,
    config_change_fn *fn, void *context)
{
	size_t i;

	for (i = 0; i < option_count; i++) {
		const struct option *option = &options[i];
		char *old, *new;

		if (option->type >= OPTION_FOREIGN)
			continue;
		old = text_of(option, current);
		new = text_of(option, next);
		if (!same_text(old, new) ||
		    !same_contents(option, next, current)) {
			fn(context, option->path, option->live);
			if (!option->live)
				restore(option, next, current, old);
		}
		drop(old);
		drop(new);
	}
	(void)config_domains_list(&next->server);
	keep_ticket_key(&next->client, &current->client);
}

/* --- as manager.xml --- */

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
