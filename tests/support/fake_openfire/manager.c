/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fake_openfire/fake.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct manager *
manager_get(struct fake *fake, const char *address)
{
	size_t len = strcspn(address, "/");
	struct manager *manager;

	list_each(at, &fake->managers)
	{
		manager = container_of(at, struct manager, in_fake);
		if (strlen(manager->name) == len &&
		    !strncasecmp(manager->name, address, len))
			return manager;
	}
	manager = xcalloc(1, sizeof(*manager));
	manager->fake = fake;
	manager->name = xstrdup(address);
	manager->name[len] = '\0';
	list_init(&manager->links);
	list_init(&manager->sessions);
	list_append(&fake->managers, &manager->in_fake);
	return manager;
}

/* From its header on a link gets its share of packets (PROTOCOL.md §2.9). */
void
manager_join(struct link *link)
{
	if (list_is_empty(&link->of_manager)) {
		list_append(&link->manager->links, &link->of_manager);
		link->manager->link_count++;
	}
}

void
manager_leave(struct link *link)
{
	struct manager *manager = link->manager;

	if (list_is_empty(&link->of_manager))
		return;
	list_remove(&link->of_manager);
	manager->link_count--;
	if (!manager->link_count && !link->fake->dialect->ghosts)
		manager_end_sessions(manager);
}

static unsigned
java_hash(const char *text)
{
	unsigned hash = 0;

	for (; *text; text++)
		hash = hash * 31 + (unsigned char)*text;
	return (int)hash < 0 ? -hash : hash;
}

struct link *
manager_link(struct manager *manager, const char *streamid)
{
	struct link *link = NULL;
	uint64_t wanted;

	if (!manager->link_count)
		return NULL;
	link = container_of(manager->links.next, struct link, of_manager);
	if (streamid && !link->fake->dialect->random_packets)
		wanted = java_hash(streamid);
	else
		wanted = fake_random(link->fake);
	wanted %= manager->link_count;
	list_each(at, &manager->links)
	{
		link = container_of(at, struct link, of_manager);
		if (!wanted--)
			break;
	}
	return link;
}

void
manager_end_sessions(struct manager *manager)
{
	list_each(at, &manager->sessions) session_end(manager->fake,
	    container_of(at, struct session, of_manager));
}
