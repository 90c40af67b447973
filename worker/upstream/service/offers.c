/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/service/offers.h"

#include "common/base/buf.h"
#include "common/base/log.h"

#include <inttypes.h>
#include <stdio.h>

void
offers_forget(struct upstream *up)
{
	unsigned i;

	for (i = 0; i < up->domains.count; i++)
		up->server.offers[i].known = 0;
	up->main_is_named = false;
}

/* Which domain's it is; their count: none of ours. */
static unsigned
find_domain(struct upstream *up, const char *from,
    const struct multiplex_configuration *configuration)
{
	unsigned found = domains_find(&up->domains, from);

	if (!configuration->of_module || !from)
		return DOMAIN_MAIN;
	if (found == DOMAIN_MAIN)
		up->main_is_named = true;
	else if (found == up->domains.count && configuration->of_default_host &&
		 !up->main_is_named)
		found = DOMAIN_MAIN;
	return found;
}

static enum server_tls_policy
tls_policy(const struct multiplex_configuration *configuration)
{
	if (!configuration->starttls)
		return SERVER_TLS_DISABLED;
	return configuration->starttls_required ? SERVER_TLS_REQUIRED
						: SERVER_TLS_OPTIONAL;
}

static void
fill(struct server_offer *to,
    const struct multiplex_configuration *configuration)
{
	const struct multiplex_offer *offer = &configuration->offer,
				     *clear = &configuration->clear;

	to->tls_policy = (uint8_t)tls_policy(configuration);
	to->non_sasl_auth = offer->non_sasl_auth;
	to->in_band_register = offer->in_band_register;
	snprintf(to->mechanisms, sizeof(to->mechanisms), "%s",
	    offer->mechanisms);
	to->has_clear = configuration->has_clear;
	to->clear_non_sasl_auth = clear->non_sasl_auth;
	to->clear_in_band_register = clear->in_band_register;
	snprintf(to->clear_mechanisms, sizeof(to->clear_mechanisms), "%s",
	    clear->mechanisms);
	to->limit_rate = configuration->limit_rate;
	to->limit_burst_s = configuration->limit_burst_s;
}

static void
log_offer(const char *domain, const struct server_offer *offer, bool unassigned)
{
	static const char *const policies[] = {
		[SERVER_TLS_DISABLED] = "disabled",
		[SERVER_TLS_OPTIONAL] = "optional",
		[SERVER_TLS_REQUIRED] = "required",
	};

	log_at(LOG_NOTICE,
	    "configured mechanisms=\"%s\" tls=%s unassigned=%s domain=%s",
	    offer->mechanisms, policies[offer->tls_policy],
	    unassigned ? "yes" : "no", domain);
	if (offer->has_clear)
		log_at(LOG_NOTICE,
		    "configured for clear text mechanisms=\"%s\" domain=%s",
		    offer->clear_mechanisms, domain);
	if (offer->limit_rate)
		log_at(LOG_NOTICE,
		    "the server asks for a limit of its clients, which is not "
		    "applied yet rate=%" PRIu32 " burst_s=%" PRIu32
		    " domain=%s",
		    offer->limit_rate, offer->limit_burst_s, domain);
}

static void
hint_at(struct upstream *up, enum hint hint, bool holds)
{
	if (holds)
		hints_log(&up->hints, hint, "");
	else
		hints_forget(&up->hints, hint);
}

/* Once the server has said all. */
static void
hint_at_unknown(struct upstream *up)
{
	struct buf names;
	unsigned i;

	buf_init(&names, 0);
	for (i = 0; i < up->domains.count; i++)
		if (!up->server.offers[i].known)
			(void)buf_printf(&names, "%s%s",
			    buf_len(&names) > 0 ? " " : "domains=\"",
			    up->domains.all[i].spelling);
	if (buf_len(&names) > 0) {
		(void)buf_append(&names, "\"", sizeof("\""));
		hints_log(&up->hints, HINT_UNKNOWN_DOMAIN,
		    (const char *)buf_bytes(&names));
	} else {
		hints_forget(&up->hints, HINT_UNKNOWN_DOMAIN);
	}
	buf_destroy(&names);
}

bool
offers_take(struct upstream *up, const char *from,
    const struct multiplex_configuration *configuration)
{
	unsigned domain = find_domain(up, from, configuration);
	struct server_state *server = &up->server;
	struct server_offer *offer;

	if (domain < up->domains.count) {
		offer = &server->offers[domain];
		fill(offer, configuration);
		server->facts = configuration->facts;
		server->unassigned = configuration->unassigned;
		if (!offer->known)
			log_offer(up->domains.all[domain].spelling, offer,
			    configuration->unassigned);
		offer->known = 1;
		hint_at(up, HINT_CHANNEL_BINDING,
		    configuration->offer.channel_binding ||
			configuration->clear.channel_binding);
		hint_at(up, HINT_ONE_DOMAIN,
		    up->domains.count > 1 && !configuration->of_module);
	}
	if (!configuration->of_module || !from)
		return true;
	if (configuration->of_default_host)
		hint_at_unknown(up);
	return configuration->of_default_host;
}
