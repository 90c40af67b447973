/* SPDX-License-Identifier: Apache-2.0 */
#include "master/cmctl/top.h"

#include "master/cmctl/picture.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define PERIOD_S     2.0
#define PERIOD_MAX_S 30.0 /* the daemon sends away who is quiet for long */
#define KEYS         "q quit  a age  i idle  u/d stanzas  U/D bytes  r turn round"

/* Of the terminal: a screen of its own without a cursor, and back. */
#define ENTER_SCREEN "\033[?1049h\033[?25l"
#define LEAVE_SCREEN "\033[?25h\033[?1049l"

static volatile sig_atomic_t ended;

static void
on_end(int number)
{
	(void)number;
	ended = 1;
}

/* --- keys --- */

/* False: that was the last picture. */
static bool
obey(struct picture *picture, char key)
{
	static const struct {
		char key;
		const char *field;
	} sorts[] = { { 'a', "age" }, { 'i', "idle" }, { 'u', "stanzas_up" },
		{ 'd', "stanzas_down" }, { 'U', "bytes_up" },
		{ 'D', "bytes_down" } };
	size_t i;

	for (i = 0; i < ARRAY_LEN(sorts); i++)
		if (sorts[i].key == key)
			picture->sort = sorts[i].field;
	if (key == 'r')
		picture->ascending = !picture->ascending;
	return key != 'q';
}

/* Draws at once after a key, and when the size changes. */
static int
watch(struct picture *picture, int period_ms)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	char key;
	int code;

	while (!ended) {
		code = picture_draw(picture);
		if (code != DONE)
			return ended ? DONE : code;
		if (poll(&input, 1, period_ms) <= 0)
			continue;
		if (read(STDIN_FILENO, &key, 1) != 1 || !obey(picture, key))
			return DONE;
	}
	return DONE;
}

static void
on_size(int number)
{
	(void)number;
}

static void
catch_signals(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction action = { .sa_handler = on_end };
	size_t i;

	for (i = 0; i < ARRAY_LEN(ends); i++)
		sigaction(ends[i], &action, NULL);
	action.sa_handler = on_size; /* poll() alone is to notice */
	action.sa_flags = SA_RESTART;
	sigaction(SIGWINCH, &action, NULL);
}

static bool
read_period(const char *text, int *period_ms_out)
{
	char *end;
	double seconds = text ? strtod(text, &end) : PERIOD_S;

	if (text && (*end || end == text))
		return false;
	if (!(seconds >= 0.1 && seconds <= PERIOD_MAX_S))
		return false;
	*period_ms_out = (int)(seconds * 1000);
	return true;
}

static void
enter(const struct termios *before)
{
	struct termios raw = *before;

	catch_signals();
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	fputs(ENTER_SCREEN, stdout);
}

/* A signal to end may have cut off what was written: that is no fault. */
static void
leave(const struct termios *before)
{
	if (ended)
		clearerr(stdout);
	fputs(LEAVE_SCREEN, stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSANOW, before);
}

int
top_run(FILE *daemon, const char *seconds)
{
	struct picture picture = {
		.daemon = daemon, .help = KEYS, .sort = "stanzas_up"
	};
	struct termios before;
	int period_ms, code;

	if (!read_period(seconds, &period_ms)) {
		fprintf(stderr, "cmctl: a period is 0.1 to %.0f seconds\n",
		    PERIOD_MAX_S);
		return MISUSED;
	}
	if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0) {
		fprintf(stderr, "cmctl: top needs a terminal\n");
		return MISUSED;
	}
	enter(&before);
	picture_init(&picture);
	code = watch(&picture, period_ms);
	leave(&before);
	if (code != DONE && picture.why) /* on no screen that goes away */
		fprintf(stderr, "cmctl: %s\n", picture.why);
	picture_destroy(&picture);
	return code;
}
