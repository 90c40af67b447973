/* SPDX-License-Identifier: Apache-2.0 */
#include "master/certificates.h"

#include "common/base/log.h"
#include "common/process/config.h"
#include "common/process/config_option.h"

#include <time.h>

int64_t
certificates_now_s(void)
{
	return time(NULL);
}

/* --- warnings --- */

static uint32_t
warnings_of(const struct config *config, const struct certificate_facts *facts,
    int64_t now_s)
{
	uint32_t findings =
	    certificate_judge(facts, now_s, config->certificate_days);

	if (facts->ocsp.state != OCSP_FRESH) /* said when it was read */
		findings &= ~FINDING_MASK(NOT_STAPLED);
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
		    now_s, config->server.domain,
		    config_certificate_file(config, facts), text);
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
	const char *path = config_certificate_option(config, facts);
	const struct option *option = option_find(path);
	char text[CERTIFICATE_TEXT_MAX];
	unsigned line =
	    config->lines && option ? config->lines[option - options] : 0;

	certificate_describe(facts, finding, now_s, config->server.domains,
	    config_certificate_file(config, facts), text);
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
