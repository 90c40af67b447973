/* SPDX-License-Identifier: Apache-2.0 */
#include "common/process/access.h"

#include "common/base/log.h"
#include "common/process/config.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#define GROUPS_MAX 1024

static int
find_group(const char *name, gid_t *group_out)
{
	const struct group *group = getgrnam(name);

	if (!group) {
		log_at(LOG_ERROR, "no such group name=\"%s\"", name);
		return -ENOENT;
	}
	*group_out = group->gr_gid;
	return 0;
}

int
access_find(const struct config *config, struct access *access_out)
{
	const struct passwd *user =
	    config->user ? getpwnam(config->user) : NULL;
	int error = 0;

	access_out->act = user ? user->pw_gid : NO_GROUP;
	access_out->look = NO_GROUP;
	access_out->owner = geteuid();
	if (config->control_group)
		error = find_group(config->control_group, &access_out->act);
	if (!error && config->control_view_group)
		error =
		    find_group(config->control_view_group, &access_out->look);
	return error;
}

static const enum right needed[OPERATION_COUNT] = {
#define OPERATION(symbol, right, help) [OPERATION_##symbol] = RIGHT_##right,
#include "common/process/rights.def"
#undef OPERATION
};

enum right
access_needed(enum operation operation)
{
	return needed[operation];
}

static enum right
right_of(const struct access *access, gid_t group)
{
	if (group == NO_GROUP)
		return RIGHT_NONE;
	if (group == access->act)
		return RIGHT_ACT;
	return group == access->look ? RIGHT_LOOK : RIGHT_NONE;
}

enum right
access_of(const struct access *access, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	gid_t groups[GROUPS_MAX];
	enum right right, best;
	size_t i;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return RIGHT_NONE;
	if (peer.uid == 0 || peer.uid == access->owner)
		return RIGHT_ACT;
	best = right_of(access, peer.gid);
	len = sizeof(groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0)
		return best;
	for (i = 0; i < len / sizeof(*groups); i++) {
		right = right_of(access, groups[i]);
		best = MAX(best, right);
	}
	return best;
}
