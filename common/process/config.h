/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config - one immutable snapshot of everything an operator can set.
 *
 * Read from manager.xml (PROTOCOL.md §14); options.def has a row
 * per option: path, field, type, default, range, live or restart, help. Files
 * it names (certificates, keys, authorities) and the machine's own are read
 * too, so that a child opens none. Read in a process of its own
 * (master/config_apart.h); everybody has an extract of it (snapshot.h) that
 * lacks the secrets of others.
 */
#ifndef COMMON_PROCESS_CONFIG_H
#define COMMON_PROCESS_CONFIG_H

#include "common/base/base.h"
#include "common/base/certificate.h"
#include "common/base/log.h"
#include "common/net/tls.h"
#include "common/process/machine.h"

#include <limits.h>
#include <stdio.h>

struct region_geometry;

/* Whose extract; each role has secrets of its own, the master has none. Who
 * reads the file again has every option to compare with: some are confided to
 * nobody else, since a role is given what was made of them. */
enum config_reader {
	CONFIG_ANYBODY, /* in options.def: not confided */
	CONFIG_MASTER = CONFIG_ANYBODY,
	CONFIG_WORKER,
	CONFIG_UPSTREAM,
	CONFIG_CONTROL,
	CONFIG_RELOAD,
	CONFIG_READER_COUNT,
};

struct config_bytes { /* a file's contents; bytes NULL when not given */
	uint8_t *bytes;
	size_t len;
	char *path;
};

#define CONFIG_DOMAINS_MAX 64u

struct config_server {
	char *domains; /* xmpp.domain, required, IDNA-prepared: one or more */
	char *domain_names[CONFIG_DOMAINS_MAX]; /* each, the main one first */
	unsigned domain_count;
	const char *domain;  /* the main one: domain_names[0] */
	char *hostname;      /* xmpp.hostname or NULL: SRV of the domain */
	uint16_t port;       /* xmpp.port 5262 */
	char *password;      /* xmpp.password, required; never logged */
	char *manager_name;  /* xmpp.manager.name; stable generated if absent */
	unsigned link_count; /* xmpp.manager.connections 1..16, default 5 */
	char *dns_override;  /* dnsutil.dnsOverride or NULL */
	char *dns_servers;   /* xmpp.server.dns.servers or NULL: resolv.conf */
	int tls;             /* enum config_link_tls: xmpp.server.tls */
	char *tls_priorities; /* of GnuTLS; NULL: common/net/tls.h */
	bool verify, verify_chain, verify_validity, accept_selfsigned;
	struct config_bytes
	    authorities;            /* xmpp.server.certificate.authorities */
	double connect_timeout_s;   /* 20 */
	double negotiate_timeout_s; /* 7 */
	double heartbeat_s;         /* 30 */
	double idle_s;              /* 300: nothing received on a link */
	double barrier_s;           /* 10 */
	double hang_timeout_s;      /* 30: no barrier answered on a link */
	double grace_s;             /* 10: all links lost */
	double pause_s;             /* 300: a planned restart, at most */
	double disconnect_window_s; /* 10: spread of a mass disconnect */
	double backoff_min_s, backoff_max_s; /* 1, 60 */
	double stop_timeout_s;               /* 10: orderly stop at most */
	size_t item_bytes;                   /* 4 MiB: largest item downward */
	bool unassigned; /* resources may hold what is not assigned */
};

enum config_link_tls {
	LINK_TLS_OPTIONAL, /* STARTTLS when offered */
	LINK_TLS_REQUIRED,
	LINK_TLS_DIRECT,
	LINK_TLS_NONE,
};

enum config_log_target {
	LOG_TARGET_AUTO, /* as the daemon was started: master/log_target.h */
	LOG_TARGET_STDERR,
	LOG_TARGET_FILE,
	LOG_TARGET_SYSLOG,
	LOG_TARGET_JOURNAL,
};

