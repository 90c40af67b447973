/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolve_order - which host is looked up, and in which order; the pure part.
 */
#include "worker/upstream/resolve/resolve.h"

#include <string.h>
#include <strings.h>

static void
swap(struct resolve_host *a, struct resolve_host *b)
{
	struct resolve_host host = *a;

	*a = *b;
	*b = host;
}

/* Of hosts[0..count), all of one priority: the one whose turn it is. Weight 0
 * has a small chance, as RFC 2782 demands. */
static unsigned
draw(const struct resolve_host *hosts, unsigned count, uint32_t random)
{
	uint32_t total = 0;

	for (unsigned i = 0; i < count; i++)
		total += hosts[i].weight + 1u;
	CHECK(total > 0);
	random %= total;
	for (unsigned i = 0; i < count; i++) {
		if (random < hosts[i].weight + 1u)
			return i;
		random -= hosts[i].weight + 1u;
	}
	return 0;
}

void
resolve_order(struct resolve_host *hosts, unsigned count,
    uint32_t (*next_random)(void))
{
	for (unsigned i = 0; i + 1 < count; i++)
		for (unsigned j = i + 1; j < count; j++)
			if (hosts[j].priority < hosts[i].priority)
				swap(&hosts[i], &hosts[j]);
	for (unsigned i = 0; i < count; i++) {
		unsigned same = 1;

		while (i + same < count &&
		       hosts[i + same].priority == hosts[i].priority)
			same++;
		swap(&hosts[i],
		    &hosts[i + draw(&hosts[i], same, next_random())]);
	}
}

/* "host:port", "host" or "[v6]:port" to the host alone. */
static bool
copy_host(const char *text, size_t len, char host_out[RESOLVE_HOST_LEN])
{
	const char *colon, *bracket;

	while (len && text[0] == ' ') {
		text++;
		len--;
	}
	colon = memchr(text, ':', len);
	bracket = memchr(text, ']', len);
	if (len && text[0] == '[' && bracket) {
		text++;
		len = (size_t)(bracket - text);
	} else if (colon &&
		   !memchr(colon + 1, ':', len - (size_t)(colon + 1 - text))) {
		len = (size_t)(colon - text);
	}
	while (len && text[len - 1] == ' ')
		len--;
	if (!len || len >= RESOLVE_HOST_LEN)
		return false;
	memcpy(host_out, text, len);
	host_out[len] = '\0';
	return true;
}

static bool
is_domain(const char *text, size_t len, const char *domain)
{
	while (len && text[0] == ' ') {
		text++;
		len--;
	}
	while (len && text[len - 1] == ' ')
		len--;
	return len == strlen(domain) && strncasecmp(text, domain, len) == 0;
}

bool
resolve_override(const char *override, const char *domain,
    char host_out[RESOLVE_HOST_LEN])
{
	const char *at = override;

	while (at && (at = strchr(at, '{')) != NULL) {
		const char *end = strchr(++at, '}');
		const char *comma = strchr(at, ',');

		if (!end)
			return false;
		if (comma && comma < end &&
		    is_domain(at, (size_t)(comma - at), domain) &&
		    copy_host(comma + 1, (size_t)(end - comma - 1), host_out))
			return true;
		at = end;
	}
	return false;
}
