/* SPDX-License-Identifier: Apache-2.0 */
#include "master/certificates.h"

#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/base/printable.h"
#include "common/process/config.h"
#include "common/process/config_option.h"
#include "common/shm/link_report.h"
#include "common/shm/region.h"
#include "master/commands.h"
#include "master/resources.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define METRIC "cmanager_certificate_expiry_seconds"

int64_t
certificates_now_s(void)
{
	return time(NULL);
}

/* --- where one is from --- */

static const char *
option_of(const struct config *config, const struct certificate_facts *facts)
{
	if (facts->role == CERTIFICATE_AUTHORITY)
		return "xmpp.server.certificate.authorities";
	return config->client.store.path ? "xmpp.socket.ssl.keystore"
					 : "xmpp.socket.ssl.certificate";
}

static const char *
file_of(const struct config *config, const struct certificate_facts *facts)
{
	if (facts->role == CERTIFICATE_AUTHORITY)
		return config->server.authorities.path;
	return config->client.store.path ? config->client.store.path
					 : config->client.certificate.path;
}

/* --- warnings --- */

static uint32_t
warnings_of(const struct config *config, const struct certificate_facts *facts,
    int64_t now_s)
{
	uint32_t findings =
	    certificate_judge(facts, now_s, config->certificate_days);

	return certificate_warnings(facts->role,
	    findings & config_verified_findings(config, facts->role));
}

static void
watch_one(struct certificate_watch *watch, const struct config *config,
    const struct certificate_facts *facts, int64_t now_s, double steady_s)
{
	uint32_t due = certificate_watch_due(watch, facts,
	    warnings_of(config, facts, now_s), steady_s);
	char text[CERTIFICATE_TEXT_MAX];
	int finding;

	for (finding = 0; finding < FINDING_COUNT; finding++) {
		if (!(due & 1u << finding))
			continue;
		certificate_describe(facts, (enum certificate_finding)finding,
		    now_s, config->server.domain, file_of(config, facts), text);
		log_at(LOG_WARNING, "%s", text);
	}
}

void
certificates_watch(struct certificate_watch *watch, const struct config *config,
    int64_t now_s, double steady_s)
{
	const struct certificate_list *list = &config->certificates;
	unsigned i;

	for (i = 0; i < list->count; i++)
		watch_one(watch, config, &list->rows[i], now_s, steady_s);
}

static void
print_warning(const struct config *config,
    const struct certificate_facts *facts, enum certificate_finding finding,
    int64_t now_s, FILE *out)
{
	const char *path = option_of(config, facts);
	const struct option *option = option_find(path);
	char text[CERTIFICATE_TEXT_MAX];
	unsigned line =
	    config->lines && option ? config->lines[option - options] : 0;

	certificate_describe(facts, finding, now_s, config->server.domain,
	    file_of(config, facts), text);
	(void)fprintf(out, "%s:%u: warning: %s: %s\n", config->path,
	    MAX(line, 1u), path, text);
}

void
certificates_print(const struct config *config, int64_t now_s, FILE *out)
{
	const struct certificate_list *list = &config->certificates;
	unsigned i;
	int finding;

	for (i = 0; i < list->count; i++) {
		const struct certificate_facts *facts = &list->rows[i];
		uint32_t findings = warnings_of(config, facts, now_s);

		for (finding = 0; finding < FINDING_COUNT; finding++)
			if (findings & 1u << finding)
				print_warning(config, facts,
				    (enum certificate_finding)finding, now_s,
				    out);
	}
}

/* --- all there are --- */

/* Those below this link that have shown the same: the first stands for all. */
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
		if (!link_report_read_certificate(view->resources->region, i,
			&shown[i]))
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
			.file = file_of(view->config, &list->rows[i]) };

		fn(context, &seen);
	}
	each_shown(view, fn, context);
}

/* --- metrics --- */

struct metrics {
	struct buf *out;
	int64_t now_s;
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
put_metric(void *context, const struct certificate_seen *seen)
{
	struct metrics *metrics = context;
	const struct certificate_facts *facts = seen->facts;
	struct buf *out = metrics->out;
	char sha256[17]; /* enough to tell two apart */

	if (!is_new(metrics, facts))
		return;
	buf_printf(out, METRIC "{role=\"%s\",subject=\"",
	    certificate_role_name(facts->role));
	put_label(out, facts->subject);
	printable_copy(sha256, sizeof(sha256), facts->sha256, '?');
	buf_append_str(out, "\",sha256=\"");
	put_label(out, sha256);
	buf_printf(out, "\"} %" PRId64 "\n",
	    facts->not_after_s - metrics->now_s);
}

void
certificates_metrics(const struct commands_view *view, int64_t now_s,
    struct buf *out)
{
	struct metrics *metrics = xcalloc(1, sizeof(*metrics));

	metrics->out = out;
	metrics->now_s = now_s;
	buf_append_str(out,
	    "# HELP " METRIC
	    " how long each certificate is still valid, a day is 86400; below 0"
	    " it has expired\n"
	    "# TYPE " METRIC " gauge\n");
	certificates_each(view, put_metric, metrics);
	free(metrics);
}
