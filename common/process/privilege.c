/* SPDX-License-Identifier: Apache-2.0 */
#include "common/process/privilege.h"

#include "common/base/log.h"

#include <cap-ng.h>
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static int
fail(const char *step, int error)
{
	log_at(LOG_ERROR, "cannot give up privileges step=%s error=\"%s\"",
	    step, strerror(error));
	return -error;
}

struct identity {
	uid_t user;
	gid_t group;
};

static int
find_identity(const struct privilege_rest *rest, struct identity *identity_out)
{
	const struct passwd *user;
	const struct group *group;

	errno = 0;
	user = getpwnam(rest->user);
	if (!user)
		return fail("user", errno ? errno : ENOENT);
	*identity_out = (struct identity){ user->pw_uid, user->pw_gid };
	if (!rest->group)
		return 0;
	errno = 0;
	group = getgrnam(rest->group);
	if (!group)
		return fail("group", errno ? errno : ENOENT);
	identity_out->group = group->gr_gid;
	return 0;
}

static int
become(const struct identity *identity)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_change_id((int)identity->user, (int)identity->group,
		CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING) != 0)
		return fail("identity", EPERM);
	if (geteuid() != identity->user || getegid() != identity->group ||
	    (identity->user != 0 && setuid(0) == 0))
		return fail("verify", EPERM);
	capng_get_caps_process();
	if (identity->user != 0 &&
	    capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE)
		return fail("capabilities", EPERM);
	return 0;
}

static int
shut_in(const char *root_directory)
{
	if (!root_directory)
		return 0;
	tzset(); /* the log may have local time; later it could not look */
	if (chroot(root_directory) != 0)
		return fail("chroot", errno);
	return chdir("/") == 0 ? 0 : fail("chroot", errno);
}

/* Without CAP_SETPCAP the bounding set cannot be changed. */
static capng_select_t
changeable(void)
{
	capng_get_caps_process();
	return capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP)
		   ? CAPNG_SELECT_BOTH
		   : CAPNG_SELECT_CAPS;
}

/* Of one that is not root: a service manager may have given some for low
 * ports, which are open. */
static int
drop_capabilities(void)
{
	capng_select_t which = changeable();

	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(which) != 0)
		return fail("capabilities", EPERM);
	capng_get_caps_process();
	return capng_have_capabilities(CAPNG_SELECT_CAPS) == CAPNG_NONE
		   ? 0
		   : fail("capabilities", EPERM);
}

int
privilege_restrict_master(void)
{
	static const unsigned kept[] = { CAP_NET_BIND_SERVICE, CAP_SETUID,
		CAP_SETGID, CAP_SYS_CHROOT, CAP_SETPCAP, CAP_KILL,
		CAP_DAC_READ_SEARCH };
	capng_select_t which = changeable();
	bool had[ARRAY_LEN(kept)];
	size_t i;

	for (i = 0; i < ARRAY_LEN(kept); i++)
		had[i] = capng_have_capability(CAPNG_PERMITTED, kept[i]) != 0;
	capng_clear(CAPNG_SELECT_BOTH);
	for (i = 0; i < ARRAY_LEN(kept); i++)
		if (had[i])
			(void)capng_update(CAPNG_ADD,
			    CAPNG_EFFECTIVE | CAPNG_PERMITTED |
				CAPNG_BOUNDING_SET,
			    kept[i]);
	return capng_apply(which) == 0
		   ? 0
		   : fail("capabilities of the master", EPERM);
}

int
privilege_drop(const struct privilege_rest *rest)
{
	bool changes = geteuid() == 0 && rest->user;
	struct rlimit none = { 0, 0 };
	struct identity identity = { 0, 0 };
	int error = 0;

	/* Who that is cannot be looked up from within. */
	if (changes)
		error = find_identity(rest, &identity);
	if (!error)
		error = shut_in(rest->root_directory);
	if (!error)
		error = changes ? become(&identity) : drop_capabilities();
	if (error)
		return error;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fail("no_new_privs", errno);
	if (rest->core)
		return 0;
#ifndef __SANITIZE_ADDRESS__ /* LeakSanitizer traces its own process */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return fail("dumpable", errno);
#endif
	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return fail("core", errno);
	return 0;
}

static bool
is_kept(int fd, const int *keep, size_t count)
{
	size_t i;

	if (fd <= STDERR_FILENO)
		return true;
	for (i = 0; i < count; i++)
		if (keep[i] == fd)
			return true;
	return false;
}

/* Number of descriptors that are open and not kept; closes them if it is to. */
static int
sweep(const int *keep, size_t count, bool closing)
{
	DIR *directory = opendir("/proc/self/fd");
	const struct dirent *entry;
	int found = 0, fd;

	if (!directory)
		return -errno;
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		fd = (int)strtol(entry->d_name, NULL, 10);
		if (fd == dirfd(directory) || is_kept(fd, keep, count))
			continue;
		found++;
		if (closing)
			close(fd);
	}
	closedir(directory);
	return found;
}

int
privilege_close_others(const int *keep, size_t count)
{
	int left = sweep(keep, count, true);

	if (left >= 0)
		left = sweep(keep, count, false);
	if (left == 0)
		return 0;
	return fail("descriptors", left < 0 ? -left : EBUSY);
}
