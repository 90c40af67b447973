/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmanagerd - the composition root: arguments, configuration, and the only
 * place that knows both the master and its children.
 */
#include "common/base/log.h"
#include "common/net/fd.h"
#include "common/process/config.h"
#include "common/process/title.h"
#include "common/shm/process_page.h"
#include "master/certificates.h"
#include "master/config_apart.h"
#include "master/daemon.h"
#include "master/log_target.h"
#include "master/reload.h"
#include "master/service_manager.h"
#include "master/signals.h"
#include "master/supervisor.h"
#include "worker/client/client_worker.h"
#include "worker/control/control_worker.h"
#include "worker/upstream/upstream.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#ifndef CM_CONFIG_FILE
#define CM_CONFIG_FILE "/etc/cmanager/manager.xml"
#endif

enum task { TASK_RUN, TASK_CHECK, TASK_PRINT, TASK_VERSION };

#define GIVEN_MAX 64u

struct arguments {
	const char *path;
	const char *given[GIVEN_MAX]; /* options beside the file */
	unsigned given_count;
	const char *pid_file;
	bool background;
	enum task task;
};

static int
usage(void)
{
	fprintf(stderr,
	    "usage: cmanagerd [-dftTV] [-c FILE] [-D NAME=VALUE]... [-p FILE]\n"
	    "  -c FILE  read FILE, not " CM_CONFIG_FILE "\n"
	    "  -D NAME=VALUE\n"
	    "           this value for an option, whatever FILE says\n"
	    "  -d       go to the background once ready\n"
	    "  -f       stay in the foreground, as without -d\n"
	    "  -p FILE  write the process id to FILE, not to pid.file\n"
	    "  -t       check the configuration and exit\n"
	    "  -T       print the effective configuration and exit\n"
	    "  -V       print the version and exit\n");
	return 2;
}

static bool
parse_arguments(int argc, char **argv, struct arguments *arguments)
{
	int option;

	*arguments = (struct arguments){ .path = CM_CONFIG_FILE };
	while ((option = getopt(argc, argv, "c:D:dfp:tTV")) != -1) {
		if (option == 'c')
			arguments->path = optarg;
		else if (option == 'D' && arguments->given_count < GIVEN_MAX)
			arguments->given[arguments->given_count++] = optarg;
		else if (option == 'd' || option == 'f')
			arguments->background = option == 'd';
		else if (option == 'p')
			arguments->pid_file = optarg;
		else if (option == 't')
			arguments->task = TASK_CHECK;
		else if (option == 'T')
			arguments->task = TASK_PRINT;
		else if (option == 'V')
			arguments->task = TASK_VERSION;
		else
			return false;
	}
	return optind == argc;
}

/* Started without one of the first three, a socket or the region would take its
 * number, and children keep those. */
static bool
fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static void
on_ready(void)
{
	log_sink_echo(false);
	daemon_release(0);
}

static int
supervise(const struct config_apart *apart, const struct arguments *arguments,
    const struct service_sockets *inherited)
{
	const struct config *config = apart->config;
	const struct supervisor_setup setup = {
		.worker = client_worker_main,
		.upstream = upstream_main,
		.control = control_worker_main,
		.background = arguments->background,
		.on_ready = on_ready,
		.inherited = inherited,
		.snapshots = apart->snapshots,
	};
	const char *path =
	    arguments->pid_file ? arguments->pid_file : config->pid_file;
	struct pid_file pid_file;
	int code, name_fd;

	if (daemon_open_pid_file(&pid_file, path) != 0)
		return 1;
	name_fd = daemon_open_name(config->server.manager_name,
	    config->server.domain);
	code = supervisor_run(config, &setup);
	fd_close(&name_fd);
	daemon_close_pid_file(&pid_file);
	return code;
}

/* In the background, what keeps it from becoming ready is also said to whoever
 * called it. */
static int
run(const struct config_apart *apart, const struct arguments *arguments,
    const struct service_sockets *inherited)
{
	const struct config *config = apart->config;
	int code = 1, error;

	signals_ignore();
	log_init("master", (enum log_level)config->log_level);
	if (arguments->background && daemon_enter() != 0) {
		log_at(LOG_ERROR, "cannot go to the background");
		return 1;
	}
	log_sink_echo(arguments->background);
	error = log_target_begin(config, arguments->background);
	reload_log_problems(apart->warnings, false);
	if (!error)
		code = supervise(apart, arguments, inherited);
	daemon_release(code);
	return code;
}

static int
load_and_run(int argc, char **argv, const struct arguments *arguments,
    const struct service_sockets *inherited)
{
	struct config_apart apart;
	int code;

	signal(SIGCHLD, SIG_DFL); /* whoever started us may ignore it */
	if (config_apart_load(arguments->path, &apart) != 0)
		return 1;
	title_init(argc, argv);
	code = run(&apart, arguments, inherited);
	config_apart_close(&apart);
	return code;
}

/* For a person, by this process alone. */
static int
show(const struct arguments *arguments)
{
	struct config *config;

	if (config_load(arguments->path, stderr, &config) != 0)
		return 1;
	config_look_at_certificates(config);
	if (arguments->task == TASK_CHECK)
		certificates_print(config, certificates_now_s(), stderr);
	if (arguments->task == TASK_CHECK)
		printf("%s: the configuration is good\n", arguments->path);
	else
		config_print(config, stdout);
	config_free(&config);
	return 0;
}

int
main(int argc, char **argv)
{
	struct service_sockets inherited;
	struct arguments arguments;

	recent_errors_hold();
	service_manager_take_sockets(&inherited);
	if (!fill_standard_descriptors())
		return 1;
	if (!parse_arguments(argc, argv, &arguments))
		return usage();
	config_give(arguments.given, arguments.given_count);
	if (arguments.task == TASK_VERSION) {
		printf("cmanagerd %s\n", CM_VERSION);
		return 0;
	}
	if (arguments.task != TASK_RUN)
		return show(&arguments);
	return load_and_run(argc, argv, &arguments, &inherited);
}
