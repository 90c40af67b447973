/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/certificate.h"

#include "common/base/log.h"
#include "common/base/printable.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_S    86400
#define TIME_MAX 253402300799 /* the end of the year 9999 */

static const struct {
	const char *word, *what, *clients, *server, *authority, *http;
} findings_table[FINDING_COUNT] = {
#define FINDING(symbol, word, what, clients, server, authority, http) \
	[FINDING_##symbol] = { word, what, clients, server, authority, http },
#include "common/base/certificate.def"
#undef FINDING
};

/* --- lists --- */

void
certificate_list_add(struct certificate_list *list,
    const struct certificate_facts *facts)
{
	if (list->count == CERTIFICATES_MAX) {
		list->left_out++;
		return;
	}
	list->rows =
	    xrealloc(list->rows, (list->count + 1) * sizeof(*list->rows));
	list->rows[list->count++] = *facts;
}

void
certificate_list_clear(struct certificate_list *list)
{
	free(list->rows);
	*list = (struct certificate_list){ 0 };
}

static void
tidy(char *text, size_t cap)
{
	char copy[256];
	size_t len;

	text[cap - 1] = '\0';
	printable_copy(copy, MIN(sizeof(copy), cap), text, '?');
	len = strnlen(copy, cap - 1);
	memcpy(text, copy, len);
	text[len] = '\0';
}

void
certificate_sanitize(struct certificate_facts *facts)
{
	facts->role = MIN(facts->role, CERTIFICATE_ROLE_COUNT - 1u);
	facts->faults &= FINDING_MASK_ALL;
	facts->not_before_s = MIN(MAX(facts->not_before_s, -1), TIME_MAX);
	facts->not_after_s = MIN(MAX(facts->not_after_s, -1), TIME_MAX);
	if (facts->ocsp.state >= OCSP_STATE_COUNT)
		facts->ocsp.state = OCSP_NONE;
	facts->ocsp.until_s = MIN(MAX(facts->ocsp.until_s, 0), TIME_MAX);
	tidy(facts->sha256, sizeof(facts->sha256));
	tidy(facts->subject, sizeof(facts->subject));
	tidy(facts->issuer, sizeof(facts->issuer));
	tidy(facts->names, sizeof(facts->names));
	tidy(facts->missing, sizeof(facts->missing));
	tidy(facts->key, sizeof(facts->key));
	tidy(facts->signature, sizeof(facts->signature));
	tidy(facts->file, sizeof(facts->file));
}

/* --- findings --- */

int64_t
certificate_days_left(const struct certificate_facts *facts, int64_t now_s)
{
	int64_t left_s = facts->not_after_s - now_s;

	return left_s >= 0 ? left_s / DAY_S : -((DAY_S - 1 - left_s) / DAY_S);
}

uint32_t
certificate_judge(const struct certificate_facts *facts, int64_t now_s,
    unsigned soon_days)
{
	uint32_t findings = facts->faults;

	if (facts->not_after_s < now_s)
		findings |= FINDING_MASK(EXPIRED);
	else if (facts->not_after_s - now_s < (int64_t)soon_days * DAY_S)
		findings |= FINDING_MASK(EXPIRES_SOON);
	if (facts->not_before_s > now_s)
		findings |= FINDING_MASK(NOT_YET_VALID);
	if (ocsp_state_fault(ocsp_judge(&facts->ocsp, now_s)))
		findings |= FINDING_MASK(NOT_STAPLED);
	return findings;
}

const char *
certificate_role_name(uint32_t role)
{
	static const char *const names[CERTIFICATE_ROLE_COUNT] = {
		[CERTIFICATE_CLIENTS] = "clients",
		[CERTIFICATE_INTERMEDIATE] = "intermediate",
		[CERTIFICATE_AUTHORITY] = "authority",
		[CERTIFICATE_SERVER] = "server",
		[CERTIFICATE_HTTP] = "http",
		[CERTIFICATE_HTTP_INTERMEDIATE] = "http-intermediate",
	};

	return role < CERTIFICATE_ROLE_COUNT ? names[role] : "unknown";
}

const char *
certificate_finding_word(enum certificate_finding finding)
{
	return findings_table[finding].word;
}

static const char *
consequence(uint32_t role, enum certificate_finding finding)
{
	if (role == CERTIFICATE_AUTHORITY)
		return findings_table[finding].authority;
	if (role == CERTIFICATE_HTTP || role == CERTIFICATE_HTTP_INTERMEDIATE)
		return findings_table[finding].http;
	return role == CERTIFICATE_SERVER ? findings_table[finding].server
					  : findings_table[finding].clients;
}

uint32_t
certificate_warnings(uint32_t role, uint32_t findings)
{
	int finding;

	for (finding = 0; finding < FINDING_COUNT; finding++)
		if (!consequence(role, (enum certificate_finding)finding))
			findings &= ~(1u << finding);
	return findings;
}

/* --- in words --- */

void
certificate_date(int64_t time_s, char date_out[CERTIFICATE_DATE_MAX])
{
	time_t seconds = (time_t)time_s;
	struct tm utc;

	if (!gmtime_r(&seconds, &utc) ||
	    strftime(date_out, CERTIFICATE_DATE_MAX, "%Y-%m-%dT%H:%M:%SZ",
		&utc) == 0)
		date_out[0] = '\0';
}

static const char *
quote(const char *text)
{
	return log_escape(text, strlen(text));
}

static void
put_detail(const struct certificate_facts *facts,
    enum certificate_finding finding, int64_t now_s, const char *domain,
    FILE *out)
{
	char date[CERTIFICATE_DATE_MAX];

	if (finding == FINDING_EXPIRED || finding == FINDING_EXPIRES_SOON) {
		certificate_date(facts->not_after_s, date);
		fprintf(out, " not_after=%s days_left=%" PRId64, date,
		    certificate_days_left(facts, now_s));
	} else if (finding == FINDING_NOT_YET_VALID) {
		certificate_date(facts->not_before_s, date);
		fprintf(out, " not_before=%s", date);
	} else if (finding == FINDING_WRONG_NAME) {
		fprintf(out, " domain=\"%s\" names=\"%s\"", quote(domain),
		    quote(facts->names));
	} else if (finding == FINDING_INCOMPLETE_CHAIN) {
		fprintf(out, " missing=\"%s\"", quote(facts->missing));
	} else if (finding == FINDING_WEAK_KEY) {
		fprintf(out, " key=\"%s\"", quote(facts->key));
	} else if (finding == FINDING_WEAK_SIGNATURE) {
		fprintf(out, " signature=\"%s\"", quote(facts->signature));
	} else if (finding == FINDING_NOT_STAPLED) {
		certificate_date(facts->ocsp.until_s, date);
		fprintf(out, " ocsp=%s ocsp_until=%s",
		    ocsp_state_word(ocsp_judge(&facts->ocsp, now_s)), date);
	}
}

void
certificate_describe(const struct certificate_facts *facts,
    enum certificate_finding finding, int64_t now_s, const char *domain,
    const char *file, char text_out[CERTIFICATE_TEXT_MAX])
{
	const char *seen = consequence(facts->role, finding);
	FILE *out = fmemopen(text_out, CERTIFICATE_TEXT_MAX, "w");

	CHECK(out);
	fprintf(out, "%s%s%s role=%s subject=\"%s\"",
	    findings_table[finding].what, seen ? ": " : "", seen ? seen : "",
	    certificate_role_name(facts->role), quote(facts->subject));
	put_detail(facts, finding, now_s, domain, out);
	if (file)
		fprintf(out, " file=\"%s\"", quote(file));
	(void)fclose(out);
	text_out[CERTIFICATE_TEXT_MAX - 1] = '\0';
}

/* --- once a day --- */

static struct certificate_report *
find_report(struct certificate_watch *watch,
    const struct certificate_facts *facts)
{
	struct certificate_report *report;
	unsigned i;

	for (i = 0; i < CERTIFICATES_MAX; i++)
		if (watch->reports[i].role == facts->role &&
		    strcmp(watch->reports[i].sha256, facts->sha256) == 0)
			return &watch->reports[i];
	report = &watch->reports[watch->next];
	watch->next = (watch->next + 1) % CERTIFICATES_MAX;
	*report = (struct certificate_report){ .role = facts->role };
	memcpy(report->sha256, facts->sha256, sizeof(report->sha256));
	return report;
}

uint32_t
certificate_watch_due(struct certificate_watch *watch,
    const struct certificate_facts *facts, uint32_t findings, double now_s)
{
	struct certificate_report *report;
	uint32_t due = 0;
	unsigned i;

	if (findings == 0)
		return 0;
	report = find_report(watch, facts);
	for (i = 0; i < FINDING_COUNT; i++) {
		double *at = &report->reported_s[i];

		if (!(findings & 1u << i) ||
		    (*at > 0 && now_s - *at < CERTIFICATE_REPEAT_S))
			continue;
		*at = now_s;
		due |= 1u << i;
	}
	return due;
}
