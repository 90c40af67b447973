/* SPDX-License-Identifier: Apache-2.0 */
#include "master/config_apart.h"

#include "common/net/fd.h"
#include "common/process/snapshot.h"
#include "common/process/title.h"
#include "common/shm/process_page.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define REPORT_MAX (16u << 20)

/* The reader's exit codes. */
enum { READER_DONE, READER_REFUSED, READER_FAILED };

struct task {
	const char *path;     /* to be read for the first time, or */
	const int *snapshots; /* what is in force */
	int next[CONFIG_READER_COUNT];
	int report_fd;
	int error; /* of READER_FAILED, -errno; 0: the reader's own failure */
};

/* --- in the reader --- */

/* The certificates last: only now it is certain for which domain. */
static int
fill(const struct task *task, struct config *config)
{
	int reader, error = 0;

	config_look_at_certificates(config);
	for (reader = 0; reader < CONFIG_READER_COUNT && !error; reader++)
		error = snapshot_fill(task->next[reader], config,
		    (enum config_reader)reader);
	return error ? READER_FAILED : READER_DONE;
}

/* A text and its NUL. */
static bool
put_text(int fd, const char *text)
{
	size_t len = (text ? strlen(text) : 0) + 1, done = 0;
	ssize_t wrote = 1;

	for (; done < len && wrote > 0; done += (size_t)wrote)
		wrote = write(fd, text ? text + done : "", len - done);
	return wrote > 0;
}

struct lists {
	FILE *applied, *restart;
};

static void
on_change(void *context, const char *path, bool live)
{
	const struct lists *lists = context;
	FILE *out = live ? lists->applied : lists->restart;

	fprintf(out, ftell(out) > 0 ? " %s" : "%s", path);
}

static void
compare(struct config *next, const struct config *current,
    struct reload_report *report)
{
	size_t applied_len = 0, restart_len = 0;
	struct lists lists = {
		.applied = open_memstream(&report->applied, &applied_len),
		.restart = open_memstream(&report->restart, &restart_len),
	};

	CHECK(lists.applied && lists.restart);
	config_keep(next, current, on_change, &lists);
	(void)fclose(lists.applied);
	(void)fclose(lists.restart);
}

/* What stays until a restart limits what may change. */
static bool
fits(const struct config *next, FILE *messages)
{
	if (next->worker_count <= next->worker_max)
		return true;
	(void)fprintf(messages,
	    "%s: workers.count: %u is more than workers.max, which stays %u"
	    " until a restart\n",
	    next->path, next->worker_count, next->worker_max);
	return false;
}

/* The file of `current`, with what needs a restart as it is now; NULL when it
 * is refused. */
static struct config *
read_changed(const struct config *current, struct reload_report *report_out)
{
	struct config *next = NULL;
	size_t len = 0;
	FILE *messages;

	*report_out = (struct reload_report){ 0 };
	messages = open_memstream(&report_out->problems, &len);
	CHECK(messages);
	if (config_load(current->path, messages, &next) != 0)
		next = NULL;
	if (next)
		compare(next, current, report_out);
	if (next && !fits(next, messages))
		config_free(&next);
	if (next)
		config_advise(next, messages);
	(void)fclose(messages);
	return next;
}

static int
read_again(const struct task *task)
{
	struct config *current, *next;
	struct reload_report report;

	if (snapshot_open(task->snapshots[CONFIG_RELOAD], &current) != 0)
		return READER_FAILED;
	next = read_changed(current, &report);
	if (!put_text(task->report_fd, report.problems) ||
	    !put_text(task->report_fd, report.applied) ||
	    !put_text(task->report_fd, report.restart))
		return READER_FAILED;
	return next ? fill(task, next) : READER_REFUSED;
}

static int
read_first(const struct task *task)
{
	struct config *config = NULL;
	char *problems = NULL;
	size_t len = 0;
	FILE *messages = open_memstream(&problems, &len);
	int error;

	CHECK(messages);
	error = config_load(task->path, messages, &config);
	if (!error)
		config_advise(config, messages);
	(void)fclose(messages);
	if (!put_text(task->report_fd, problems))
		return READER_FAILED;
	return error ? READER_REFUSED : fill(task, config);
}

/* Nothing of it is left: no core, no life without the master, and nobody looks
 * into it while it lives. */
NORETURN static void
be_reader(const struct task *task)
{
	const struct rlimit none = { 0, 0 };

	recent_errors_hold();
	title_set("reader");
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	_exit(task->snapshots ? read_again(task) : read_first(task));
}

/* --- in the master --- */

/* Its exit code, or READER_FAILED. */
static int
wait_for(pid_t pid)
{
	int status;
	pid_t ended;

	do
		ended = waitpid(pid, &status, 0);
	while (ended < 0 && errno == EINTR);
	return ended == pid && WIFEXITED(status) ? WEXITSTATUS(status)
						 : READER_FAILED;
}

