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
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef CM_CONFIG_FILE
#define CM_CONFIG_FILE "/etc/cmanager/manager.xml"
#endif

enum task { TASK_RUN, TASK_CHECK, TASK_PRINT, TASK_HELP, TASK_VERSION };

#define EXIT_MISUSED 2

struct arguments {
	const char *path;
	const char **given; /* options beside the file; owned */
	size_t given_count;
	const char *pid_file;
	bool background;
	enum task task;
};

static void
print_usage(FILE *out)
{
	fputs("usage: cmanagerd [-dftThV] [-c FILE] [-D NAME=VALUE]... [-p "
	      "FILE]\n"
	      "  -c, --config=FILE    read FILE, not " CM_CONFIG_FILE "\n"
	      "  -D NAME=VALUE, --define=NAME=VALUE\n"
	      "                       this value for an option, whatever FILE "
	      "says\n"
	      "  -d, --background     go to the background once ready\n"
	      "  -f, --foreground     stay in the foreground, as without -d\n"
	      "  -p, --pid-file=FILE  write the process id to FILE, not to "
	      "pid.file\n"
	      "  -t, --check          check the configuration and exit\n"
	      "  -T, --print-config   print the effective configuration and "
	      "exit\n"
	      "  -h, --help           print this and exit\n"
	      "  -V, --version        print the version and exit\n"
	      "cmanagerd(8) explains them, manager.xml(5) the options of "
	      "FILE.\n",
	    out);
}

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "define", required_argument, NULL, 'D' },
	{ "background", no_argument, NULL, 'd' },
	{ "foreground", no_argument, NULL, 'f' },
	{ "pid-file", required_argument, NULL, 'p' },
	{ "check", no_argument, NULL, 't' },
	{ "print-config", no_argument, NULL, 'T' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* False for one that is not known. */
static bool
take_option(int option, struct arguments *arguments)
{
	if (option == 'c')
		arguments->path = optarg;
	else if (option == 'D')
		arguments->given[arguments->given_count++] = optarg;
	else if (option == 'd' || option == 'f')
		arguments->background = option == 'd';
	else if (option == 'p')
		arguments->pid_file = optarg;
	else if (option == 't')
		arguments->task = TASK_CHECK;
	else if (option == 'T')
		arguments->task = TASK_PRINT;
	else if (option == 'h')
		arguments->task = TASK_HELP;
	else if (option == 'V')
		arguments->task = TASK_VERSION;
	else
		return false;
	return true;
}

static bool
tells_of_itself(const struct arguments *arguments)
{
	return arguments->task == TASK_HELP || arguments->task == TASK_VERSION;
}

/* What follows --help or --version is not looked at. */
static bool
parse_arguments(int argc, char **argv, struct arguments *arguments)
{
	int option;

	*arguments = (struct arguments){ .path = CM_CONFIG_FILE,
		.given = xcalloc((size_t)argc + 1, sizeof(char *)) };
	while (!tells_of_itself(arguments) &&
	       (option = getopt_long(argc, argv, "c:D:dfhp:tTV", long_options,
		    NULL)) != -1)
		if (!take_option(option, arguments))
			return false;
	if (!tells_of_itself(arguments) && optind < argc) {
		fprintf(stderr, "cmanagerd: '%s' belongs to no option\n",
		    argv[optind]);
		return false;
	}
	return true;
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

static int
supervise(const struct config_apart *apart, const struct arguments *arguments,
    const struct service_sockets *inherited)
{
	const struct config *config = apart->config;
	const struct supervisor_setup setup = {
		.mains = { .worker = client_worker_main,
		    .upstream = upstream_main,
		    .standby = upstream_main,
		    .control = control_worker_main },
		.background = arguments->background,
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
	config_advise(config, stderr);
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

static int
tell(enum task task)
{
	if (task == TASK_HELP)
		print_usage(stdout);
	else
		printf("cmanagerd %s\n", CM_VERSION);
	return fflush(stdout) == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct service_sockets inherited;
	struct arguments arguments;
	int code;

	recent_errors_hold();
	service_manager_take_sockets(&inherited);
	if (!fill_standard_descriptors())
		return 1;
	if (!parse_arguments(argc, argv, &arguments)) {
		print_usage(stderr);
		code = EXIT_MISUSED;
	} else if (tells_of_itself(&arguments)) {
		code = tell(arguments.task);
	} else {
		config_give(arguments.given, arguments.given_count);
		if (config_check_given(stderr) != 0)
			code = EXIT_MISUSED;
		else if (arguments.task != TASK_RUN)
			code = show(&arguments);
		else
			code = load_and_run(argc, argv, &arguments, &inherited);
	}
	free(arguments.given);
	return code;
}
