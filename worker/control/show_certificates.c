/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show_certificates - the certificates in force and what is wrong with them.
 */
#include "worker/control/certificates_shown.h"
#include "worker/control/commands.h"
#include "worker/control/report.h"

#include "common/process/config.h"

#include <stdio.h>
#include <string.h>

struct shown {
	struct request *request;
	int64_t now_s;
};

static void
set_text(json_t *row, const char *key, const char *text)
{
	json_object_set_new(row, key, report_string(text));
}

static void
set_date(json_t *row, const char *key, int64_t time_s)
{
	char date[CERTIFICATE_DATE_MAX];

	certificate_date(time_s, date);
	set_text(row, key, date);
}

static void
set_problems(json_t *row, uint32_t findings)
{
	char text[256] = "";
	size_t len = 0;
	int finding;

	for (finding = 0; finding < FINDING_COUNT; finding++)
		if (findings & 1u << finding)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
			    "%s%s", len > 0 ? ", " : "",
			    certificate_finding_word((enum certificate_finding)
				    finding));
	set_text(row, "problems", text);
}

static void
set_ocsp(json_t *row, const struct ocsp_facts *facts, int64_t now_s)
{
	set_text(row, "ocsp", ocsp_state_word(ocsp_judge(facts, now_s)));
	if (facts->until_s > 0)
		set_date(row, "ocsp_until", facts->until_s);
	else
		set_text(row, "ocsp_until", "");
}

/* A file, or the links on which it is shown: "link 0 1 4". */
static void
set_source(json_t *row, const struct certificate_seen *seen)
{
	char text[64] = "link";
	size_t len = strlen(text);
	unsigned link;

	for (link = 0; link < 32; link++)
		if (seen->links & 1u << link)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
			    " %u", link);
	set_text(row, "file", seen->file ? seen->file : text);
}

static void
add_row(void *context, const struct certificate_seen *seen)
{
	struct shown *shown = context;
	const struct certificate_facts *facts = seen->facts;
	unsigned soon_days = shown->request->view->config->certificate_days;
	json_t *row = json_object();

	set_text(row, "role", certificate_role_name(facts->role));
	json_object_set_new(row, "days_left",
	    json_integer(certificate_days_left(facts, shown->now_s)));
	set_problems(row, certificate_judge(facts, shown->now_s, soon_days));
	set_ocsp(row, &facts->ocsp, shown->now_s);
	set_text(row, "subject", facts->subject);
	set_text(row, "names", facts->names);
	set_text(row, "key", facts->key);
	set_date(row, "not_before", facts->not_before_s);
	set_date(row, "not_after", facts->not_after_s);
	set_text(row, "issuer", facts->issuer);
	set_text(row, "signature", facts->signature);
	set_source(row, seen);
	set_text(row, "sha256", facts->sha256);
	json_array_append_new(shown->request->answer, row);
}

static const struct report_column columns[] = {
	{ "role", REPORT_TEXT, 1 },
	{ "days_left", REPORT_NUMBER, 1 },
	{ "problems", REPORT_TEXT, 1 },
	{ "ocsp", REPORT_TEXT, 3 },
	{ "ocsp_until", REPORT_TEXT, 7 },
	{ "subject", REPORT_TEXT, 2 },
	{ "names", REPORT_TEXT, 3 },
	{ "key", REPORT_TEXT, 6 },
	{ "not_before", REPORT_TEXT, 7 },
	{ "not_after", REPORT_TEXT, 4 },
	{ "issuer", REPORT_TEXT, 5 },
	{ "signature", REPORT_TEXT, 8 },
	{ "file", REPORT_TEXT, 2 },
	{ "sha256", REPORT_TEXT, 9 },
};

void
command_show_certificates(struct request *request)
{
	struct shown shown = { .request = request,
		.now_s = certificates_shown_now_s() };

	request->table = (struct report_table){ .noun = "certificates",
		.columns = columns,
		.count = ARRAY_LEN(columns) };
	request->answer = json_array();
	certificates_each(request->view, add_row, &shown);
}
