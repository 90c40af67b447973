/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmctl - queries a running cmanagerd and shows what it answers; a thin client
 * of the control socket.
 */
#include "master/cmctl/show.h"
#include "master/cmctl/top.h"
#include "master/cmctl/usage.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

struct arguments {
	const char *path;
	bool json;
	char **words; /* the command, up to NULL */
};

/* What is asked of cmctl itself ends it here. */
enum { GO_ON = -1 };

static int
run_once(FILE *daemon, bool json, char **words)
{
	bool traces = strcmp(words[0], "trace") == 0;

	if (traces) /* each line when it comes */
		setvbuf(stdout, NULL, _IOLBF, 0);
	talk_send(daemon, (const char *const *)words);
	return show_answer(daemon,
	    json     ? SHOW_JSON
	    : traces ? SHOW_TRACE
		     : SHOW_PEOPLE,
	    show_look(STDOUT_FILENO), stdout);
}

static int
refuse_options(void)
{
	usage_print_options(stderr);
	return MISUSED;
}

/* The command's, if --help or -h is its last word. */
static int
show_help(char **words)
{
	char **last = words;

	while (last[0] && last[1])
		last++;
	if (!*last ||
	    (strcmp(*last, "--help") != 0 && strcmp(*last, "-h") != 0))
		return GO_ON;
	return usage_print_commands(words, last);
}

static int
parse_arguments(int argc, char **argv, struct arguments *arguments)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "socket", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "+js:hV", options, NULL)) !=
	       -1) {
		if (option == 'j') {
			arguments->json = true;
		} else if (option == 's') {
			arguments->path = optarg;
		} else if (option == 'h') {
			usage_print_all(stdout);
			return DONE;
		} else if (option == 'V') {
			printf("cmctl %s\n", CM_VERSION);
			return DONE;
		} else {
			return refuse_options();
		}
	}
	arguments->words = argv + optind;
	if (optind < argc)
		return show_help(arguments->words);
	fprintf(stderr, "cmctl: which command? cmctl --help lists them\n");
	return refuse_options();
}

static int
talk(const struct arguments *arguments)
{
	bool top = strcmp(arguments->words[0], "top") == 0;
	FILE *daemon;
	int code;

	if (top && arguments->words[1] && arguments->words[2]) {
		fprintf(stderr, "cmctl: usage: cmctl top [SECONDS]\n");
		return MISUSED;
	}
	setlocale(LC_CTYPE, "C.UTF-8"); /* how wide characters are */
	daemon = talk_reach(arguments->path);
	if (!daemon)
		return UNREACHABLE;
	code = top ? top_run(daemon, arguments->words[1])
		   : run_once(daemon, arguments->json, arguments->words);
	fclose(daemon);
	return code;
}

/* Where a standard descriptor is closed nothing can be written, and what is
 * opened later is not taken for it. */
static void
fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* What could not be written is no success; who reads no more wants no more. */
static int
finish(int code)
{
	struct pollfd output = { .fd = STDOUT_FILENO };
	bool failed = ferror(stdout); /* earlier, in an answer that is long */
	int error = fflush(stdout) != 0 ? errno : 0;

	if ((!failed && !error) || code != DONE ||
	    (poll(&output, 1, 0) > 0 && (output.revents & POLLERR)))
		return code;
	fprintf(stderr, "cmctl: cannot write the answer%s%s\n",
	    error ? ": " : "", error ? strerror(error) : "");
	return REFUSED;
}

int
main(int argc, char **argv)
{
	struct arguments arguments = { .path = SOCKET_PATH };
	int code;

	fill_standard_descriptors();
	signal(SIGPIPE, SIG_IGN); /* who has gone is told of in words */
	code = parse_arguments(argc, argv, &arguments);
	return finish(code == GO_ON ? talk(&arguments) : code);
}
