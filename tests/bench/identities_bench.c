/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identities_bench COUNT: what it costs a worker to take over a configuration
 * with so many certificates, by kind of key: the milliseconds in one piece of
 * the first one, of one in which nothing has changed, and of one in which a
 * hundredth has; and the KiB that its memory has grown by, before and after
 * each certificate was asked for, and after ten reloads more of which sessions
 * keep the contexts.
 *
 *   identities count=N key=RSA-2048 decode_ms=N first_ms=N same_ms=N some_ms=N
 *       kib=N kib_asked=N kib_kept=N
 *
 * decode_ms, of the snapshot, is 0 for more than a configuration may have.
 */
#include "common/net/fd.h"
#include "common/net/tls.h"
#include "common/net/tls_choice.h"
#include "common/net/tls_context.h"
#include "common/process/config.h"
#include "common/process/snapshot.h"
#include "tests/bench/tls_bench.h"

#include <gnutls/gnutls.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT 10

static const char text[] =
    "<jive><xmpp><domain>xmpp.example</domain><password>x</password>"
    "<manager><name>cm</name></manager><socket><ssl><active>false</active>"
    "</ssl></socket></xmpp></jive>";

static double
used_kib(void)
{
	struct mallinfo2 info = mallinfo2();

	return (double)(info.uordblks + info.hblkhd) / 1024;
}

/* --- a directory of certificates --- */

struct directory {
	struct identity issuer, key;
	struct tls_identity *all;
	unsigned count;
};

static void
issue(struct directory *directory, unsigned which)
{
	struct tls_identity *identity = &directory->all[which];
	struct identity made;
	char host[64];

	(void)snprintf(host, sizeof(host), "host%u.example", which);
	identity_make_as(&made, &(struct identity_wish){ .name = host,
				    .issuer = &directory->issuer,
				    .key_of = &directory->key });
	tls_identity_clear(identity);
	CHECK(asprintf(&identity->chain, "%s%s", (char *)made.certificate,
		  (char *)directory->issuer.certificate) > 0);
	identity->key = xstrdup((char *)made.key);
	identity_free(&made);
}

static void
set_up(struct directory *directory, const struct key_kind *kind, unsigned count)
{
	unsigned i;

	key_kind_make(kind, "authority", &directory->issuer);
	key_kind_make(kind, "key", &directory->key);
	directory->all = xcalloc(count, sizeof(*directory->all));
	directory->count = count;
	for (i = 0; i < count; i++)
		issue(directory, i);
}

static void
tear_down(struct directory *directory)
{
	unsigned i;

	for (i = 0; i < directory->count; i++)
		tls_identity_clear(&directory->all[i]);
	free(directory->all);
	identity_free(&directory->issuer);
	identity_free(&directory->key);
}

/* As it comes out of a snapshot. */
static struct tls_identities
copy(const struct directory *directory)
{
	struct tls_identities identities = { .count = directory->count };
	unsigned i;

	identities.all = xcalloc(identities.count, sizeof(*identities.all));
	for (i = 0; i < identities.count; i++) {
		identities.all[i].chain = xstrdup(directory->all[i].chain);
		identities.all[i].key = xstrdup(directory->all[i].key);
	}
	return identities;
}

/* --- a worker --- */

static double
decode(const struct directory *directory)
{
	FILE *warnings = fopen("/dev/null", "w");
	struct config *config;
	int fd = snapshot_new();
	double began;

	CHECK(warnings && fd >= 0);
	CHECK(config_parse("manager.xml", text, strlen(text), warnings,
		  &config) == 0);
	(void)fclose(warnings);
	config->client.identities = copy(directory);
	CHECK(snapshot_fill(fd, config, CONFIG_WORKER) == 0);
	config_free(&config);
	began = spent_us();
	CHECK(snapshot_open(fd, &config) == 0);
	began = spent_us() - began;
	config_free(&config);
	fd_close(&fd);
	return began / 1e3;
}

/* In milliseconds; the context is another's now. */
static double
reload(struct tls_context **context_io, const struct directory *directory)
{
	struct tls_identities identities = copy(directory);
	struct tls_server_material material;
	struct tls_context *next;
	struct tls_error error;
	double began = spent_us();

	material = tls_identity_material(&identities.all[0]);
	CHECK(tls_context_new_server(&material, &next, &error) == 0);
	CHECK(tls_context_choose_from(next, &identities, "xmpp.example",
		  &error) == 0);
	tls_identities_clear(&identities);
	tls_context_free(context_io);
	*context_io = next;
	return (spent_us() - began) / 1e3;
}

static void
ask_for_all(const struct tls_context *context, unsigned count)
{
	char host[64];
	unsigned i;

	for (i = 0; i < count; i++) {
		(void)snprintf(host, sizeof(host), "host%u.example", i);
		CHECK(tls_choice_find(context->choice, host));
	}
}

/* Ten more, each held by a session. */
static void
keep(struct tls_context **context_io, struct directory *directory,
    double before_kib)
{
	struct tls_context *kept[KEPT];
	unsigned i;

	for (i = 0; i < KEPT; i++) {
		kept[i] = *context_io;
		kept[i]->holders++;
		issue(directory, i);
		(void)reload(context_io, directory);
	}
	printf(" kib_kept=%.0f\n", used_kib() - before_kib);
	for (i = 0; i < KEPT; i++)
		tls_context_free(&kept[i]);
}

static void
measure(struct directory *directory, const struct key_kind *kind)
{
	double before = used_kib(), first, same;
	struct tls_context *context = NULL;
	unsigned i;

	printf("identities count=%u key=%s decode_ms=%.1f", directory->count,
	    kind->name,
	    directory->count > TLS_IDENTITIES_MAX ? 0 : decode(directory));
	first = reload(&context, directory);
	same = reload(&context, directory);
	for (i = 0; i < directory->count; i += 100)
		issue(directory, i);
	printf(" first_ms=%.1f same_ms=%.1f some_ms=%.1f", first, same,
	    reload(&context, directory));
	printf(" kib=%.0f", used_kib() - before);
	ask_for_all(context, directory->count);
	printf(" kib_asked=%.0f", used_kib() - before);
	keep(&context, directory, before);
	tls_context_free(&context);
}

int
main(int argc, char **argv)
{
	struct directory directory;
	size_t key;
	int count;

	count = argc == 2 ? atoi(argv[1]) : 0;
	if (count < KEPT) {
		fprintf(stderr, "usage: identities_bench COUNT, at least %d\n",
		    KEPT);
		return 2;
	}
	for (key = 0; key < KEY_KINDS; key++) {
		memset(&directory, 0, sizeof(directory));
		set_up(&directory, &key_kinds[key], (unsigned)count);
		measure(&directory, &key_kinds[key]);
		tear_down(&directory);
	}
	return 0;
}
