/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmctl - queries a running cmanagerd and shows what it answers; a thin client
 * of the control socket.
 */
#include "master/cmctl/talk.h"
#include "master/cmctl/top.h"

#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SOCKET_PATH "/run/cmanager/control"

struct screen {
	size_t width; /* 0: no terminal, nothing is cut */
	bool title;   /* the next line is the first */
};

static int
usage(void)
{
	fprintf(stderr, "usage: cmctl [-j] [-s SOCKET] COMMAND...\n"
			"       cmctl [-s SOCKET] top [SECONDS]\n"
			"  -j         answer in JSON\n"
			"  -s SOCKET  connect there, not to " SOCKET_PATH "\n"
			"cmctl help lists the commands.\n");
	return MISUSED;
}

static struct screen
look_at_screen(bool json)
{
	struct winsize size;

	if (json || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
		return (struct screen){ 0 };
	return (struct screen){ .width = size.ws_col, .title = true };
}

/* On a terminal a line fits, and the first one is bold. */
static void
show(void *context, const char *line)
{
	struct screen *screen = context;

	if (screen->width == 0) {
		fputs(line, stdout);
		return;
	}
	printf(screen->title ? "\033[1m%.*s\033[0m\n" : "%.*s\n",
	    (int)talk_fit(line, screen->width), line);
	screen->title = false;
}

static int
run_once(FILE *daemon, bool json, char **words)
{
	bool traces = strcmp(words[0], "trace") == 0;
	struct screen screen = look_at_screen(json || traces);

	if (traces) /* each line when it comes, and all of it */
		setvbuf(stdout, NULL, _IOLBF, 0);
	talk_send(daemon, json, (const char *const *)words);
	return talk_receive(daemon, show, &screen);
}

int
main(int argc, char **argv)
{
	const char *path = SOCKET_PATH;
	bool json = false;
	FILE *daemon;
	int option, code;

	while ((option = getopt(argc, argv, "+js:")) != -1) {
		if (option == 'j')
			json = true;
		else if (option == 's')
			path = optarg;
		else
			return usage();
	}
	if (optind == argc)
		return usage();
	signal(SIGPIPE, SIG_IGN); /* a lost connection is reported in words */
	daemon = talk_reach(path);
	if (!daemon)
		return UNREACHABLE;
	if (strcmp(argv[optind], "top") == 0 && argc - optind <= 2)
		code = top_run(daemon, argv[optind + 1]);
	else
		code = run_once(daemon, json, argv + optind);
	fclose(daemon);
	return code;
}
