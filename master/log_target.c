/* SPDX-License-Identifier: Apache-2.0 */
#include "master/log_target.h"

#include "common/base/log.h"
#include "common/base/unix_address.h"
#include "common/process/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSLOG_SOCKET  "/dev/log"
#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define FILE_MODE      0640

static bool
stderr_is_the_journals(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat at;
	char own[64];

	if (!stream || fstat(STDERR_FILENO, &at) != 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)at.st_dev,
	    (uintmax_t)at.st_ino);
	return strcmp(stream, own) == 0;
}

static enum config_log_target
choose(const struct config *config, bool background)
{
	if (config->log_target != LOG_TARGET_AUTO)
		return (enum config_log_target)config->log_target;
	if (background)
		return LOG_TARGET_SYSLOG;
	return stderr_is_the_journals() ? LOG_TARGET_JOURNAL
					: LOG_TARGET_STDERR;
}

/* A connected socket, or -errno. */
static int
open_socket(const char *path)
{
	struct sockaddr_un address;
	int fd, error = unix_address(path, &address);

	if (error)
		return error;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

static int
open_file(const char *path)
{
	int fd = open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY |
		O_NONBLOCK,
	    FILE_MODE);

	return fd < 0 ? -errno : fd;
}

struct opened {
	int fd;
	int target; /* enum config_log_target, never AUTO */
	enum log_form form;
	const char *path;
};

static void
open_target(const struct config *config, bool background,
    struct opened *opened_out)
{
	struct opened opened = { .path = config->log_socket,
		.target = (int)choose(config, background) };

	switch ((enum config_log_target)opened.target) {
	case LOG_TARGET_AUTO:
	case LOG_TARGET_STDERR:
		opened.form = (enum log_form)config->log_format;
		opened.fd = STDERR_FILENO;
		break;
	case LOG_TARGET_FILE:
		opened.form = (enum log_form)config->log_format;
		opened.path = config->log_file;
		opened.fd = open_file(opened.path);
		break;
	case LOG_TARGET_SYSLOG:
		opened.form = LOG_FORM_SYSLOG;
		if (!opened.path)
			opened.path = SYSLOG_SOCKET;
		opened.fd = open_socket(opened.path);
		break;
	case LOG_TARGET_JOURNAL:
		opened.form = LOG_FORM_JOURNAL;
		if (!opened.path)
			opened.path = JOURNAL_SOCKET;
		opened.fd = open_socket(opened.path);
		break;
	}
	*opened_out = opened;
}

const char *
log_target_advice(int target, int error)
{
	if (target == LOG_TARGET_SYSLOG)
		return "no syslog listens there; start one, or set log.target "
		       "to file or stderr";
	if (target == LOG_TARGET_JOURNAL)
		return "there is no journal of systemd; set log.target to "
		       "file, syslog or stderr";
	if (error == -ENOENT)
		return "make the folder of log.file";
	if (error == -EACCES || error == -EPERM || error == -EROFS)
		return "the user who starts cmanagerd must be allowed to write "
		       "in the folder of log.file; as root, the folder must be "
		       "root's own";
	if (error == -ELOOP)
		return "log.file must not be a symbolic link";
	if (error == -EISDIR)
		return "log.file is a folder; name a file in it";
	return "see log.target and log.file";
}

static void
log_unopened(const struct opened *opened)
{
	log_limited(LOG_ERROR, 1,
	    "cannot open the log path=\"%s\" error=\"%s\" hint=\"%s\"",
	    opened->path, strerror(-opened->fd),
	    log_target_advice(opened->target, opened->fd));
}

static bool
is_refused(const struct config *config, bool background)
{
	if (!background || config->log_target != LOG_TARGET_STDERR)
		return false;
	log_at(LOG_ERROR, "log.target is stderr, which nobody reads"
			  " in the background");
	return true;
}

int
log_target_open(const struct config *config, bool background)
{
	struct opened opened;

	if (is_refused(config, background))
		return -EINVAL;
	open_target(config, background, &opened);
	if (opened.fd < 0) {
		log_unopened(&opened);
		return opened.fd;
	}
	log_sink_set(opened.fd, opened.form);
	return 0;
}

int
log_target_begin(const struct config *config, bool background)
{
	enum config_log_target target = choose(config, background);
	int error = log_target_open(config, background);

	if (!error ||
	    (target != LOG_TARGET_SYSLOG && target != LOG_TARGET_JOURNAL))
		return error;
	log_sink_miss();
	log_at(LOG_WARNING, "until the log can be opened, %s",
	    background ? "only what prevents the start is shown"
		       : "lines go to standard error");
	return 0;
}

int
log_target_retry(const struct config *config, bool background)
{
	struct opened opened;

	open_target(config, background, &opened);
	if (opened.fd < 0)
		return opened.fd;
	log_sink_set(opened.fd, opened.form);
	return 0;
}
