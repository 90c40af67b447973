/* SPDX-License-Identifier: Apache-2.0 */
#include "master/listener_addresses.h"

#include "common/process/config.h"

static unsigned
list_given(const struct listeners *listeners, bool direct_tls,
    struct listener_address *list_out)
{
	unsigned count = 0, i;

	for (i = 0; i < listeners->given_count; i++) {
		const struct given_socket *given = &listeners->given[i];

		if (given->direct_tls == direct_tls)
			list_out[count++] = (struct listener_address){
				.endpoint = given->endpoint,
				.direct_tls = direct_tls,
				.given = given,
			};
	}
	return count;
}

static unsigned
list_configured(const struct config_client *client, bool direct_tls,
    struct listener_address *list_out)
{
	const char *text = client->interface ? client->interface : "0.0.0.0 ::";
	uint16_t port = direct_tls ? client->direct_port : client->plain_port;
	struct endpoint endpoints[CONFIG_INTERFACE_MAX];
	unsigned count = config_interface_addresses(text, port, endpoints), i;

	for (i = 0; i < count; i++)
		list_out[i] = (struct listener_address){
			.endpoint = endpoints[i],
			.direct_tls = direct_tls,
			.twin = client->interface ? 0
				: i == 0          ? 1
						  : -1,
		};
	return count;
}

unsigned
listener_addresses(const struct listeners *listeners,
    const struct config_client *client,
    struct listener_address list_out[LISTENER_ADDRESSES_MAX])
{
	unsigned count = 0, kind;

	for (kind = 0; kind < 2; kind++) {
		bool direct_tls = kind == 1;

		if (!(direct_tls ? client->direct_active
				 : client->plain_active))
			continue;
		count +=
		    listeners_given_count(listeners, direct_tls) > 0
			? list_given(listeners, direct_tls, list_out + count)
			: list_configured(client, direct_tls, list_out + count);
	}
	return count;
}