enum config_keepalive {
	KEEPALIVE_WHITESPACE,
	KEEPALIVE_PING, /* XEP-0199 */
};

struct config_client {
	bool plain_active; /* xmpp.socket.default.active */
	uint16_t plain_port;
	char *plain_balancers; /* networks; NULL: clients come themselves */
	bool plain_direct;     /* direct TLS on the same port */
	bool direct_active;    /* xmpp.socket.ssl.active */
	uint16_t direct_port;
	char *direct_balancers;
	double proxy_timeout_s; /* 5 */
	char *interface; /* addresses, blanks between; NULL: all, v4 + v6 */
	int backlog, receive_buffer, send_buffer;
	bool tcp_nodelay;
	bool validate_host;
	double idle_s;               /* xmpp.client.idle; 0: never */
	double keepalive_s;          /* 0: none is sent */
	int keepalive_method;        /* enum config_keepalive */
	double auth_timeout_s;       /* 60 for each step of the log-in */
	double login_timeout_s;      /* 300 for all of it */
	unsigned handshakes;         /* under way at most, a worker; 256 */
	double goodbye_timeout_s;    /* 5 */
	double answer_timeout_s;     /* 30 for the server, to a client */
	double stanza_timeout_s;     /* 600 */
	unsigned stanza_rate;        /* 1024 bytes a second; 0: no limit */
	double end_timeout_s;        /* connection.ack.timeout: 2 */
	size_t stanza_bytes;         /* xmpp.parser.buffer.size: 256 KiB */
	size_t preauth_bytes;        /* 16 KiB */
	unsigned depth;              /* 64 */
	unsigned attributes;         /* 64 */
	size_t output_bytes;         /* session.stalled.cap: 5 MiB a client */
	size_t output_preauth_bytes; /* 64 KiB before it has logged in */
	size_t output_worker_bytes;  /* 256 MiB a worker */
	unsigned parsers;            /* on loan at most, a worker */
	size_t parsers_bytes;        /* that these hold; 256 MiB */
	struct config_bytes certificate, key, store; /* store: PKCS#12 */
	char *key_password;
	struct config_bytes ocsp;         /* for the certificate, in DER */
	struct config_bytes directory;    /* an archive of its files */
	struct tls_identities identities; /* made of all these; a worker's */
	char *tls_priorities;     /* of GnuTLS; NULL: common/net/tls.h */
	double ticket_lifetime_s; /* 7200; 0: no tickets */
	struct config_bytes ticket_key_file;      /* NULL path: one is made */
	uint8_t ticket_key[TLS_TICKET_KEY_BYTES]; /* as identity */
	bool has_ticket_key;
};

struct config_http {
	uint16_t port; /* 0: none */
	char *address; /* literal; 127.0.0.1 */
	struct config_bytes certificate, key;
	struct tls_identity identity; /* made of these two; control's */
	struct config_bytes token;    /* without the end of its line */
};

struct config {
	char *path;         /* the file it came from */
	unsigned *lines;    /* of each option there, 0: none; NULL: not known */
	unsigned root_line; /* of the document's element; 0: not known */
	struct machine machine; /* empty unless read from a file */
	struct config_server server;
	struct config_client client;
	struct config_http http;
	unsigned worker_count; /* workers.count; default processors */
	unsigned worker_max;   /* workers.max: fixes the region; default 16 */
	unsigned sessions_per_worker; /* sessions.max, power of two */
	size_t up_ring_bytes, down_ring_bytes;
	char *state_directory; /* "none": no ledger */
	char *pid_file;        /* NULL: none */
	char *control_socket;  /* NULL: the usual place; "none" */
	char *control_group, *control_view_group; /* NULL: the user's; nobody */
	char *user;                               /* children's; NULL: stay */
	char *group;                              /* NULL: the user's own */
	char *root_directory;        /* children's; NULL: none of their own */
	int log_level;               /* enum log_level */
	int log_target;              /* enum config_log_target */
	int log_format;              /* enum log_form: text or JSON */
	char *log_file, *log_socket; /* NULL: none; the system's */
	bool core_dumps;
	bool seccomp;
	double ready_timeout_s;
	double hang_timeout_s;     /* hang.timeout */
	double drain_delay_s;      /* drain.delay */
	double drain_window_s;     /* drain.window */
	char *drain_host;          /* NULL: they are not redirected */
	unsigned certificate_days; /* certificate.expiry.days; 0: none */
	struct certificate_list certificates; /* once they were looked at */
};

