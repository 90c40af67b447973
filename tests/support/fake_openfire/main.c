/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_openfire [--dialect 3.6|4.1|4.7|4.9|5.1] [--domain D] [--secret S]
 *     [--tls disabled|optional|required] [--cert FILE --key FILE]
 *     [--clients-tls optional|required|disabled] [--port N]
 *
 * Listens on 127.0.0.1 and prints `ready PORT TLS_PORT`; commands come on
 * standard input (control.c), its end is the process's end.
 */
#include "tests/support/fake_openfire/fake.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

uint64_t
fake_random(struct fake *fake)
{
	fake->random ^= fake->random << 13;
	fake->random ^= fake->random >> 7;
	fake->random ^= fake->random << 17;
	return fake->random;
}

static int
listen_on(unsigned port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 128) < 0) {
		perror("fake_openfire: listen");
		exit(1);
	}
	return fd;
}

static unsigned
port_of(int fd)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);

	CHECK(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
	return ntohs(address.sin_port);
}

static void
on_accept(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct fake *fake = watcher->data;
	int fd = accept4(watcher->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)loop;
	(void)events;
	if (fd >= 0)
		link_accept(fake, fd, watcher->fd == fake->tls_listener);
}

static void
watch_listener(struct fake *fake, ev_io *watcher, int fd)
{
	ev_io_init(watcher, on_accept, fd, EV_READ);
	watcher->data = fake;
	ev_io_start(fake->loop, watcher);
}

void
fake_listen(struct fake *fake, bool on)
{
	if (on && fake->listener < 0) {
		fake->listener = listen_on(fake->port);
		fake->tls_listener = listen_on(fake->tls_port);
		fake->port = port_of(fake->listener);
		fake->tls_port = port_of(fake->tls_listener);
		watch_listener(fake, &fake->accepts, fake->listener);
		watch_listener(fake, &fake->tls_accepts, fake->tls_listener);
	} else if (!on && fake->listener >= 0) {
		ev_io_stop(fake->loop, &fake->accepts);
		ev_io_stop(fake->loop, &fake->tls_accepts);
		close(fake->listener);
		close(fake->tls_listener);
		fake->listener = fake->tls_listener = -1;
	}
}

/* Before the loop sleeps: what was queued goes out, dead links go. */
static void
on_prepare(struct ev_loop *loop, ev_prepare *watcher, int events)
{
	struct fake *fake = watcher->data;

	(void)events;
	numbers_job(fake);
	ev_idle_stop(loop, &fake->awake);
	ev_timer_stop(loop, &fake->pace);
	if (fake->job.active && fake->job.interval > 0) {
		ev_timer_set(&fake->pace, fake->job.interval, 0);
		ev_timer_start(loop, &fake->pace);
	} else if (fake->job.active) {
		ev_idle_start(loop, &fake->awake);
	}
	list_each(at, &fake->links)
	{
		struct link *link = container_of(at, struct link, in_fake);

		if (!link->dead &&
		    (buf_len(&link->out) || link->close_when_flushed))
			link_flush(link);
		if (link->dead && !link->draining)
			link_free(link);
	}
	control_check(fake);
}

/* The options; each takes a word. */
enum word { DIALECT, DOMAIN, SECRET, TLS, CERT, KEY, CLIENTS_TLS, PORT, WORDS };

static void
read_words(int argc, char **argv, const char *words_out[WORDS])
{
	static const struct option options[] = {
		{ "dialect", required_argument, NULL, DIALECT },
		{ "domain", required_argument, NULL, DOMAIN },
		{ "secret", required_argument, NULL, SECRET },
		{ "tls", required_argument, NULL, TLS },
		{ "cert", required_argument, NULL, CERT },
		{ "key", required_argument, NULL, KEY },
		{ "clients-tls", required_argument, NULL, CLIENTS_TLS },
		{ "port", required_argument, NULL, PORT },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option >= WORDS)
			exit(2);
		words_out[option] = optarg;
	}
}

static enum tls_policy
tls_policy_of(const char *word)
{
	if (strcmp(word, "required") == 0)
		return TLS_REQUIRED;
	return strcmp(word, "optional") == 0 ? TLS_OPTIONAL : TLS_DISABLED;
}

static void
take_options(struct fake *fake, int argc, char **argv)
{
	const char *words[WORDS] = { [DIALECT] = "",
		[DOMAIN] = fake->domain,
		[SECRET] = fake->secret,
		[TLS] = "disabled",
		[CLIENTS_TLS] = fake->starttls,
		[PORT] = "0" };

	read_words(argc, argv, words);
	fake->dialect = dialect_find(words[DIALECT]);
	fake->domain = words[DOMAIN];
	fake->secret = words[SECRET];
	fake->starttls = words[CLIENTS_TLS];
	fake->port = (unsigned)strtoul(words[PORT], NULL, 10);
	fake->tls_policy = tls_policy_of(words[TLS]);
	CHECK(gnutls_certificate_allocate_credentials(&fake->credentials) == 0);
	if (!fake->dialect ||
	    (words[CERT] &&
		gnutls_certificate_set_x509_key_file(fake->credentials,
		    words[CERT], words[KEY], GNUTLS_X509_FMT_PEM) < 0)) {
		fprintf(stderr, "fake_openfire: bad dialect or certificate\n");
		exit(2);
	}
}

static void
init(struct fake *fake)
{
	fake->loop = ev_default_loop(0);
	fake->listener = fake->tls_listener = -1;
	fake->random = 0x9e3779b97f4a7c15U;
	list_init(&fake->managers);
	list_init(&fake->links);
	list_init(&fake->offline);
	for (size_t row = 0; row < HASH_ROWS; row++) {
		list_init(&fake->by_id[row]);
		list_init(&fake->by_user[row]);
		list_init(&fake->spent_ids[row]);
	}
	for (size_t row = 0; row < NUMBERED_ROWS; row++) {
		list_init(&fake->numbered[row]);
		list_init(&fake->delivered[row]);
	}
	chunk_init(&fake->chunk);
}

static void
on_pace(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)timer;
	(void)events;
}

static void
on_awake(struct ev_loop *loop, ev_idle *watcher, int events)
{
	(void)loop;
	(void)watcher;
	(void)events;
}

int
main(int argc, char **argv)
{
	static struct fake fake = { .domain = "xmpp.example",
		.secret = "s3cr3t",
		.starttls = "optional" };

	signal(SIGPIPE, SIG_IGN);
	init(&fake);
	fake.dialect = dialect_find("5.1");
	take_options(&fake, argc, argv);
	fake_listen(&fake, true);
	ev_prepare_init(&fake.prepare, on_prepare);
	fake.prepare.data = &fake;
	ev_prepare_start(fake.loop, &fake.prepare);
	ev_idle_init(&fake.awake, on_awake);
	ev_timer_init(&fake.pace, on_pace, 0, 0);
	control_start(&fake);
	printf("ready %u %u\n", fake.port, fake.tls_port);
	fflush(stdout);
	ev_run(fake.loop, 0);
	return 0;
}
