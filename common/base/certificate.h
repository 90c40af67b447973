/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificate - what is known of a certificate, and what is wrong with it at a
 * moment. Pure: the time is an argument, and the certificate itself is read
 * elsewhere (common/net/tls_certificate.h). There is nothing secret in it.
 *
 * Of certificate.def there are findings that time changes, which
 * certificate_judge() makes, and faults, which whoever read it has seen.
 */
#ifndef COMMON_BASE_CERTIFICATE_H
#define COMMON_BASE_CERTIFICATE_H

#include "common/base/ocsp.h"

#define CERTIFICATES_MAX     1280u /* that are watched at once */
#define CERTIFICATE_DATE_MAX 24u   /* "2026-11-28T17:42:00Z" */
#define CERTIFICATE_TEXT_MAX 1024u

enum certificate_role {
	CERTIFICATE_CLIENTS,           /* clients are shown it */
	CERTIFICATE_INTERMEDIATE,      /* with this behind it */
	CERTIFICATE_AUTHORITY,         /* the server's may be signed by it */
	CERTIFICATE_SERVER,            /* the server has shown it on a link */
	CERTIFICATE_HTTP,              /* who asks by HTTP is shown it */
	CERTIFICATE_HTTP_INTERMEDIATE, /* with this behind it */
	CERTIFICATE_ROLE_COUNT,
};

enum certificate_finding {
#define FINDING(symbol, word, what, clients, server, authority, http) \
	FINDING_##symbol,
#include "common/base/certificate.def"
#undef FINDING
	FINDING_COUNT,
};
#define FINDING_MASK(symbol) (1u << FINDING_##symbol)
#define FINDING_MASK_ALL     ((1u << FINDING_COUNT) - 1)

/* Texts are printable and cut where they are too long. */
struct certificate_facts {
	int64_t not_before_s, not_after_s; /* unix time */
	uint32_t role;                     /* enum certificate_role */
	uint32_t faults;                   /* mask of findings */
	struct ocsp_facts ocsp;            /* of the response given with it */
	char sha256[65]; /* of the whole, in hex; "": there is none */
	char subject[160], issuer[160];
	char names[256];   /* ", " between; "": none */
	char missing[160]; /* the issuer that is not there; "": none is */
	char key[32];      /* "RSA 2048" */
	char signature[32];
	char file[256]; /* its name in the directory of certificates; or "" */
};

struct certificate_list {
	struct certificate_facts *rows; /* NULL: none */
	unsigned count;                 /* CERTIFICATES_MAX at most */
	unsigned left_out;              /* for want of room */
};

/* Copies it. */
void certificate_list_add(struct certificate_list *list,
    const struct certificate_facts *facts);
void certificate_list_clear(struct certificate_list *list);

/* From another process: ends the texts, bounds the dates, forgets what is no
 * finding, role or state. */
void certificate_sanitize(struct certificate_facts *facts);

/* Mask of what is wrong at `now_s`; `soon_days` 0: expiring soon is nothing. */
uint32_t certificate_judge(const struct certificate_facts *facts, int64_t now_s,
    unsigned soon_days);
/* Whole days until it expires; negative: since. */
int64_t certificate_days_left(const struct certificate_facts *facts,
    int64_t now_s);

const char *certificate_role_name(uint32_t role);
const char *certificate_finding_word(enum certificate_finding finding);
/* Of these findings those that somebody is to be warned of, with a certificate
 * in this role. */
uint32_t certificate_warnings(uint32_t role, uint32_t findings);
void certificate_date(int64_t time_s, char date_out[CERTIFICATE_DATE_MAX]);

/*
 * Why, what clients will see or becomes of links, and details as key=value. For
 * `domain`; `file`: where the certificate is from, or NULL.
 */
void certificate_describe(const struct certificate_facts *facts,
    enum certificate_finding finding, int64_t now_s, const char *domain,
    const char *file, char text_out[CERTIFICATE_TEXT_MAX]);

/* --- once a day --- */

#define CERTIFICATE_REPEAT_S 86400.0
#define CERTIFICATE_LOOK_S \
	3600.0 /* how often there is something to look at \
		*/

/* What has been reported, and when. Zeros: nothing. */
struct certificate_watch {
	struct certificate_report {
		char sha256[65];
		uint32_t role;
		double reported_s[FINDING_COUNT]; /* steady clock; 0: never */
	} reports[CERTIFICATES_MAX];
	unsigned next; /* the oldest, whose place is taken */
};

/* Of these findings those that have not been reported of it for a day; they
 * count as reported at `now_s`, which is of the steady clock and above 0. */
uint32_t certificate_watch_due(struct certificate_watch *watch,
    const struct certificate_facts *facts, uint32_t findings, double now_s);

#endif
