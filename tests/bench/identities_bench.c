/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identities_bench COUNT: what it costs a worker to take over a configuration
 * with so many certificates, by kind of key.
 *
 *   identities count=N key=RSA-2048 decode_ms=N first_ms=N same_ms=N one_ms=N
 *       some_ms=N all_ms=N ask_us=N kib=N kib_asked=N kib_kept=N kib_later=N
 *
 * In one piece of processor time each: a snapshot is decoded (0 for more than a
 * configuration may have); the first configuration is taken over, one in which
 * nothing has changed, and one in which one certificate has, a hundredth of
 * them, or all; a client asks for a name for the first time. The heap has grown
 * by so many KiB before each certificate was asked for, and after; by as many
 * for each older context that a session keeps, one certificate having changed;
 * and by as many since, after a hundred such reloads that nobody keeps.
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

#define KEPT   10
#define LATER  100
#define DOMAIN "xmpp.example"

static const char text[] =
    "<jive><xmpp><domain>" DOMAIN "</domain><password>x</password>"
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
	tls_identities_describe(&(struct tls_identities){ .all = identity,
				    .count = 1 },
	    DOMAIN);
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
		identities.all[i] = directory->all[i];
		identities.all[i].chain = xstrdup(directory->all[i].chain);
		identities.all[i].key = xstrdup(directory->all[i].key);
		identities.all[i].hosts = xstrdup(directory->all[i].hosts);
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
	CHECK(tls_context_choose_from(next, &identities, *context_io, &error) ==
	      0);
	tls_identities_clear(&identities);
	tls_context_free(context_io);
	*context_io = next;
	return (spent_us() - began) / 1e3;
}

/* One in so many has changed. */
static double
reload_changed(struct tls_context **context_io, struct directory *directory,
    unsigned one_in)
{
	unsigned i;

	for (i = 0; i < directory->count; i += one_in)
		issue(directory, i);
	return reload(context_io, directory);
}

/* In microseconds, of one. */
static double
ask_for_all(const struct tls_context *context, unsigned count)
{
	double began = spent_us();
	char host[64];
	unsigned i;

	for (i = 0; i < count; i++) {
		(void)snprintf(host, sizeof(host), "host%u.example", i);
		CHECK(tls_choice_find(context->choice, host));
	}
	return (spent_us() - began) / count;
}

/* Of one older context that a session keeps. */
static double
kept_kib(struct tls_context **context_io, struct directory *directory)
{
	struct tls_context *kept[KEPT];
	double before = used_kib(), after;
	unsigned i;

	for (i = 0; i < KEPT; i++) {
		kept[i] = *context_io;
		kept[i]->holders++;
		(void)reload_changed(context_io, directory, directory->count);
	}
	after = used_kib();
	for (i = 0; i < KEPT; i++)
		tls_context_free(&kept[i]);
	return (after - before) / KEPT;
}

static double
later_kib(struct tls_context **context_io, struct directory *directory)
{
	double before;
	unsigned i;

	(void)reload_changed(context_io, directory, directory->count);
	before = used_kib();
	for (i = 0; i < LATER; i++)
		(void)reload_changed(context_io, directory, directory->count);
	return used_kib() - before;
}

static void
measure(struct directory *directory, const struct key_kind *kind)
{
	unsigned count = directory->count;
	struct tls_context *context = NULL;
	double before;

	printf("identities count=%u key=%s", count, kind->name);
	printf(" decode_ms=%.1f",
	    count > TLS_IDENTITIES_MAX ? 0 : decode(directory));
	before = used_kib();
	printf(" first_ms=%.1f", reload(&context, directory));
	printf(" same_ms=%.1f", reload(&context, directory));
	printf(" one_ms=%.1f", reload_changed(&context, directory, count));
	printf(" some_ms=%.1f", reload_changed(&context, directory, 100));
	printf(" all_ms=%.1f", reload_changed(&context, directory, 1));
	printf(" kib=%.0f", used_kib() - before);
	printf(" ask_us=%.0f", ask_for_all(context, count));
	printf(" kib_asked=%.0f", used_kib() - before);
	printf(" kib_kept=%.0f", kept_kib(&context, directory));
	printf(" kib_later=%.0f\n", later_kib(&context, directory));
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