/*
 * Reads, checks and completes. Problems go to `messages` as lines
 * `FILE:LINE: text` naming value and what is allowed; unknown names are
 * warnings with the nearest known name. 0, or -EINVAL when any is an error.
 */
MUST_CHECK int config_load(const char *path, FILE *messages,
    struct config **config_out);
/* Warnings, as lines of config_load(), about what options amount to of which
 * some need a restart: of one that was loaded, and, where one is in force,
 * after config_keep(). */
void config_advise(struct config *config, FILE *messages);
/* config_load() from memory, for tests and fuzzing; relative paths from `path`.
 */
MUST_CHECK int config_parse(const char *path, const void *text, size_t len,
    FILE *messages, struct config **config_out);
/* Options given beside the file, each `name=value`, for every later reading by
 * this process and those that it forks: they count, whatever the file says. No
 * secrets: whoever lists processes would see them. Copied; the last call
 * counts, and one with none forgets them. */
void config_give(const char *const *texts, size_t count);
/* -EINVAL when one of them is no option, or its value none; a line for each. */
MUST_CHECK int config_check_given(FILE *messages);
/* Fills in `certificates`, from what was loaded, for the domain as it is. */
void config_look_at_certificates(struct config *config);
/* Mask of what matters with a certificate in this role, for that is verified by
 * clients, or by links as far as options say. */
uint32_t config_verified_findings(const struct config *config, uint32_t role);
/* Of a checked configuration's client.interface, with this port; how many. */
unsigned config_interface_addresses(const char *interface, uint16_t port,
    struct endpoint endpoints_out[MACHINE_ADDRESSES_MAX]);
/*
 * The sizes of the shared region. The one place that derives them: the master
 * makes its region so, and each test does, so that what a test finds room for
 * the daemon has room for. A worker's client queues may hold more than
 * xmpp.client.output.worker lets wait: the limit is enforced behind an append,
 * so the largest item of the server, and words of our own, always find room.
 */
void config_region_geometry(const struct config *config,
    struct region_geometry *geometry_out);
/* Of the file that a certificate is from: the option that names it or its
 * directory, and its name, which may be in a static buffer. */
const char *config_certificate_option(const struct config *config,
    const struct certificate_facts *facts);
const char *config_certificate_file(const struct config *config,
    const struct certificate_facts *facts);
void config_free(struct config **config); /* wipes secrets */
/* Wipes all that only one role is given. */
void config_forget(struct config *config);
/* The same, but for the names of files, which people are shown. */
void config_forget_contents(struct config *config);

/* Compares two; fn hears of each option that differs. What is not live keeps in
 * `next` the value it has in `current`. */
typedef void config_change_fn(void *context, const char *path, bool live);
void config_keep(struct config *next, const struct config *current,
    config_change_fn *fn, void *context);

/* Each option that has a value, secrets replaced; line: where the file gives
 * it, 0 for what is a default, CONFIG_LINE_GIVEN beside it. */
#define CONFIG_LINE_GIVEN UINT_MAX
typedef void config_option_fn(void *context, const char *path,
    const char *value, unsigned line);
void config_each(const struct config *config, config_option_fn *fn,
    void *context);
/* Effective configuration, as manager.xml, secrets replaced (-T). */
void config_print(const struct config *config, FILE *out);
/* The complete sample file (conf/manager.xml is its output). */
void config_print_sample(FILE *out);

#endif
