/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control/certificates_shown.h"

#include "common/base/buf.h"
#include "common/base/printable.h"
#include "common/process/config.h"
#include "common/shm/link_report.h"
#include "common/shm/region.h"
#include "worker/control/request.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t
certificates_shown_now_s(void)
{
	return time(NULL);
}

/* --- all there are --- */

/* Those below this link that have shown the same: the first tells of all. */
static bool
was_reported(const struct certificate_facts *shown, unsigned link)
{
	unsigned i;

	for (i = 0; i < link; i++)
		if (strcmp(shown[i].sha256, shown[link].sha256) == 0)
			return true;
	return false;
}

static uint32_t
links_with(const struct certificate_facts *shown, unsigned link)
{
	uint32_t links = 0;
	unsigned i;

	for (i = link; i < LINKS_MAX; i++)
		if (strcmp(shown[i].sha256, shown[link].sha256) == 0)
			links |= 1u << i;
	return links;
}

static void
each_shown(const struct commands_view *view, certificate_fn *fn, void *context)
{
	struct certificate_facts *shown = xcalloc(LINKS_MAX, sizeof(*shown));
	unsigned wanted = MIN(view->config->server.link_count, LINKS_MAX), i;

	for (i = 0; i < wanted; i++)
		if (!link_report_read_certificate(view->region, i, &shown[i]))
			shown[i].sha256[0] = '\0';
	for (i = 0; i < wanted; i++) {
		struct certificate_seen seen = { .facts = &shown[i],
			.links = links_with(shown, i) };

		if (shown[i].sha256[0] && !was_reported(shown, i))
			fn(context, &seen);
	}
	free(shown);
}

void
certificates_each(const struct commands_view *view, certificate_fn *fn,
    void *context)
{
	const struct certificate_list *list = &view->config->certificates;
	unsigned i;

	for (i = 0; i < list->count; i++) {
		struct certificate_seen seen = { .facts = &list->rows[i],
			.file = config_certificate_file(view->config,
			    &list->rows[i]) };

		fn(context, &seen);
	}
	each_shown(view, fn, context);
}

/* --- metrics --- */

struct metrics {
	struct buf *out;
	int64_t now_s;
	const char *name; /* of the one that is written */
	unsigned count;
	char sha256[CERTIFICATES_MAX + LINKS_MAX][65];
	uint32_t roles[CERTIFICATES_MAX + LINKS_MAX];
};

static void
put_label(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\\' || *text == '"')
			buf_append_char(out, '\\');
		buf_append_char(out, *text);
	}
}

/* A file may hold one twice; a series is there once. */
static bool
is_new(struct metrics *metrics, const struct certificate_facts *facts)
{
	unsigned i;

	for (i = 0; i < metrics->count; i++)
		if (metrics->roles[i] == facts->role &&
		    strcmp(metrics->sha256[i], facts->sha256) == 0)
			return false;
	if (i == ARRAY_LEN(metrics->roles))
		return false;
	metrics->roles[i] = facts->role;
	memcpy(metrics->sha256[i], facts->sha256, sizeof(metrics->sha256[i]));
	metrics->count++;
	return true;
}

static void
put_series(struct metrics *metrics, const struct certificate_facts *facts,
    int64_t value)
{
	struct buf *out = metrics->out;
	char sha256[17]; /* enough to tell two apart */

	if (!is_new(metrics, facts))
		return;
	buf_printf(out, "%s{role=\"%s\",subject=\"", metrics->name,
	    certificate_role_name(facts->role));
	put_label(out, facts->subject);
	printable_copy(sha256, sizeof(sha256), facts->sha256, '?');
	buf_append_str(out, "\",sha256=\"");
	put_label(out, sha256);
	buf_printf(out, "\"} %" PRId64 "\n", value);
}

static void
put_expiry(void *context, const struct certificate_seen *seen)
{
	struct metrics *metrics = context;

	put_series(metrics, seen->facts,
	    seen->facts->not_after_s - metrics->now_s);
}

/* One that was refused may well have an end that is still to come. */
static void
put_ocsp(void *context, const struct certificate_seen *seen)
{
	struct metrics *metrics = context;
	const struct ocsp_facts *ocsp = &seen->facts->ocsp;

	if (ocsp->state == OCSP_FRESH)
		put_series(metrics, seen->facts,
		    ocsp->until_s - metrics->now_s);
	else if (ocsp->state != OCSP_NONE)
		put_series(metrics, seen->facts, 0);
}

static void
put_metric(const struct commands_view *view, const char *name, const char *help,
    certificate_fn *fn, struct metrics *metrics)
{
	metrics->name = name;
	metrics->count = 0;
	buf_printf(metrics->out, "# HELP %s %s\n# TYPE %s gauge\n", name, help,
	    name);
	certificates_each(view, fn, metrics);
}

void
certificates_metrics(const struct commands_view *view, int64_t now_s,
    struct buf *out)
{
	struct metrics *metrics = xcalloc(1, sizeof(*metrics));

	metrics->out = out;
	metrics->now_s = now_s;
	put_metric(view, "cmanager_certificate_expiry_seconds",
	    "how long each certificate is still valid, a day is 86400; below 0"
	    " it has expired",
	    put_expiry, metrics);
	put_metric(view, "cmanager_ocsp_expiry_seconds",
	    "how long the OCSP response given with each certificate is still"
	    " stapled; 0 or below it is not",
	    put_ocsp, metrics);
	free(metrics);
}