/* Signals wait, and none reaches the reader: it would run our handlers. */
static int
run_reader(struct task *task)
{
	sigset_t all, before;
	int code = READER_FAILED;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		be_reader(task);
	if (pid > 0)
		code = wait_for(pid);
	else
		task->error = -errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return code;
}

static void
close_all(int fds[CONFIG_READER_COUNT])
{
	int reader;

	for (reader = 0; reader < CONFIG_READER_COUNT; reader++)
		fd_close(&fds[reader]);
}

/* What the reader has filled; the master's own is decoded. */
static int
take(struct task *task, struct config_apart *apart_out)
{
	int error =
	    snapshot_open(task->next[CONFIG_MASTER], &apart_out->config);

	if (error)
		return error;
	fd_close(&task->next[CONFIG_MASTER]);
	memcpy(apart_out->snapshots, task->next, sizeof(task->next));
	return 0;
}

/* What the reader fills: 0 or -errno. */
static int
open_all(struct task *task)
{
	int reader, error = 0;

	task->report_fd = memfd_create("cmanager-report", MFD_CLOEXEC);
	if (task->report_fd < 0)
		error = -errno;
	for (reader = 0; reader < CONFIG_READER_COUNT; reader++) {
		task->next[reader] = error ? -1 : snapshot_new();
		if (!error && task->next[reader] < 0)
			error = task->next[reader];
	}
	return error;
}

/* READER_DONE: the configuration is there. */
static int
read_apart(struct task *task, struct config_apart *apart_out)
{
	int code = READER_FAILED, reader;

	*apart_out = (struct config_apart){ 0 };
	for (reader = 0; reader < CONFIG_READER_COUNT; reader++)
		apart_out->snapshots[reader] = -1;
	task->error = open_all(task);
	if (!task->error)
		code = run_reader(task);
	if (code == READER_DONE)
		task->error = take(task, apart_out);
	if (task->error)
		code = READER_FAILED;
	if (code != READER_DONE)
		close_all(task->next);
	return code;
}

/* --- the report --- */

/* Why nobody could read the file; to be freed. */
static char *
failure_text(const struct task *task)
{
	bool none_free = task->error == -EMFILE || task->error == -ENFILE;
	char *text;

	if (!task->error)
		return xstrdup("the process that is to read the configuration"
			       " has failed");
	CHECK(asprintf(&text, "the configuration cannot be read%s: %s",
		  none_free ? ": cmanagerd has too few free file descriptors"
			    : "",
		  strerror(-task->error)) > 0);
	return text;
}

/* All there is, with a NUL behind; to be freed. */
static char *
slurp(int fd, size_t *len_out)
{
	struct stat status;
	char *text;
	ssize_t got;

	if (fstat(fd, &status) != 0 || status.st_size < 0 ||
	    status.st_size > REPORT_MAX)
		return NULL;
	text = xcalloc((size_t)status.st_size + 1, 1);
	got = pread(fd, text, (size_t)status.st_size, 0);
	*len_out = got > 0 ? (size_t)got : 0;
	return text;
}

static char *
next_text(const char **at, const char *end)
{
	const char *text = *at;

	if (text >= end)
		return xstrdup("");
	*at = text + strlen(text) + 1;
	return xstrdup(text);
}

int
config_apart_load(const char *path, struct config_apart *apart_out)
{
	struct task task = { .path = path };
	int code = read_apart(&task, apart_out);
	char *problems = NULL, *failure;
	size_t len;

	if (task.report_fd >= 0)
		problems = slurp(task.report_fd, &len);
	fd_close(&task.report_fd);
	if (!problems)
		problems = xstrdup("");
	if (code == READER_DONE) {
		apart_out->warnings = problems;
		return 0;
	}
	(void)fputs(problems, stderr);
	free(problems);
	if (code != READER_REFUSED) {
		failure = failure_text(&task);
		(void)fprintf(stderr, "%s: %s\n", path, failure);
		free(failure);
	}
	return task.error ? task.error : -EINVAL;
}

static void
take_report(const struct task *task, bool failed,
    struct reload_report *report_out)
{
	size_t len = 0;
	char *text = failed ? NULL : slurp(task->report_fd, &len);
	const char *at = text, *end = text ? text + len : NULL;

	report_out->problems = text ? next_text(&at, end) : failure_text(task);
	report_out->applied = next_text(&at, end);
	report_out->restart = next_text(&at, end);
	free(text);
}

int
config_apart_reload(const int snapshots[CONFIG_READER_COUNT],
    struct config_apart *apart_out, struct reload_report *report_out)
{
	struct task task = { .snapshots = snapshots };
	int code = read_apart(&task, apart_out);

	take_report(&task, code != READER_DONE && code != READER_REFUSED,
	    report_out);
	fd_close(&task.report_fd);
	if (code == READER_DONE)
		return 0;
	return task.error ? task.error : -EINVAL;
}

void
config_apart_close(struct config_apart *apart)
{
	if (!apart->config)
		return;
	config_free(&apart->config);
	free(apart->warnings);
	apart->warnings = NULL;
	close_all(apart->snapshots);
}
