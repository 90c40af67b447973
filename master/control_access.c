/* SPDX-License-Identifier: Apache-2.0 */
#include "master/control_access.h"

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
control_access_find(const struct config *config,
    struct control_access *access_out)
{
	const struct passwd *user =
	    config->user ? getpwnam(config->user) : NULL;
	int error = 0;

	access_out->act = user ? user->pw_gid : NO_GROUP;
	access_out->look = NO_GROUP;
	if (config->control_group)
		error = find_group(config->control_group, &access_out->act);
	if (!error && config->control_view_group)
		error =
		    find_group(config->control_view_group, &access_out->look);
	return error;
}

static enum right
right_of(const struct control_access *access, gid_t group)
{
	if (group == NO_GROUP)
		return RIGHT_NONE;
	if (group == access->act)
		return RIGHT_ACT;
	return group == access->look ? RIGHT_LOOK : RIGHT_NONE;
}

enum right
control_access_of(const struct control_access *access, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	gid_t groups[GROUPS_MAX];
	enum right right, best;
	size_t i;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return RIGHT_NONE;
	if (peer.uid == 0 || peer.uid == geteuid())
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
