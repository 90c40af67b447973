/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's file as the last run left it: opened, locked, judged, and set
 * aside when it cannot be used. */
#include "common/base/log.h"
#include "common/shm/ledger_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* As many files that were set aside are kept; then the oldest goes. */
#define ASIDE_MAX      8
#define ASIDE_NAME_MAX 32

/* Between the look at the file and the end of its replacement. A file system
 * without such locks has that of the file. */
static int
lock_directory(int directory, const char *path)
{
	if (flock(directory, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
		return 0;
	log_at(LOG_ERROR,
	    "another instance is starting with this ledger "
	    "file=%s/" LEDGER_FILE,
	    path);
	return -EBUSY;
}

/* --- what cannot be used --- */

/* The first name that is free, or else the one in use for the longest time. */
static void
choose_name(int directory, char name_out[ASIDE_NAME_MAX])
{
	struct timespec oldest = { 0 };
	char name[ASIDE_NAME_MAX];
	struct stat status;
	int number;

	for (number = 1; number <= ASIDE_MAX; number++) {
		snprintf(name, sizeof(name), LEDGER_FILE ".damaged-%d", number);
		if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) !=
		    0) {
			memcpy(name_out, name, sizeof(name));
			return;
		}
		if (number > 1 &&
		    (status.st_ctim.tv_sec > oldest.tv_sec ||
			(status.st_ctim.tv_sec == oldest.tv_sec &&
			    status.st_ctim.tv_nsec >= oldest.tv_nsec)))
			continue;
		oldest = status.st_ctim;
		memcpy(name_out, name, sizeof(name));
	}
}

static int
set_aside(const struct ledger *ledger, const char *why)
{
	int directory = ledger->directory;
	char name[ASIDE_NAME_MAX];

	choose_name(directory, name);
	/* A directory is not replaced by a file, nor the other way round. */
	if (renameat(directory, LEDGER_FILE, directory, name) != 0 &&
	    ((unlinkat(directory, name, 0) != 0 &&
		 unlinkat(directory, name, AT_REMOVEDIR) != 0) ||
		renameat(directory, LEDGER_FILE, directory, name) != 0))
		return -errno;
	log_at(LOG_WARNING,
	    "the ledger cannot be used and was set aside why=\"%s\" file=%s/%s"
	    " hint=\"sessions that it remembered are not closed: Openfire 5"
	    " keeps them online until it is restarted, older versions end"
	    " them by themselves\"",
	    why, ledger->path, name);
	return 0;
}

/* --- opening --- */

/* 0, or -errno; why_out is set when the file is not to be used. */
static int
take_file(struct ledger *ledger, const char **why_out)
{
	uint8_t page[VIEW_PAGE] = { 0 };
	struct stat status;
	int error;

	if (fstat(ledger->fd, &status) != 0 ||
	    pread(ledger->fd, page, sizeof(page), 0) < 0)
		return -errno;
	*why_out = S_ISREG(status.st_mode)
		       ? ledger_shape_read(page, (uint64_t)status.st_size,
			     &ledger->shape)
		       : "it is not a regular file";
	if (*why_out)
		return 0;
	ledger->bytes = (size_t)status.st_size;
	if (ledger->shape.version == LEDGER_VERSION) {
		(void)ledger_lay_out(&ledger->shape, ledger->spans);
		error = ledger_take_room(ledger->fd, ledger->bytes);
		if (error)
			return error;
		ledger->readonly = view_open_readonly(ledger->fd);
		if (ledger->readonly < 0)
			return ledger->readonly;
	}
	return ledger_map(ledger);
}

static int
open_file(struct ledger *ledger)
{
	const char *why = NULL;
	struct stat status;
	int error;

	if (fstatat(ledger->directory, LEDGER_FILE, &status,
		AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISREG(status.st_mode))
		return set_aside(ledger, "it is not a regular file");
	ledger->fd = openat(ledger->directory, LEDGER_FILE,
	    O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (ledger->fd < 0)
		return -errno;
	error = ledger_lock(ledger->fd, ledger->path);
	if (!error)
		error = take_file(ledger, &why);
	if (error || !why)
		return error;
	ledger->shape = (struct ledger_shape){ 0 };
	error = set_aside(ledger, why);
	close(ledger->fd);
	ledger->fd = -1;
	return error;
}

int
ledger_open(const char *directory, struct ledger **ledger_out)
{
	struct ledger *ledger;
	int error = 0;

	*ledger_out = NULL;
	if (mkdir(directory, 0700) != 0 && errno != EEXIST)
		return -errno;
	ledger = ledger_new();
	ledger->path = xstrdup(directory);
	ledger->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ledger->directory < 0)
		error = -errno;
	if (!error)
		error = lock_directory(ledger->directory, directory);
	if (!error)
		error = open_file(ledger);
	if (error) {
		ledger_free(&ledger);
		return error;
	}
	*ledger_out = ledger;
	return 0;
}
