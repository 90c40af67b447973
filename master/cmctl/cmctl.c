/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmctl - asks a running cmanagerd and shows what it says; a thin client of
 * the control socket (master/control.h).
 */
#include "common/base/base.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_PATH "/run/cmanager/control"

/* Exit codes, for scripts. */
enum { DONE, REFUSED, MISUSED, UNREACHABLE };

struct screen {
	size_t width; /* 0: no terminal, nothing is cut */
	bool title;   /* the next line is the first */
};

static int
usage(void)
{
	fprintf(stderr, "usage: cmctl [-j] [-s SOCKET] COMMAND...\n"
			"  -j         answer in JSON\n"
			"  -s SOCKET  ask there, not at " SOCKET_PATH "\n"
			"cmctl help lists the commands.\n");
	return MISUSED;
}

static FILE *
reach(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return NULL;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		int error = errno;

		close(fd);
		errno = error;
		return NULL;
	}
	return fdopen(fd, "r+");
}

/* In quotes whatever they hold, so that each stays one word. */
static void
ask(FILE *daemon, bool json, char **words)
{
	const char *at;

	if (json)
		fputs("json", daemon);
	for (; *words; words++) {
		fputs(" \"", daemon);
		for (at = *words; *at; at++) {
			if (*at == '"' || *at == '\\')
				fputc('\\', daemon);
			fputc(*at, daemon);
		}
		fputc('"', daemon);
	}
	fputc('\n', daemon);
	fflush(daemon);
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
show(struct screen *screen, const char *line)
{
	size_t at = 0, columns = 0;

	if (screen->width == 0) {
		fputs(line, stdout);
		return;
	}
	for (; line[at] && line[at] != '\n'; at++) {
		columns += ((unsigned char)line[at] & 0xc0) != 0x80;
		if (columns > screen->width)
			break;
	}
	printf(screen->title ? "\033[1m%.*s\033[0m\n" : "%.*s\n", (int)at,
	    line);
	screen->title = false;
}

/* The last line says how it went; until it is there, each may be it. */
static int
hear(FILE *daemon, struct screen *screen)
{
	static char *line;
	static size_t room;

	while (getline(&line, &room, daemon) > 0) {
		if (strcmp(line, "ok\n") == 0)
			return DONE;
		if (strncmp(line, "error: ", 7) == 0) {
			fprintf(stderr, "cmctl: %s", line + 7);
			return REFUSED;
		}
		show(screen, line);
	}
	fprintf(stderr, "cmctl: the connection was lost\n");
	return UNREACHABLE;
}

int
main(int argc, char **argv)
{
	const char *path = SOCKET_PATH;
	struct screen screen;
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
	signal(SIGPIPE, SIG_IGN); /* a lost connection is said in words */
	daemon = reach(path);
	if (!daemon) {
		fprintf(stderr, "cmctl: cannot reach %s: %s\n", path,
		    strerror(errno));
		return UNREACHABLE;
	}
	screen = look_at_screen(json);
	ask(daemon, json, argv + optind);
	code = hear(daemon, &screen);
	fclose(daemon);
	return code;
}
