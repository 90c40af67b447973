/* SPDX-License-Identifier: Apache-2.0 */
#include "master/cmctl/top.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define PERIOD_S     2.0
#define PERIOD_MAX_S 30.0 /* the daemon sends away who is quiet for long */
#define KEYS         "q quit  a age  i idle  u/d stanzas  U/D bytes  r turn round"

/* Of the terminal: a screen of its own without a cursor, and back. */
#define ENTER_SCREEN "\033[?1049h\033[?25l"
#define LEAVE_SCREEN "\033[?25h\033[?1049l"

struct top {
	FILE *daemon;
	unsigned rows, columns;
	unsigned row;     /* that is written next */
	bool title;       /* the next line is one */
	const char *sort; /* field */
	bool ascending;
	char summary[256];
};

static volatile sig_atomic_t ended;

static void
on_end(int number)
{
	(void)number;
	ended = 1;
}

/* --- one picture --- */

static void
put(struct top *top, const char *line, const char *style)
{
	if (top->row >= top->rows)
		return;
	printf("\033[%u;1H%s%.*s\033[0m\033[K", ++top->row, style,
	    (int)talk_fit(line, top->columns), line);
}

static void
put_row(void *context, const char *line)
{
	struct top *top = context;

	put(top, line, top->title ? "\033[1m" : "");
	top->title = false;
}

/* Of `key: value` lines those that say most. */
static void
summarise(void *context, const char *line)
{
	static const char *const keys[] = { "version", "uptime_s", "server",
		"links", "links_wanted", "clients", "workers" };
	struct top *top = context;
	size_t used = strlen(top->summary), len = strcspn(line, ":"), i;

	for (i = 0; i < ARRAY_LEN(keys); i++)
		if (strlen(keys[i]) == len && memcmp(keys[i], line, len) == 0)
			snprintf(top->summary + used,
			    sizeof(top->summary) - used, "%s%.*s",
			    used ? "  " : "", (int)strcspn(line, "\n"), line);
}

static int
request(struct top *top, const char *const *words,
    void (*fn)(void *context, const char *line))
{
	talk_send(top->daemon, false, words);
	return talk_receive(top->daemon, fn, top);
}

static void
measure(struct top *top)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0)
		size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	top->rows = size.ws_row;
	top->columns = size.ws_col;
	top->row = 0;
}

static int
draw_sessions(struct top *top)
{
	char sort[64], limit[32];
	const char *const words[] = { "show", "sessions", sort, limit, NULL };

	if (top->row + 1 >= top->rows)
		return DONE;
	snprintf(sort, sizeof(sort), "sort=%s%s", top->ascending ? "-" : "",
	    top->sort);
	snprintf(limit, sizeof(limit), "limit=%u", top->rows - top->row - 1);
	top->title = true;
	return request(top, words, put_row);
}

static int
draw(struct top *top)
{
	static const char *const info[] = { "show", "info", NULL };
	static const char *const workers[] = { "show", "workers", NULL };
	static const char *const links[] = { "show", "links", NULL };
	const char *const *const tables[] = { workers, links };
	int code;
	size_t i;

	measure(top);
	top->summary[0] = '\0';
	code = request(top, info, summarise);
	put(top, top->summary, "");
	put(top, KEYS, "\033[2m");
	for (i = 0; i < ARRAY_LEN(tables) && code == DONE; i++) {
		top->title = true;
		code = request(top, tables[i], put_row);
	}
	if (code == DONE)
		code = draw_sessions(top);
	printf("\033[J");
	fflush(stdout);
	return code;
}

/* --- keys --- */

/* False: that was the last picture. */
static bool
obey(struct top *top, char key)
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
			top->sort = sorts[i].field;
	if (key == 'r')
		top->ascending = !top->ascending;
	return key != 'q';
}

/* Draws at once after a key, and when the size changes. */
static int
watch(struct top *top, int period_ms)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	char key;
	int code;

	while (!ended) {
		code = draw(top);
		if (code != DONE)
			return code;
		if (poll(&input, 1, period_ms) <= 0)
			continue;
		if (read(STDIN_FILENO, &key, 1) != 1 || !obey(top, key))
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
	action.sa_handler = on_size;
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

int
top_run(FILE *daemon, const char *seconds)
{
	struct top top = { .daemon = daemon, .sort = "stanzas_up" };
	struct termios before, raw;
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
	catch_signals();
	raw = before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	fputs(ENTER_SCREEN, stdout);
	code = watch(&top, period_ms);
	fputs(LEAVE_SCREEN, stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSANOW, &before);
	if (code == UNREACHABLE) /* what was said is gone with the screen */
		fprintf(stderr, "cmctl: the connection was lost\n");
	return code;
}
